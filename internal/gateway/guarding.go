package gateway

// guarding are the pages around messages: who may see where a child is, who it is that signs, and what leaves the house.
var guarding = []route{
	{"GET /cases/{id}/whereabouts", reader, (*visit).askWhereabouts},
	{"POST /cases/{id}/whereabouts", reader, (*visit).showWhereabouts},
	{"GET /cases/{id}/restrict", reader, (*visit).askRestrict},
	{"POST /cases/{id}/restrict", reader, (*visit).restrict},
	{"GET /sign-in/again", staff, (*visit).askConfirm},
	{"POST /sign-in/again/demo", staff, (*visit).demoConfirm},
	{"POST /sign-in/again/begin", staff, (*visit).beginConfirm},
	{"POST /sign-in/again/finish", staff, (*visit).finishConfirm},
	{"GET /cases/{id}/export", reader, (*visit).exportCase},
	{"POST /cases/{id}/export", reader, (*visit).takeCase},
	{"GET /inbox/export", reader, (*visit).exportInbox},
	{"POST /inbox/export", reader, (*visit).takeInbox},
	{"GET /session", staff, (*visit).sessionEnds},
}
