package monitor

import "fmt"

// kept is a count that is kept back where it is so small that it could point at a person.
func kept(count string) string {
	return "CASE WHEN " + count + " BETWEEN 1 AND 4 THEN '<5' ELSE " + count + " END"
}

// moreQuestions are those from AQ22 on.
var moreQuestions = []question{
	{
		id: "AQ22", text: "self-approval or same-team approval of two-person actions", never: true,
		waits: "teams: staff.record names none", sql: `
		SELECT p.entry, y.at AS time, p.agency, p.user AS approver, e.user AS author, e.entry AS "of entry", e.result
		FROM approvals p JOIN entries y ON y.entry = p.entry JOIN e ON e.share = p.share AND e.sender = p.agency AND e.user = p.user ORDER BY p.entry`,
		says: none("nobody approved their own share"),
	},
	{
		id: "AQ23", text: "information that was shared but never opened (duty met on paper only)", sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.recipient AS "to", e.kind,
		CAST(julianday(:now) - julianday(e.at) AS INTEGER) AS days
		FROM c e WHERE ` + humanAck + ` IS NULL AND NOT EXISTS (SELECT 1 FROM entries x WHERE x.reply_to = e.share AND x.sender = e.recipient
			AND x.kind <> 'ack' AND x.result IN ('delivered', 'delivered_redacted')) ORDER BY e.entry`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s delivered that nobody at the recipient opened or answered on record, up to the log's last entry.",
				count(len(a.Rows), "share was", "shares were"))
		},
	},
	{
		id: "AQ24", text: "equality: refusals, overrides, delays by coarse nationality group and nation (k-safe)",
		waits: "nationality groups: no clear fact names one, and delays by them", sql: `
		SELECT coalesce(a.jurisdiction, '?') AS nation, ` + kept(`count(*)`) + ` AS shares, ` + kept(`sum(e.result = 'refused')`) + ` AS refused,
		` + kept(`sum(e.result = 'delivered_redacted')`) + ` AS redacted, ` + kept(`sum(e.entry IN (SELECT entry FROM sections WHERE override <> ''))`) + ` AS overrides
		FROM e LEFT JOIN agencies a ON a.agency = e.sender WHERE e.class = 'share' AND e.kind <> 'ack' AND e.ground <> 'control' GROUP BY 1 ORDER BY 1`,
		says: func(a *Answer) string {
			return fmt.Sprintf("Shares of %s by the nation of their sender; counts of 1 to 4 are kept back as <5.", count(len(a.Rows), "nation", "nations"))
		},
	},
	{id: "AQ25", text: "directory entries stale; requests sent to stale or withdrawn entries", waits: "directory.update"},
	{
		id: "AQ26", text: "chain verification: any gap, fork, clock jump; independent checkpoint match", never: true,
		waits: "cosignatures of witnesses; till then the checkpoints that senders signed into their headers stand for them",
	},
	{id: "AQ27", text: "auditor activity itself: queries by auditor, joint-key openings", waits: "audit.query and a joint audit key"},
	{id: "AQ28", text: "SARs: exemption used, who decided, time", waits: "sar.notice"},
	{id: "AQ29", text: "payloads kept past retention (must be 0)", waits: "retention and tombstones"},
	{id: "AQ30", text: "consent regime at 18: cases where adult consent was not sought within 28 days after the birthday", waits: "a clear fact that a child turned 18, and consent.withdraw"},
	{
		id: "AQ31", text: "was the child or family told? % yes / unsafe / not recorded", sql: `
		SELECT e.sender AS agency, count(*) AS shares, sum(e.told = 'yes') AS yes, sum(e.told = 'no') AS no, sum(e.told = 'unsafe') AS unsafe,
		sum(e.told = 'not_practicable') AS "not practicable", sum(e.told = '') AS "not recorded", group_concat(e.entry) AS entries
		FROM c e GROUP BY 1 ORDER BY 1`,
		says: func(a *Answer) string {
			n := a.sum("shares")
			if n == 0 {
				return "No share was delivered."
			}
			return fmt.Sprintf("Of %d shares delivered, the child or family was told in %d %%, telling was unsafe in %d %%, and %d %% record nothing.",
				n, 100*a.sum("yes")/n, 100*a.sum("unsafe")/n, 100*a.sum("not recorded")/n)
		},
	},
	{id: "AQ32", text: "NRM notices for children at TH3 exploitation cases: made? time from first indicator", waits: "a joint audit key: case tokens differ from pair to pair, and indicators are sealed"},
	{
		id: "AQ33", text: "who used test or exercise status on live recipients (must be 0)", never: true, sql: `
		SELECT e.entry, e.at AS time, e.sender AS "from", e.user, e.recipient AS "to", e.kind, e.status
		FROM d e WHERE e.status NOT IN ('Actual', '') ORDER BY e.entry`,
		says: none("nothing but actual messages reached a live inbox"),
	},
	{
		id: "AQ34", text: "key events: lost keys, rotations, recoveries", sql: `
		SELECT e.entry, e.at AS time, t.agency, t.action AS event, t.reason FROM entries e JOIN acts t ON t.entry = e.entry
		WHERE t.action IN ('enrol', 'reenrol', 'suspend', 'resume', 'remove') AND (:agency = '' OR t.agency = :agency) AND (:since = '' OR e.at >= :since) AND (:until = '' OR e.at < :until)
		UNION ALL SELECT e.entry, e.at, e.sender, 'rotation of the encryption key', '' FROM d e WHERE e.kind = 'agency.certificate' ORDER BY 1`,
		says: func(a *Answer) string {
			return fmt.Sprintf("%s enrolled their first keys, %s, %s suspended for a lost key, %d resumed, %s by new keys under their root, %d removed.", count(a.having("event", "enrol"), "agency", "agencies"),
				count(a.having("event", "rotation of the encryption key"), "rotation", "rotations"), count(a.both("event", "suspend", "reason", "key_loss"), "agency was", "agencies were"), a.having("event", "resume"),
				count(a.having("event", "reenrol"), "recovery", "recoveries"), a.having("event", "remove"))
		},
	},
}
