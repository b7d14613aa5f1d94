package migrate

import "strings"

// kind is what a column of the target holds.
type kind byte

// The kinds. In the source there are only integers, texts and blobs.
const (
	integer kind = iota
	boolean      // an integer in the source
	text
	bytes    // a text or a blob in the source
	nullable // bytes, or nothing
	list     // of texts; JSON in the source
)

// column is a column of the target, and what it comes from.
type column struct {
	name string
	kind kind
	from string // an expression of the source
}

// table is a table of the target, and what it comes from.
type table struct {
	name    string
	columns []column
	from    string // a table of the source, perhaps with a condition
}

// derived are tables that the source does not have: what makes them of other ones.
func derived() map[string]string {
	return map[string]string{
		"inboxes":      "INSERT INTO inboxes (who) SELECT DISTINCT who FROM notices",
		"outbox_lines": "INSERT INTO outbox_lines (target, line) SELECT DISTINCT target, line FROM outbox WHERE state < 4",
	}
}

// empty is a table that begins empty: what it notes is not noted by the source.
const empty = "publication_checks"

// sequence gives out numbers that must go on after those that the source has given.
type sequence struct {
	name string // an expression of the target
	last string // a query of the source
}

func sequences() []sequence {
	return []sequence{
		{"pg_get_serial_sequence('streams', 'id')", "SELECT COALESCE(MAX(id), 0) FROM streams"},
		{"'places'", "SELECT COALESCE(MAX(place), 0) FROM streams"},
		{"pg_get_serial_sequence('publications', 'number')", "SELECT COALESCE(MAX(number), 0) FROM publications"},
		{"pg_get_serial_sequence('revocations', 'number')", "SELECT COALESCE(MAX(number), 0) FROM revocations"},
		{"pg_get_serial_sequence('outbox', 'seq')", "SELECT COALESCE(MAX(seq), 0) FROM outbox"},
	}
}

// tables are what is copied, in this order.
func tables() []table {
	const who = "who:text=user"
	return []table{
		of("streams", "streams", "id room:text a:text b:text head first swept bytes age due latest place sender:text run erased"),
		of("messages", "messages", "stream seq=offset time before run sender:text device:text id:text hidden:text collapse:text info:nullable data:bytes"),
		of("senders", "senders", who+" bytes"),
		of("keys", "keys", "stream name:bytes used content:bytes message:text time seq=offset previous"),
		of("takers", "takers", who+" stream read"),
		of("members", "members", "room:text "+who+" role:text since"),
		// Whether somebody is here the target writes down, and the source finds out.
		{"users", append(columns(who+" info:nullable first_seen last_seen baseline online:boolean turn:text turned"),
			column{"attrs", text, "COALESCE(attrs, '')"},
			column{"here", boolean, "EXISTS (SELECT 1 FROM sessions AS s WHERE s.user = users.user AND s.ended = 0)"}), "users"},
		of("sessions", "sessions", "id:text "+who+" node:text connected record:nullable ended why:text"),
		of("occupied_rooms", "occupied_rooms", "room:text"),
		of("revocations", "revocations", "number "+who+" device:text token:text before until"),
		of("publications", "publications", "number id:text category:text collapse:text time expires status remove room:text reached:text "+
			"audience:text seq content:bytes"),
		of("publication_keys", "publication_keys", "author:text key:text id:text hash:bytes made"),
		of("publication_users", "publication_users", "id:text step users:list"),
		of("notices", "notices", "id:text "+who+" state time category:text collapse:text"),
		of("notice_counts", "notice_counts", who+" category:text unread unseen"),
		of("announcement_marks", "announcement_marks", who+" category:text state seq"),
		of("announcement_states", "announcement_states", who+" seq id:text state"),
		of("announcement_clock", "announcement_clock", "one seq revision"),
		// Of what was delivered long ago the source keeps the number, under an id that nobody uses.
		of("outbox", "outbox WHERE substr(id, 1, 1) <> char(0)", "seq time due attempts state target:text id:text line:text error:text payload:bytes"),
	}
}

func of(name, from, text string) table { return table{name, columns(text), from} }

// columns reads "name:kind=expression …", where kind and expression may be missing: then it is an integer, of the same name.
func columns(s string) []column {
	var all []column
	for field := range strings.FieldsSeq(s) {
		c := column{}
		rest, from, renamed := strings.Cut(field, "=")
		name, of, _ := strings.Cut(rest, ":")
		c.name, c.from = name, name
		if renamed {
			c.from = from
		}
		c.kind = map[string]kind{"boolean": boolean, "text": text, "bytes": bytes, "nullable": nullable, "list": list}[of]
		all = append(all, c)
	}
	return all
}

func (t table) names() []string {
	var all []string
	for _, c := range t.columns {
		all = append(all, c.name)
	}
	return all
}

// query reads all rows of the source. The names are words of SQL, some of them.
func (t table) query() string {
	var all []string
	for _, c := range t.columns {
		from := c.from
		if !strings.ContainsAny(from, "( ") {
			from = `"` + from + `"`
		}
		all = append(all, from)
	}
	return "SELECT " + strings.Join(all, ", ") + " FROM " + t.from
}

// back reads all rows of the target.
func (t table) back() string {
	return `SELECT "` + strings.Join(t.names(), `", "`) + `" FROM ` + t.name
}
