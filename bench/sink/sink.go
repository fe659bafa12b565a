package sink

import (
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/lighterman/lighterman/bench/line"
)

// Sink is a handler for Loki's push API. Any GET is answered as /ready.
type Sink struct {
	began  time.Time
	memory sync.Pool

	mu       sync.Mutex // guards the fields below
	accounts map[int]*account
	streams  map[string]*stream
	latency  Histogram
	recent   *Histogram // since the last call of Recent
	report   Report
	expected Expected
	discards bool
}

// Report is what has arrived until now.
type Report struct {
	Lines int
	// Text is the size of all lines in bytes, Body that of the requests' bodies
	// as sent.
	Text     int64
	Body     int64
	Requests int
	// Streams is the number of label sets.
	Streams int
	// Repeated counts lines that had arrived before, Reordered lines that came
	// after a later one of their container in their stream, and Strange those
	// without a header that can be read.
	Repeated  int
	Reordered int
	Strange   int
	// Changed counts lines with another text than was written, Retimed those with
	// another time, and Undropped those that a stage ought to have dropped. They are
	// known only with Expect.
	Changed   int
	Retimed   int
	Undropped int
	// Distinct counts lines whose number was new, without the undropped.
	Distinct int
	// First and Last are when lines arrived, and FirstNew when the first one did
	// that was written after the sink was made; in Unix nanoseconds, 0 for never.
	First    int64
	Last     int64
	FirstNew int64
	// P50, P95, P99 and Max are times from writing a line to its arrival, in
	// nanoseconds, of the lines written after the sink was made.
	P50 time.Duration
	P95 time.Duration
	P99 time.Duration
	Max time.Duration
	// Ledger sums up what arrived, each line once.
	Ledger line.Ledger
}

// New makes a sink into which nothing has come.
func New() *Sink {
	return &Sink{began: time.Now(), accounts: make(map[int]*account), streams: make(map[string]*stream), recent: &Histogram{}}
}

// ServeHTTP implements http.Handler.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		_, _ = io.WriteString(w, "ready\n")
		return
	}
	if err := s.push(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Discard makes the sink only read what comes, and count requests and bytes: next to nothing is
// then taken from an agent by what it is measured with, and nothing is known of the lines.
func (s *Sink) Discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discards = true
}

// discard reads a request.
func (s *Sink) discard(r *http.Request, m *memory) error {
	if m.plain == nil {
		m.plain = make([]byte, 256<<10)
	}
	size, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, m.plain)
	if err != nil {
		return fmt.Errorf("cannot read push: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Requests++
	s.report.Body += size
	s.report.Last = time.Now().UnixNano()
	if s.report.First == 0 {
		s.report.First = s.report.Last
	}
	return nil
}

// memory of one request, used again.
type memory struct{ body, plain []byte }

func (s *Sink) push(r *http.Request) error {
	m, ok := s.memory.Get().(*memory)
	if !ok {
		m = &memory{}
	}
	defer s.memory.Put(m)
	s.mu.Lock()
	discards := s.discards
	s.mu.Unlock()
	if discards {
		return s.discard(r, m)
	}
	size, err := m.read(r)
	if err != nil {
		return fmt.Errorf("cannot read push: %w", err)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Requests++
	s.report.Body += size
	enter := func(labels []byte, e entry) { s.enter(labels, e, now) }
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case kind == "application/json":
		return decodeJSON(m.body, enter)
	case r.URL.Path == otlpPath:
		return decodeOTLP(m.body, enter)
	case r.URL.Path == jsonlinePath:
		return decodeJSONLine(m.body, enter)
	}
	if m.plain, err = s2.Decode(m.plain[:cap(m.plain)], m.body); err != nil {
		return fmt.Errorf("cannot read push: %w", err)
	}
	return decodeProtobuf(m.plain, enter)
}

// counted counts what is read.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// read reads a body and returns the size that it was sent with, in bytes.
func (m *memory) read(r *http.Request) (int64, error) {
	sent := &counted{Reader: r.Body}
	var from io.Reader = sent
	switch r.Header.Get("Content-Encoding") {
	case "gzip":
		unpacked, err := gzip.NewReader(sent)
		if err != nil {
			return 0, err
		}
		from = unpacked
	case "zstd":
		unpacked, err := zstd.NewReader(sent, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return 0, err
		}
		defer unpacked.Close()
		from = unpacked
	}
	m.body = m.body[:0]
	for {
		if len(m.body) == cap(m.body) {
			m.body = append(m.body, 0)[:len(m.body)]
		}
		n, err := from.Read(m.body[len(m.body):cap(m.body)])
		m.body = m.body[:len(m.body)+n]
		switch err {
		case nil:
		case io.EOF:
			return sent.n, nil
		default:
			return sent.n, err
		}
	}
}

// enter enters one line; the lock is held.
func (s *Sink) enter(labels []byte, e entry, now time.Time) {
	at := s.streams[string(labels)]
	if at == nil {
		at = &stream{container: -1, newest: -1}
		s.streams[string(labels)] = at
	}
	text := trim(e.line)
	s.report.Lines++
	s.report.Text += int64(len(text))
	h, ok := line.Parse(text)
	if !ok {
		s.report.Strange++
		return
	}
	if s.undropped(h) {
		return
	}
	a := s.accounts[h.Container]
	if a == nil {
		a = &account{}
		s.accounts[h.Container] = a
	}
	if !a.add(h, text, e.nano) {
		return
	}
	s.report.Distinct++
	s.compare(h, text, e.nano)
	if !at.follows(h) {
		s.report.Reordered++
	}
	s.report.Last = now.UnixNano()
	if s.report.First == 0 {
		s.report.First = s.report.Last
	}
	if h.Written < s.began.UnixNano() {
		return // it has waited for the agent to start
	}
	took := time.Duration(now.UnixNano() - h.Written)
	s.latency.Add(took)
	s.recent.Add(took)
	if s.report.FirstNew == 0 {
		s.report.FirstNew = s.report.Last
	}
}

// Lines returns the number of lines that have arrived until now.
func (s *Sink) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.Lines
}

// Distinct returns the number of lines that have arrived until now, each counted once.
func (s *Sink) Distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.Distinct
}

// Report returns what has arrived until now.
func (s *Sink) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.report
	out.Streams = len(s.streams)
	out.P50, out.P95, out.P99 = s.latency.Quantile(0.50), s.latency.Quantile(0.95), s.latency.Quantile(0.99)
	out.Max = s.latency.max
	out.Ledger = make(line.Ledger, len(s.accounts))
	for i, a := range s.accounts {
		tally := a.tally
		out.Ledger[i] = &tally
		out.Repeated += a.repeated
		out.Strange += a.foreign
	}
	return out
}
