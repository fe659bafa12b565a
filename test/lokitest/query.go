package lokitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/wait"
)

// Entry is what Loki has.
type Entry struct {
	Labels   map[string]string
	Time     int64 // Unix nanoseconds
	Line     string
	Metadata map[string]string // structured metadata, Loki's own detected_level included
}

// page is how many entries a request asks for. An answer must fit into memory a
// few times, in Loki as here.
const page = 50_000

// Query returns all entries that match from start to end, both included, in
// order of time, each as often as Loki returns it.
func (l *Loki) Query(t testing.TB, logql string, start, end time.Time) []Entry {
	t.Helper()
	var entries []Entry
	var err error
	if !wait.Until(2*time.Minute, func() bool { entries, err = l.query(logql, start, end, page); return err == nil }) {
		t.Fatalf("cannot query Loki: %v", err)
	}
	return entries
}

// All is Query over the time that tests can be about: the last 8 days and the
// next hour.
func (l *Loki) All(t testing.TB, logql string) []Entry {
	t.Helper()
	return l.Query(t, logql, time.Now().Add(-8*24*time.Hour), time.Now().Add(time.Hour))
}

// Each passes on the entries that match from start to end, both included, in
// order of time, without holding more than a page of them.
func (l *Loki) Each(logql string, start, end time.Time, visit func(Entry)) error {
	return l.each(logql, start, end, page, func(entries []Entry) {
		for _, e := range entries {
			visit(e)
		}
	})
}

func (l *Loki) query(logql string, start, end time.Time, limit int) (all []Entry, err error) {
	err = l.each(logql, start, end, limit, func(entries []Entry) { all = append(all, entries...) })
	return all, err
}

// each pages by time. The entries at the last timestamp of a full page may not
// be all: they are dropped, and the next page begins at them. A page of a
// single timestamp is asked for again, twice as large.
func (l *Loki) each(logql string, start, end time.Time, limit int, visit func([]Entry)) error {
	from, to := start.UnixNano(), end.UnixNano()+1 // Loki's end is exclusive
	for {
		got, err := l.queryPage(logql, from, to, limit)
		if err != nil {
			return err
		}
		if len(got) < limit {
			visit(got)
			return nil
		}
		last := got[len(got)-1].Time
		whole := slices.IndexFunc(got, func(e Entry) bool { return e.Time == last })
		if whole == 0 {
			limit *= 2
			continue
		}
		visit(got[:whole])
		from = last
	}
}

func (l *Loki) queryPage(logql string, from, to int64, limit int) ([]Entry, error) {
	values := url.Values{
		"query": {logql}, "direction": {"forward"}, "limit": {strconv.Itoa(limit)},
		"start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)},
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	answer, err := l.get(ctx, "/loki/api/v1/query_range?"+values.Encode())
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return nil, fmt.Errorf("%s: %s", answer.Status, text)
	}
	var body struct {
		Data struct {
			Result []struct {
				Stream map[string]string `json:"stream"`
				Values [][]any           `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return nil, err
	}
	var out []Entry
	for _, stream := range body.Data.Result {
		for _, v := range stream.Values {
			e, err := entryOf(v)
			if err != nil {
				return nil, err
			}
			e.Labels = stream.Stream
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return int(a.Time - b.Time) })
	return out, nil
}

// entryOf reads ["<nanoseconds>", "<line>", {"structuredMetadata": {…}}].
func entryOf(value []any) (e Entry, err error) {
	if len(value) < 2 {
		return e, fmt.Errorf("value of %d elements", len(value))
	}
	stamp, _ := value[0].(string)
	if e.Time, err = strconv.ParseInt(stamp, 10, 64); err != nil {
		return e, err
	}
	line, ok := value[1].(string)
	if !ok {
		return e, fmt.Errorf("a line is %v", value[1])
	}
	e.Line = line
	if len(value) == 2 {
		return e, nil
	}
	more, _ := value[2].(map[string]any)
	if fields, ok := more["structuredMetadata"].(map[string]any); ok {
		e.Metadata = make(map[string]string, len(fields))
		for name, field := range fields {
			e.Metadata[name], _ = field.(string)
		}
	}
	return e, nil
}

// Count returns how many entries match over the time of All. It is cheap, but
// Loki 3.7 counts an entry twice that was sent again after the block with it was
// cut (some hundred KB later), where a query returns it once: to prove that
// nothing is there twice, use All.
func (l *Loki) Count(t testing.TB, selector string) int {
	t.Helper()
	var n int
	var err error
	// On a busy machine Loki's parts lose each other for moments, and it says 500.
	if !wait.Until(2*time.Minute, func() bool { n, err = l.count(selector); return err == nil }) {
		t.Fatalf("cannot count in Loki: %v", err)
	}
	return n
}

func (l *Loki) count(selector string) (int, error) {
	// The range ends an hour ahead, as that of All.
	values := url.Values{
		"query": {"sum(count_over_time(" + selector + "[193h]))"},
		"time":  {strconv.FormatInt(time.Now().Add(time.Hour).UnixNano(), 10)},
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	answer, err := l.get(ctx, "/loki/api/v1/query?"+values.Encode())
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return 0, fmt.Errorf("%s: %s", answer.Status, text)
	}
	var body struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return 0, err
	}
	if len(body.Data.Result) == 0 {
		return 0, nil
	}
	text, _ := body.Data.Result[0].Value[1].(string)
	return strconv.Atoi(text)
}

// Await waits until at least n entries match and returns all that do then.
// Errors of Loki do not end the waiting: it may be away on purpose.
func (l *Loki) Await(t testing.TB, selector string, n int, timeout time.Duration) []Entry {
	t.Helper()
	entries := l.AwaitMost(t, selector, n, timeout)
	if len(entries) < n {
		t.FailNow()
	}
	return entries
}

// AwaitMost is Await for those who tell which entries are missing: it fails the test where
// there are too few, and returns those.
func (l *Loki) AwaitMost(t testing.TB, selector string, n int, timeout time.Duration) []Entry {
	t.Helper()
	var entries []Entry
	var last error
	reached := wait.Until(timeout, func() bool {
		// The count is cheap, but higher than the number of entries that a
		// query returns when some were sent twice.
		var count int
		if count, last = l.count(selector); last != nil || count < n {
			return false
		}
		entries, last = l.query(selector, time.Now().Add(-8*24*time.Hour), time.Now().Add(time.Hour), page)
		return len(entries) >= n
	})
	if !reached {
		count, err := l.count(selector)
		if len(entries) == 0 {
			entries, last = l.query(selector, time.Now().Add(-8*24*time.Hour), time.Now().Add(time.Hour), page)
		}
		t.Errorf("waited %v in vain for %d entries of %s: %d are there (count: %d, %v), last error: %v", timeout, n, selector, len(entries), count, err, last)
	}
	return entries
}

// Push sends entries by hand, as JSON, and fails the test unless Loki accepts
// them.
func (l *Loki) Push(t testing.TB, entries ...Entry) {
	t.Helper()
	type stream struct {
		Stream map[string]string `json:"stream"`
		Values [][]any           `json:"values"`
	}
	var body struct {
		Streams []stream `json:"streams"`
	}
	for _, e := range entries {
		v := []any{strconv.FormatInt(e.Time, 10), e.Line}
		if e.Metadata != nil {
			v = append(v, e.Metadata)
		}
		body.Streams = append(body.Streams, stream{e.Labels, [][]any{v}})
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), queryTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL+"/loki/api/v1/push", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("cannot push to Loki: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		t.Fatalf("cannot push to Loki: %s: %s", answer.Status, text)
	}
}
