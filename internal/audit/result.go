package audit

import "unicode/utf8"

// Kind is what is not as it should be of an entry.
type Kind string

// The kinds.
const (
	// Missing is what was stored and sent, and is not in Loki.
	Missing Kind = "missing"
	// Twice is what Loki has once more than it was stored: at another time, or with other
	// labels.
	Twice Kind = "twice"
	// Changed is what Loki has with another text.
	Changed Kind = "changed"
	// Strange is what Loki has, and was not stored.
	Strange Kind = "strange"
	// Waiting is what is still to be sent.
	Waiting Kind = "waiting"
)

// Example is an entry that is not as it should be. Found is what Loki has, of what is changed.
type Example struct {
	Kind   Kind
	Time   int64
	Stream string
	Text   string
	Found  string
	// Labels are those in Loki, of what it has too much.
	Labels map[string]string
}

// Result is what was found.
type Result struct {
	// Entries is how many were to be in Loki, and Found how many of them are.
	Entries, Found                            int64
	Missing, Twice, Changed, Strange, Waiting int64
	// Edge is how many were not compared, as they may lack what is not there any more.
	Edge     int64
	Examples []Example
}

// Same reports whether Loki has what it has to have, and no more.
func (r *Result) Same() bool { return r.Missing+r.Twice+r.Changed+r.Strange == 0 }

// longest is how much of a text is kept for an example, in bytes.
const longest = 160

// Excerpt is as much of a text as is kept for an example.
func Excerpt(text []byte) string { return cut(string(text[:min(len(text), 2*longest)])) }

func cut(text string) string {
	if len(text) <= longest {
		return text
	}
	at := longest
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at] + "…"
}
