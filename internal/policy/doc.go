// Package policy is the decision point (XACML PDP): one pure function from a request, the facts of the
// register and an instant to a decision, the same in the hub, in a sender's dry run and in an auditor's
// replay. Default deny; deny wins; what is not built denies by name; a fact that is missing never permits.
//
// The checks are those of the domain notes §8. For each: what it reads, and which test goes red when it is
// taken out (testdata/README.md has every part of every check).
//
//	step  what it asks, and reads                                              red without it
//	P01   kind, facts, status, classification, fields: the header, Told        TestCases told-not-said, n01, n04
//	P02   the sender's type and role, and its state: Facts.Sender              TestCases n05, sender-suspended
//	P03   the recipient, Art 34 by Central Authority: Facts.Recipient, CAOnly  TestCases n06, n07, s23
//	P04   the basis for this sender on this day, gateways, s16LA: Facts.Law    TestBases, TestGateways, TestSecondOpinion
//	P05   Art 9, Sch 1 and its para 18, Art 10: descriptors, Facts.Law         TestCases n12, n13, TestSecondOpinion
//	P06   agreement, reply or emergency; the outage rule: Facts.Agreements,    TestCases n14 to n17, emergency-…, outage-…,
//	      Answered, Loaded                                                     TestOutageNarrows, TestSecondReading
//	P07   the transfer's route and what it needs: Facts.Law, assessments       TestRoutes, TestCases n18, TestSecondOpinion
//	P08   danger check, label, grading, caveats and their clearing: header,    TestCases caveat-…, address-…, label-…,
//	      descriptors, listed                                                  TestSecondOpinion
//	P09   consent × basis × threshold (matrix.go): Facts.Consents              TestMatrix, TestSecondOpinion
//	P10   the section's own default, then the term: cares, the agreement       TestStaysHome, TestClauses, TestSecondReading
//	P11   onward sharing, where its originator kept control: Facts.Onward,     TestCases onward-…
//	      Facts.Marked, descriptors onward
//	P12   the return gate                                                      not built: return.* is refused by name
//	P13   training of who overrides, signs or advises: Facts.Training          TestCases training-…, TestLosingAFact
//	P14   approvals by name, role and number: Facts.Approvals                  TestCases address-abroad-…, n30, TestMatrix
//	P15   deadlines, as long as the tables say; notes: Facts.Law               TestCases due-…, TestClocks
package policy
