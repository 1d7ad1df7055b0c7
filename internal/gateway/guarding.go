package gateway

// guarding are the pages around messages: who may see where a child is, who it is that signs, and what leaves the house.
var guarding = []route{
	{"GET /cases/{id}/whereabouts", reader, (*visit).askWhereabouts},
	{"POST /cases/{id}/whereabouts", reader, (*visit).showWhereabouts},
	{"GET /cases/{id}/restrict", reader, (*visit).askRestrict},
	{"POST /cases/{id}/restrict", reader, (*visit).restrict},
}
