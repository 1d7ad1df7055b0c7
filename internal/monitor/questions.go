package monitor

import "fmt"

// question is one of the audit questions of the domain notes §18.3.
type question struct {
	id, text string
	needs    string // flag without which it is not asked
	waits    string // what entries the rest of it, or all of it, waits for
	sql      string // "": see ask, or nothing of it can be answered yet
	says     func(a *Answer) string
	never    bool // a row is a breach
}

// none says what it means that a table which must be empty is, or is not.
func none(what string) func(a *Answer) string {
	return func(a *Answer) string {
		if len(a.Rows) == 0 {
			return "None: " + what + "; this must be so."
		}
		return fmt.Sprintf("%d found where there must be none: %s does not hold.", len(a.Rows), what)
	}
}

const basis = `replace(replace(trim(e.art6 || ' ' || e.annex1 || ' ' || e.gateways || ' ' || e.cite), '  ', ' '), '  ', ' ') AS basis`

// humanAck is the first acknowledgement by a person at the recipient.
const humanAck = `(SELECT min(x.entry) FROM entries x WHERE x.reply_to = e.share AND x.kind = 'ack' AND x.sender = e.recipient
	AND x.level IN ('opened_by_human', 'accepted_for_action') AND x.result IN ('delivered', 'delivered_redacted'))`

// ended is the entry that ended a deadline of e in time or late. Only these deadlines have entries that
// end them; the policy starts others.
const ended = `CASE WHEN u.code IN ('DL-ACK-ALERT', 'DL-ACK-CASE') THEN ` + humanAck + `
	WHEN u.code IN ('DL-RFI', 'DL-RFI-URG', 'DL-RO-INQUIRY') THEN (SELECT min(x.entry) FROM entries x WHERE x.reply_to = e.share
		AND x.sender = e.recipient AND x.kind IN ('info.response', 'disclosure.refusal') AND x.result IN ('delivered', 'delivered_redacted'))
	WHEN u.code = 'DL-LA-DECIDE' THEN (SELECT min(x.entry) FROM entries x WHERE x.reply_to = e.share
		AND x.sender = e.recipient AND x.kind IN ('referral.response', 'disclosure.refusal') AND x.result IN ('delivered', 'delivered_redacted'))
	WHEN u.code = 'DL-RECALL' THEN (SELECT min(x.entry) FROM entries x WHERE x.reply_to = e.share
		AND x.sender = e.recipient AND x.kind = 'recall.confirmation' AND x.result IN ('delivered', 'delivered_redacted')) END`

// signed: every party has signed the agreement g, and none has ended it.
const signed = `(SELECT count(DISTINCT t.agency) FROM steps t WHERE t.ref = g.ref AND t.action = 'sign') = 1 + length(g.parties) - length(replace(g.parties, ' ', ''))
	AND NOT EXISTS (SELECT 1 FROM steps t WHERE t.ref = g.ref AND t.action = 'terminate')`

// questions are those up to AQ21.
var questions = []question{
	{
		id: "AQ01", text: "who received what section about case token X, when, under which basis and agreement?", needs: "case", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", e.kind, s.code AS section, ` + basis + `, s.art9, s.clause
		FROM d e JOIN sections s ON s.entry = e.entry AND s.delivered = 1 WHERE e.case_token = :case ORDER BY e.entry, s.part`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s about this case reached %s in %s.", count(len(a.Rows), "section", "sections"),
				count(a.distinct("to"), "agency", "agencies"), count(len(a.Entries), "share", "shares"))
		},
	},
	{
		id: "AQ02", text: "every share without active agreement; were emergency reviews done in 1 working day?",
		waits: "whether the reviews were done: entries of a review, which no kind makes yet", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", e.kind, e.ground, ` + basis + `,
		(SELECT max(u.at) FROM dues u WHERE u.entry = e.entry AND u.code = 'DL-EMERG-REVIEW') AS "review due"
		FROM c e WHERE e.agreement = '' ORDER BY e.entry`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s delivered without an agreement: %d as emergencies, %d as answers to a share, %d by override; %d owe an emergency review.",
				count(len(a.Rows), "share was", "shares were"), a.having("ground", "emergency"), a.having("ground", "reply"), a.having("ground", "override"), len(a.Rows)-a.having("review due", ""))
		},
	},
	{
		id: "AQ03", text: "every override of a refused or withdrawn consent: reason, approver, reviewed?",
		waits: "whether it was reviewed: entries of a review, which no kind makes yet", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", group_concat(DISTINCT s.code) AS sections, s.override AS reason, e.result,
		(SELECT group_concat(p.user) FROM approvals p WHERE p.share = e.share AND p.agency = e.sender) AS approver,
		(SELECT group_concat(p.entry) FROM approvals p WHERE p.share = e.share AND p.agency = e.sender) AS "approval entry",
		(SELECT max(u.at) FROM dues u WHERE u.entry = e.entry AND u.code = 'DL-OVERRIDE-REVIEW') AS "review due"
		FROM e JOIN sections s ON s.entry = e.entry AND s.override <> '' GROUP BY e.entry, s.override ORDER BY e.entry`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s with an override: %d delivered, %d held for a second person, %d refused; %s a second person.",
				count(len(a.Entries), "entry", "entries"), a.having("result", "delivered")+a.having("result", "delivered_redacted"), a.having("result", "held"), a.having("result", "refused"),
				count(len(a.Rows)-a.having("approver", ""), "row names", "rows name"))
		},
	},
	{
		id: "AQ04", text: "decisions not to share (refusals and s16LA detriment): by agency, reason, reviewed?",
		waits: "whether it was reviewed: entries of a review, which no kind makes yet", sql: `
		SELECT e.entry, e.at AS time, e.sender AS agency, e.recipient AS asked_by, 'refusal' AS what, f.value AS reason
		FROM d e JOIN facts f ON f.entry = e.entry AND f.name = 'reason' WHERE e.kind = 'disclosure.refusal'
		UNION ALL SELECT e.entry, e.at, e.sender, e.recipient, 's16LA detriment', e.detriment FROM e WHERE e.detriment = 'yes' ORDER BY 1`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s on record, by %s. What the hub refused is another matter: fairlead-audit search -result refused.",
				count(len(a.Rows), "decision not to share is", "decisions not to share are"), count(a.distinct("agency"), "agency", "agencies"))
		},
	},
	{
		id: "AQ05", text: "shares based on consent where consent had expired or was invalid at decision time (must be 0)", never: true,
		says: none("every section delivered on consent had a consent on record that covered it and was in time"),
	},
	{
		id: "AQ06", text: "shares where basis A6-1-ea was used by a public authority (must be 0)", never: true, sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", a.type, e.recipient AS "to", e.kind, a.entry AS "enrolment entry"
		FROM c e JOIN agencies a ON a.agency = e.sender AND a.public = 1 WHERE e.art6 = 'A6-1-ea' ORDER BY e.entry`,
		says: none("no share of a public authority was delivered on recognised legitimate interests"),
	},
	{
		id: "AQ07", text: "cross-border shares: mechanism, transfer assessment in date, danger check by whom",
		waits: "whether a transfer assessment was in date: entries that name one; mechanisms that need one are refused till then", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", a.jurisdiction AS "of", e.recipient AS "to", b.jurisdiction AS "in", e.kind,
		e.mechanism, e.danger, e.danger_role AS "checked by"
		FROM c e JOIN agencies a ON a.agency = e.sender JOIN agencies b ON b.agency = e.recipient AND b.state <> a.state ORDER BY e.entry`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s delivered to another State; %d declare no mechanism, %d no danger check.",
				count(len(a.Rows), "share was", "shares were"), a.having("mechanism", ""), a.having("danger", ""))
		},
	},
	{
		id: "AQ08", text: "any message delivered with a danger check of danger or unknown", never: true, sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", e.kind, e.danger, e.danger_role AS "checked by"
		FROM c e WHERE e.danger IN ('danger', 'unknown') ORDER BY e.entry`,
		says: none("no share was delivered to a State where its sender saw danger or did not know"),
	},
	{
		id: "AQ09", text: "any LOC-NOW or ASYLUM section to an origin-State body, consulate or family", never: true,
		waits: "which State is a child's origin: the clear header does not say, so every body abroad is listed; no family has an inbox", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", b.type, b.jurisdiction AS "in", s.code AS section, s.clause
		FROM d e JOIN sections s ON s.entry = e.entry AND s.delivered = 1 AND s.code IN ('LOC-NOW', 'ASYLUM')
		JOIN agencies a ON a.agency = e.sender JOIN agencies b ON b.agency = e.recipient
		WHERE b.state <> a.state OR b.type = 'CONSULATE' ORDER BY e.entry, s.part`,
		says: none("neither whereabouts nor asylum information went to a body abroad or a consulate"),
	},
	{id: "AQ10", text: "returns approved: full rule table at approval, 24 hours before and at departure; any stale evidence", waits: "return.proposal, return.evidence, return.decision and the gate"},
	{id: "AQ11", text: "returns that happened outside the gate and response time", waits: "return.unplanned"},
	{id: "AQ12", text: "post-return monitoring: due, done, missed, outcome", waits: "return.monitoring"},
	{
		id: "AQ13", text: "deadlines: on time %, by agency, country, kind; longest open", sql: `
		SELECT u.code AS deadline, e.recipient AS agency, coalesce(a.jurisdiction, '') AS "in", e.kind, count(*) AS started,
		sum(x.at IS NOT NULL AND x.at <= u.ends) AS "on time", sum(x.at IS NOT NULL AND x.at > u.ends) AS late, sum(x.at IS NULL AND u.ends >= :now) AS running,
		sum(x.at IS NULL AND u.ends < :now) AS overdue, min(CASE WHEN x.at IS NULL THEN u.ends END) AS "longest open since",
		group_concat(e.entry) AS entries
		FROM d e JOIN dues u ON u.entry = e.entry LEFT JOIN agencies a ON a.agency = e.recipient LEFT JOIN entries x ON x.entry = ` + ended + `
		WHERE u.code IN ('DL-ACK-ALERT', 'DL-ACK-CASE', 'DL-RFI', 'DL-RFI-URG', 'DL-RO-INQUIRY', 'DL-LA-DECIDE', 'DL-RECALL')
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 2`,
		waits: "deadlines of other codes: no entry says yet that a review, an assessment or a conference was held",
		says: func(a *Answer) string {
			started, met := a.sum("started"), a.sum("on time")
			if started == 0 {
				return "No deadline that an entry can end was started."
			}
			return fmt.Sprintf("Of %d deadlines %d %% were met (%d); %d were met late, %d run, %d are overdue at the log's last entry.",
				started, 100*met/started, met, a.sum("late"), a.sum("running"), a.sum("overdue"))
		},
	},
	{
		id: "AQ14", text: "alerts: time to first human ack; alerts never acked", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", e.kind, x.entry AS "ack entry", x.user AS "by",
		CAST(round((julianday(x.at) - julianday(e.at)) * 1440) AS INTEGER) AS minutes
		FROM d e LEFT JOIN entries x ON x.entry = ` + humanAck + ` WHERE e.kind IN ('alert.missing', 'alert.at_risk', 'alert.arrival') ORDER BY e.entry`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s delivered; %d were never acknowledged by a person up to the log's last entry.",
				count(len(a.Rows), "alert was", "alerts were"), a.having("ack entry", ""))
		},
	},
	{id: "AQ15", text: "recalls: cause, time to all confirmations, unconfirmed recipients, onward shares", waits: "recall.notice and recall.confirmation"},
	{id: "AQ16", text: "breaches: 72 h met?", waits: "entries of a breach"},
	{id: "AQ17", text: "access without need: opens by users with no task on the case; opens out of hours; mass opens", waits: "entries of opens by user and of tasks; the acknowledgements of today name who opened, not who had a task"},
	{id: "AQ18", text: "forwards against TLP or ORCON (attempts and successes)", waits: "onward sharing"},
	{id: "AQ19", text: "section mismatch findings per sender", waits: "audit.finding"},
	{
		id: "AQ20", text: "agreements expired but still attempted; agreements overdue review; DPIA missing", sql: `
		SELECT e.entry, e.at AS time, 'attempted after its end' AS what, coalesce(r.place, '') AS agreement, e.sender || ' ' || e.recipient AS agencies, r.reason AS note
		FROM e JOIN reasons r ON r.entry = e.entry AND r.reason IN ('E_AGREEMENT_EXPIRED', 'E_AGREEMENT_SUSPENDED')
		UNION SELECT min(g.entry), :now, 'review overdue', g.ref, g.parties, 'review by ' || g.review_by FROM agreements g
			WHERE g.review_by < substr(:now, 1, 10) AND g.ends >= :now AND ` + signed + ` GROUP BY g.ref
		UNION SELECT min(g.entry), :now, 'DPIA missing', g.ref, g.parties, '' FROM agreements g WHERE g.dpia = '' AND ` + signed + ` GROUP BY g.ref ORDER BY 1`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s against an agreement that had ended or was suspended; %d in force are overdue for review, %d name no DPIA.",
				count(a.having("what", "attempted after its end"), "attempt", "attempts"), a.having("what", "review overdue"), a.having("what", "DPIA missing"))
		},
	},
	{id: "AQ21", text: "users who overrode or approved with lapsed training", waits: "training.record"},
}
