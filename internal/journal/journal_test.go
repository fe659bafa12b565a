package journal

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func id(n int) string { return fmt.Sprintf("%064x", n) }

// counts is an Events that counts.
type counts struct{ corrupt, cut, forged, skipped int }

func (c *counts) CorruptRecord() { c.corrupt++ }
func (c *counts) LineCut()       { c.cut++ }
func (c *counts) ForgedEntry()   { c.forged++ }
func (c *counts) LeftOut(_ int)  {}

func (c *counts) LineSkipped(string) { c.skipped++ }

// reading is a log and what was read of it.
type reading struct {
	*Log
	journal *Journal
	scratch *Scratch
	events  *counts
	lines   []string
	times   []int64
	// limit is how many bytes a Read takes.
	limit int
}

func open(j *journald.Journald) *Journal {
	return New(Config{Dirs: j.Dirs(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func (j *Journal) read(id string, from logs.Position) *reading {
	r := &reading{journal: j, scratch: NewScratch(), events: &counts{}, limit: 32 << 10}
	r.Log = j.Open(Options{ID: id, Resume: from, Events: r.events})
	return r
}

func (r *reading) emit(e logs.Entry) {
	r.lines = append(r.lines, e.Stream.String()+" "+string(e.Line))
	r.times = append(r.times, e.Time)
}

// drain reads all there is.
func (r *reading) drain() {
	r.journal.Look()
	for {
		if _, more := r.Read(r.scratch, r.limit, r.emit); !more {
			return
		}
	}
}

// await reads until there are as many lines, and a little more.
func (r *reading) await(t *testing.T, n int) {
	t.Helper()
	ok := wait.Until(time.Minute, func() bool { r.drain(); return len(r.lines) >= n })
	if r.drain(); !ok || len(r.lines) != n {
		t.Fatalf("read %d lines, want %d; last %q", len(r.lines), n, r.lines[max(0, len(r.lines)-3):])
	}
}

func numbered(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("%s line %d", []string{"stdout", "stderr"}[i%2], i))
	}
	return out
}

func write(c *journald.Sender, lines []string) {
	for _, l := range lines {
		stream, text, _ := strings.Cut(l, " ")
		c.Line(stream, text)
	}
}

func (r *reading) expect(t *testing.T, want []string) {
	t.Helper()
	r.await(t, len(want))
	if !slices.Equal(r.lines, want) {
		for i := range want {
			if r.lines[i] != want[i] {
				t.Fatalf("line %d is %.80q, want %.80q", i, r.lines[i], want[i])
			}
		}
	}
	if r.events.corrupt != 0 {
		t.Errorf("%d corrupt records", r.events.corrupt)
	}
}

// TestForms: every form that this machine's journald can write, with long lines that
// it compresses, empty ones, bytes that are no text, and parts.
func TestForms(t *testing.T) {
	for name, env := range map[string][]string{
		"compact": {"SYSTEMD_JOURNAL_COMPACT=1"},
		"regular": {"SYSTEMD_JOURNAL_COMPACT=0"},
		"lookup3": {"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
	} {
		t.Run(name, func(t *testing.T) {
			d := journald.Start(t, env...)
			j := open(d)
			defer j.Close()
			r := j.read(id(1), logs.Position{})
			defer r.Close()
			a, b := d.Container(t, id(1)), d.Container(t, id(2))
			long := strings.Repeat("0123456789 äöü", 3000)
			var want []string
			for i := range 300 {
				lines := numbered(i, i+1)
				switch i % 50 {
				case 10:
					lines = []string{"stdout ", "stderr \x01 no text"}
				case 20:
					lines = []string{"stdout " + strings.Repeat("x", 5000)}
				case 30:
					a.Long("stdout", long, fmt.Sprintf("%064d", i), 16384)
					want = append(want, "stdout "+long)
					continue
				}
				write(a, lines)
				b.Line("stdout", "another's")
				want = append(want, lines...)
			}
			r.expect(t, want)
			again := j.read(id(1), r.Position())
			defer again.Close()
			again.await(t, 0)
		})
	}
}

// TestRotation: files are archived again and again, and then flushed to /var, while a
// log is read and another one, of which nothing is read, waits.
func TestRotation(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	defer j.Close()
	c := d.Container(t, id(1))
	slow, r := j.read(id(1), logs.Position{}), j.read(id(1), logs.Position{})
	defer slow.Close()
	defer r.Close()
	var want []string
	for i := range 5 {
		lines := numbered(i*200, i*200+200)
		write(c, lines[:100])
		want = append(want, lines...)
		if i%2 == 0 {
			r.await(t, len(want)-100)
		}
		d.Rotate(t)
		write(c, lines[100:])
	}
	r.expect(t, want)
	d.Flush(t)
	more := numbered(1000, 1100)
	write(c, more)
	want = append(want, more...)
	r.expect(t, want)
	slow.expect(t, want)
	if n := j.Files(); n > 1 {
		t.Errorf("%d files are open", n)
	}
	fresh := j.read(id(1), logs.Position{})
	defer fresh.Close()
	fresh.expect(t, want)
}

// TestKilledJournald: what it has written is read, also of a file that it did not
// close, and what it writes when it is back.
func TestKilledJournald(t *testing.T) {
	d := journald.Start(t)
	j := open(d)
	defer j.Close()
	r := j.read(id(1), logs.Position{})
	defer r.Close()
	var want []string
	for i := range 4 {
		lines := numbered(i*100, i*100+100)
		write(d.Container(t, id(1)), lines)
		want = append(want, lines...)
		r.await(t, len(want))
		d.Kill9(t)
		d.Up(t)
	}
	r.expect(t, want)
	fresh := j.read(id(1), logs.Position{})
	defer fresh.Close()
	fresh.expect(t, want)
}

// TestSilentStream: a stream without lines does not keep the place where reading goes
// on from where it was at some earlier start.
func TestSilentStream(t *testing.T) {
	d := journald.Start(t)
	c := d.Container(t, id(1))
	j := open(d)
	defer j.Close()
	var from logs.Position
	for i := range 3 {
		text := fmt.Sprint("line ", i)
		c.Line("stdout", text)
		r := j.read(id(1), from)
		r.expect(t, []string{"stdout " + text})
		from = r.Position()
		r.Close()
		if from.Journal[logs.Stderr] != from.Journal[logs.Stdout] {
			t.Errorf("start %d: stderr is at %v, stdout at %v", i, from.Journal[logs.Stderr], from.Journal[logs.Stdout])
		}
	}
}

// TestDamaged: a file whose counts survived a crash and whose entries did not costs
// what is missing, and keeps what came after it waiting only once.
func TestDamaged(t *testing.T) {
	const missing = 60
	for name, more := range map[string]uint64{"lost": missing, "absurd": 1 << 60} {
		t.Run(name, func(t *testing.T) {
			d := journald.Start(t)
			write(d.Container(t, id(1)), numbered(0, 100))
			check := open(d)
			r := check.read(id(1), logs.Position{})
			r.await(t, 100)
			r.Close()
			check.Close()
			d.Kill9(t)
			for _, file := range d.Files(t) {
				overcount(t, file, id(1), more)
			}
			d.Up(t)
			write(d.Container(t, id(1)), numbered(100, 200))
			j := open(d)
			defer j.Close()
			r = j.read(id(1), logs.Position{})
			defer r.Close()
			began := time.Now()
			r.await(t, 200)
			if took := time.Since(began); took > missing*patience/2 {
				t.Errorf("it took %s", took)
			}
			if !slices.Equal(r.lines, numbered(0, 200)) || r.events.corrupt == 0 {
				t.Errorf("read %q; %d corrupt", r.lines, r.events.corrupt)
			}
			if !wait.Until(10*patience, r.AtEnd) {
				t.Error("it is never at its end")
			}
		})
	}
}

// overcount makes a file count more entries of a container than it has.
func overcount(t *testing.T, path, id string, more uint64) {
	t.Helper()
	const count = 56 // within a data object
	content, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	f, err := journalfile.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	var cache journalfile.Cache
	at, err := f.Find(&cache, match(id))
	if err != nil || at == 0 {
		return // another's
	}
	n, err := f.Count(at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := content.WriteAt(binary.LittleEndian.AppendUint64(nil, n+more), int64(at+count)); err != nil {
		t.Fatal(err)
	}
}

// TestResume: a log is left after every few bytes, wherever that is, and gone on with
// in another process; lines in parts of both streams lie across each other.
func TestResume(t *testing.T) {
	d := journald.Start(t)
	c := d.Container(t, id(1))
	part := func(stream, text, id string, n int, last bool) {
		more := []journald.Field{{Name: "CONTAINER_PARTIAL_ID", Value: id}, {Name: "CONTAINER_PARTIAL_ORDINAL", Value: fmt.Sprint(n)}}
		if !last {
			more = append(more, journald.Field{Name: "CONTAINER_PARTIAL_MESSAGE", Value: "true"})
		}
		c.Line(stream, text, more...)
	}
	var want []string
	whole := strings.Repeat("p", 16384)
	for i := range 40 {
		write(c, numbered(4*i, 4*i+2))
		part("stdout", whole, fmt.Sprint("o", i), 1, false)
		c.Line("stderr", fmt.Sprint("between ", i))
		part("stderr", whole, fmt.Sprint("e", i), 1, false)
		part("stdout", fmt.Sprint("end ", i), fmt.Sprint("o", i), 2, true)
		c.Line("stdout", fmt.Sprint("while ", i))
		part("stderr", "", fmt.Sprint("e", i), 2, true)
		want = append(want, numbered(4*i, 4*i+2)...)
		want = append(want, fmt.Sprint("stderr between ", i), fmt.Sprint("stdout ", whole, "end ", i), fmt.Sprint("stdout while ", i), "stderr "+whole)
		if i == 20 {
			d.Rotate(t)
		}
	}
	all := open(d)
	defer all.Close()
	r := all.read(id(1), logs.Position{})
	defer r.Close()
	r.expect(t, want)
	var got []string
	var times []int64
	var at logs.Position
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		j := open(d)
		step := j.read(id(1), at)
		more := true
		for n := random.IntN(12); n >= 0 && more; n-- {
			_, more = step.Read(step.scratch, 1, step.emit)
		}
		got, times, at = append(got, step.lines...), append(times, step.times...), step.Position()
		step.Close()
		j.Close()
		if !more {
			break
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(times, r.times) {
		t.Errorf("read %d lines in steps, want %d", len(got), len(want))
	}
}
