package fakeloki

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/push"
)

// Entry is one entry of a push.
type Entry = push.Entry

// Loki keeps what is pushed to it.
type Loki struct {
	URL string
	// Answer says what a push gets: status and body; nil for 204. What is answered with
	// another status is not kept. It is called by one goroutine at a time.
	Answer func(r *http.Request, entries []Entry) (status int, body string)

	// Slow is how long every answer takes, and CountOnly makes it keep nothing but the
	// number of entries.
	Slow      time.Duration
	CountOnly bool

	mu       sync.Mutex
	entries  []Entry
	kept     map[Entry]bool
	count    int
	requests int
}

// Start starts one; it ends with the test. answer may be nil.
func Start(t testing.TB, answer func(*http.Request, []Entry) (int, string)) *Loki {
	t.Helper()
	return StartWith(t, &Loki{Answer: answer})
}

// StartWith starts one whose fields have been set: they do not change any more.
func StartWith(t testing.TB, l *Loki) *Loki {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.URL = server.URL
	return l
}

// Entries are those accepted so far, in the order of coming. As in Loki, of entries with
// equal labels, time and text there is one: what was accepted when lighterman was killed
// may come again.
func (l *Loki) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Lines are the texts of Entries.
func (l *Loki) Lines() (lines []string) {
	for _, e := range l.Entries() {
		lines = append(lines, e.Line)
	}
	return lines
}

// Count is the number of entries accepted so far, also of those that came again.
func (l *Loki) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// Pushes is the number of pushes so far, whatever they were answered.
func (l *Loki) Pushes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

// ServeHTTP implements http.Handler: every POST is a push, everything else is answered with 200.
func (l *Loki) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		_, _ = io.WriteString(w, "ready\n")
		return
	}
	packed, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	entries, err := push.Decode(packed)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	time.Sleep(l.Slow)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	status, text := http.StatusNoContent, ""
	if l.Answer != nil {
		status, text = l.Answer(r, entries)
	}
	if status/100 == 2 {
		l.count += len(entries)
		if !l.CountOnly {
			l.keep(entries)
		}
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (l *Loki) keep(entries []Entry) {
	if l.kept == nil {
		l.kept = make(map[Entry]bool)
	}
	for _, e := range entries {
		if !l.kept[e] {
			l.kept[e] = true
			l.entries = append(l.entries, e)
		}
	}
}
