package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/journalfile"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

const nobody = 65534

// program is what the kernel calls this test.
func program(t *testing.T) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(name))
}

// forgery are the fields of an entry that says it is a container's.
func forgery(id, text string, more ...journald.Field) []journald.Field {
	return append([]journald.Field{{Name: "CONTAINER_ID_FULL", Value: id}, {Name: "MESSAGE", Value: text}}, more...)
}

var priority6 = journald.Field{Name: "PRIORITY", Value: "6"}

// TestS8ForgedEntries: what another user, or another program, sends in a container's
// name is left out, counted and named; what the engine sends is not, whoever it is set
// to be.
func TestS8ForgedEntries(t *testing.T) {
	d := journald.Start(t)
	var log bytes.Buffer
	trusting := func(senders ...Sender) *reading {
		j := New(Config{Dirs: d.Dirs(), Senders: senders, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		t.Cleanup(j.Close)
		r := &reading{journal: j, scratch: NewScratch(), events: &counts{}, limit: 32 << 10}
		r.Log = j.Open(Options{ID: id(1), Events: r.events, Log: slog.New(slog.NewTextHandler(&log, nil))})
		t.Cleanup(r.Close)
		return r
	}
	c := d.Container(t, id(1))
	write(c, numbered(0, 50))
	d.Forge(t, nobody, 3, forgery(id(1), "forged", priority6, journald.Field{Name: "_UID", Value: "0"}, journald.Field{Name: "_COMM", Value: program(t)})...)
	d.Forge(t, nobody, 2, forgery(id(1), "forged")...)
	d.Forge(t, 0, 4, forgery(id(1), "by root", priority6)...)
	write(c, numbered(50, 100))
	r := trusting(Sender{UID: 0, Program: program(t)})
	r.expect(t, numbered(0, 100))
	if r.events.forged != 9 {
		t.Errorf("%d forged entries, want 9", r.events.forged)
	}
	for _, part := range []string{"user=65534", "journal-sender"} {
		if !strings.Contains(log.String(), part) || strings.Count(log.String(), "WARN") != 1 {
			t.Errorf("no %q, or more than one message: %s", part, log.String())
		}
	}
	again := r.journal.read(id(1), r.Position())
	defer again.Close()
	again.await(t, 0)
	rootless := trusting(Sender{UID: nobody})
	if rootless.await(t, 3); rootless.lines[0] != "stdout forged" {
		t.Errorf("read %q", rootless.lines)
	}
	trusting(Sender{UID: 0, Program: "dockerd"}).await(t, 0)
	trusting(Sender{UID: 0}).await(t, 104)
	trusting(Sender{UID: 0, Program: "none"}, Sender{UID: 0, Program: program(t)}).await(t, 100)
	trusting().await(t, 107)
}

// TestS1LoadedIsMeasured: entries of a megabyte that do not count as lines are not held
// in memory, and a Read that passes over them ends as one that reads lines does.
func TestS1LoadedIsMeasured(t *testing.T) {
	d := journald.Start(t)
	big := strings.Repeat("0123456789abcdef", 62<<10) // 992 KiB
	for _, fields := range [][]journald.Field{
		forgery(id(1), big),
		forgery(id(1), big, priority6),
		forgery(id(1), "x", journald.Field{Name: "OTHER", Value: big}, journald.Field{Name: "MORE", Value: big}),
	} {
		d.Forge(t, nobody, 40, fields...)
	}
	c := d.Container(t, id(1))
	write(c, numbered(0, 10))
	for name, senders := range map[string][]Sender{"all": nil, "engine": {{UID: 0, Program: program(t)}}} {
		j := New(Config{Dirs: d.Dirs(), Senders: senders, Log: slog.New(slog.DiscardHandler)})
		r := &reading{journal: j, scratch: NewScratch(), events: &counts{}, limit: 256 << 10}
		r.Log = j.Open(Options{ID: id(1), MaxLine: 256 << 10, Events: r.events})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		own := 0
		most := 0
		wait.For(t, time.Minute, "the container's own lines", func() bool {
			j.Look()
			for {
				_, more := r.Read(r.scratch, r.limit, func(e logs.Entry) {
					if len(e.Line) < 100 {
						own++
					}
				})
				most = max(most, cap(r.scratch.text))
				if !more {
					return own >= 10
				}
			}
		})
		runtime.ReadMemStats(&after)
		if most > 3<<20 {
			t.Errorf("%s: %d bytes of text were held at once", name, most)
		}
		if name == "engine" {
			if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 8<<20 {
				t.Errorf("%d bytes were allocated to pass over 120 forged entries", grown)
			}
			if r.events.forged != 120 || own != 10 {
				t.Errorf("%d forged entries, %d lines", r.events.forged, own)
			}
		}
		r.Close()
		j.Close()
	}
}

// TestS7NotWaitedFor: what cannot become readable is passed over at once: data that is
// too large, and whatever is broken in a file that is not written to any more, or lies
// before a later entry.
func TestS7NotWaitedFor(t *testing.T) {
	soon := func(t *testing.T, d *journald.Journald, lines, corrupt int) {
		t.Helper()
		j := open(d)
		defer j.Close()
		r := j.read(id(1), logs.Position{})
		defer r.Close()
		began := time.Now()
		wait.For(t, time.Minute, "all lines", func() bool { r.drain(); return len(r.lines) >= lines })
		if took := time.Since(began); took > patience {
			t.Errorf("it took %v", took)
		}
		if len(r.lines) != lines || r.events.corrupt != corrupt {
			t.Errorf("%d lines and %d corrupt entries, want %d and %d", len(r.lines), r.events.corrupt, lines, corrupt)
		}
	}
	t.Run("too large", func(t *testing.T) {
		d := journald.Start(t)
		c := d.Container(t, id(1))
		for i := range 10 {
			write(c, numbered(i, i+1))
			d.Forge(t, 0, 1, forgery(id(1), strings.Repeat("x", 2<<20), priority6)...)
		}
		write(c, numbered(10, 11))
		soon(t, d, 11, 10)
	})
	for _, archived := range []bool{false, true} {
		t.Run(map[bool]string{true: "archived", false: "live"}[archived], func(t *testing.T) {
			d := journald.Start(t)
			c := d.Container(t, id(1))
			write(c, numbered(0, 100))
			j := open(d)
			r := j.read(id(1), logs.Position{})
			r.await(t, 100)
			r.Close()
			j.Close()
			if archived {
				d.Rotate(t)
			} else {
				d.Kill9(t)
			}
			for _, file := range d.Files(t) {
				breakEntries(t, file, id(1), 4)
			}
			soon(t, d, 90, 10)
		})
	}
}

// breakEntries breaks every tenth entry, the last not among them, of a container in a journal file.
func breakEntries(t *testing.T, path, id string, from int) {
	t.Helper()
	content, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	f, err := journalfile.Open(content)
	if errors.Is(err, journalfile.ErrNotYet) {
		return // just made
	}
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
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	k := journalfile.Entries(at)
	for i := range n {
		e, err := f.Entry(&cache, &k)
		if err != nil {
			t.Fatalf("entry %d of %d in %s: %v", i, n, path, err)
		}
		if int(i)%10 == from {
			// An entry object has its sequence number 16 bytes from its beginning.
			seqnum := binary.LittleEndian.AppendUint64(nil, e.Seqnum)
			seqnum = binary.LittleEndian.AppendUint64(seqnum, e.Realtime)
			place := bytes.Index(text, seqnum)
			if place < 0 {
				t.Fatal("no entry")
			}
			if _, err := content.WriteAt([]byte{99}, int64(place-16)); err != nil {
				t.Fatal(err)
			}
		}
		k.Advance()
	}
}
