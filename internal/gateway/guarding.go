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
	{"GET /agreements/{id}/{version}/compare", staff, (*visit).compareAgreements},
	{"POST /agreements/{id}/{version}/sign", staff, (*visit).signAgreement},
	{"GET /agreements/{id}/{version}/{action}", staff, (*visit).askStatus},
	{"POST /agreements/{id}/{version}/{action}", staff, (*visit).setStatus},
	{"GET /people/new", staff, (*visit).newPerson},
	{"POST /people/new", staff, (*visit).join},
	{"GET /person/{user}", staff, (*visit).person},
	{"POST /person/{user}/move", staff, (*visit).move},
	{"POST /person/{user}/leave", staff, (*visit).leave},
	{"POST /person/{user}/invite", staff, (*visit).inviteAgain},
	{"POST /proofs/rotate", staff, (*visit).rotateKey},
	{"GET /session", staff, (*visit).sessionEnds},
}
