package loggen

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/lighterman/lighterman/bench/line"
)

// Backlog appends about as many bytes of lines to all logs together, the same
// share to each, and enters them in the ledger. The newest timestamp is before
// end.
func (l *Layout) Backlog(ledger line.Ledger, seed uint64, bytes int64, end time.Time) error {
	return l.backlog(line.NewMaker(seed), ledger, nil, 1, bytes, end)
}

// BacklogOfSome is Backlog for one in so many containers.
func (l *Layout) BacklogOfSome(ledger line.Ledger, seed uint64, every int, bytes int64, end time.Time) error {
	return l.backlog(line.NewMaker(seed), ledger, nil, every, bytes, end)
}

// JSONBacklog is Backlog with lines of JSON, entered in two ledgers: all of them, and those
// whose level is not debug.
func (l *Layout) JSONBacklog(all, kept line.Ledger, seed uint64, bytes int64, end time.Time) error {
	return l.backlog(line.NewJSONMaker(seed), all, kept, 1, bytes, end)
}

// SpreadBacklog is JSONBacklog with lines that are spread over several records.
func (l *Layout) SpreadBacklog(all, kept line.Ledger, seed uint64, bytes int64, end time.Time) error {
	return l.backlog(line.NewSpreadMaker(seed), all, kept, 1, bytes, end)
}

// Span is how long before its end a backlog of so many bytes begins.
func (l *Layout) Span(bytes int64) time.Duration {
	return time.Duration(bytes/int64(l.Containers)/meanRecord+1000) * pace
}

func (l *Layout) backlog(m *line.Maker, all, kept line.Ledger, every int, bytes int64, end time.Time) error {
	share := bytes / int64((l.Containers+every-1)/every)
	for i := 0; i < l.Containers; i += every {
		var second *line.Tally
		if kept != nil {
			second = kept.Of(i)
		}
		if err := l.fill(m, all.Of(i), second, i, share, end); err != nil {
			return fmt.Errorf("cannot write backlog: %w", err)
		}
	}
	return nil
}

// meanRecord is about the size of a record, in bytes.
const meanRecord = 249

// pace is the time between two lines of a backlog, on average.
const pace = 100 * time.Microsecond

func (l *Layout) fill(m *line.Maker, tally, kept *line.Tally, container int, bytes int64, end time.Time) error {
	f, err := os.OpenFile(l.Log(container), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	at := end.Add(-time.Duration(bytes/meanRecord+1000) * pace).UnixNano() // see Span
	var record []byte
	for written := int64(0); written < bytes; written += int64(len(record)) {
		h := line.Header{Written: at, Container: container, Number: tally.Lines}
		record = m.AppendRecord(record[:0], h, at)
		if _, err := w.Write(record); err != nil {
			return err
		}
		text, _ := m.Text(h)
		tally.Add(text, at)
		if kept != nil && !m.Debug(h) {
			kept.Add(text, at)
		}
		at += int64(pace)/2 + int64(h.Number*7919)%int64(pace) + 1
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
