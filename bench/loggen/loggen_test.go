package loggen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/internal/docker"
)

// read reads the logs back with another decoder than the one they are for.
func read(t *testing.T, l *Layout) line.Ledger {
	t.Helper()
	ledger := make(line.Ledger)
	for i := range l.Containers {
		f, err := os.Open(l.Log(i))
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var record struct {
				Log, Stream string
				Time        time.Time
			}
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				t.Fatal(err)
			}
			if !record.Time.After(last) {
				t.Fatalf("container %d: time %v after %v", i, record.Time, last)
			}
			last = record.Time
			text, _ := bytes.CutSuffix([]byte(record.Log), []byte("\n"))
			if h, ok := line.Parse(text); !ok || h.Container != i || h.Number != ledger.Of(i).Lines {
				t.Fatalf("container %d: header %+v %t", i, h, ok)
			}
			ledger.Of(i).Add(text, record.Time.UnixNano())
		}
		f.Close()
	}
	return ledger
}

func compare(t *testing.T, want, got line.Ledger) {
	t.Helper()
	for i, w := range want {
		if g := got.Of(i); *g != *w {
			t.Errorf("container %d: on disk %+v, in the ledger %+v", i, *g, *w)
		}
	}
}

func TestBacklogThenLive(t *testing.T) {
	now := time.Now()
	l, err := Create(t.TempDir(), 3, now)
	if err != nil {
		t.Fatal(err)
	}
	ledger := make(line.Ledger)
	if err := l.Backlog(ledger, 1, 300_000, now); err != nil {
		t.Fatal(err)
	}
	if n := ledger.Lines(); n < 1100 || n > 1350 {
		t.Errorf("%d lines in 300 kB", n)
	}
	compare(t, ledger, read(t, l))
	before := ledger.Lines()
	if err := l.Run(context.Background(), ledger, Live{Seed: 1, Rate: 500, Lines: 100}); err != nil {
		t.Fatal(err)
	}
	if n := ledger.Lines() - before; n != 100 {
		t.Errorf("%d lines were written live, want 100", n)
	}
	compare(t, ledger, read(t, l))
}

func TestSomeAreSilent(t *testing.T) {
	l, err := Create(t.TempDir(), 10, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ledger := make(line.Ledger)
	if err := l.Run(context.Background(), ledger, Live{Rate: 1000, Every: 5, Lines: 10}); err != nil {
		t.Fatal(err)
	}
	if len(ledger) != 2 || ledger[0].Lines != 5 || ledger[5].Lines != 5 {
		t.Errorf("ledger %v, want containers 0 and 5", ledger)
	}
}

// TestChurn: each container has written what the ledger has before it is removed, and what
// happens is told in order.
func TestChurn(t *testing.T) {
	l, err := Create(t.TempDir(), 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ledger, told := make(line.Ledger), make(map[int][]string)
	seen := make(line.Ledger)
	churn := Churn{First: 1, Containers: 3, Every: 20 * time.Millisecond, Life: 100 * time.Millisecond, Rate: 200}
	churn.Tell = func(action string, i int) {
		told[i] = append(told[i], action)
		if action != "die" {
			return
		}
		if c, err := docker.Stored(l.Root, ID(i), func(string) bool { return true }); err != nil || c.Running {
			t.Errorf("container %d is %+v, %v", i, c, err)
		}
		text, err := os.ReadFile(l.Log(i))
		if err != nil {
			t.Fatal(err)
		}
		seen.Of(i).Lines = bytes.Count(text, []byte("\n"))
	}
	if err := l.Churn(context.Background(), ledger, churn); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		if strings.Join(told[i], " ") != "create start die destroy" {
			t.Errorf("container %d: %v", i, told[i])
		}
		if ledger.Of(i).Lines != 20 || seen.Of(i).Lines != 20 {
			t.Errorf("container %d: %d lines in the ledger and %d on disk, want 20", i, ledger.Of(i).Lines, seen.Of(i).Lines)
		}
		if _, err := os.Stat(l.Dir(i)); !os.IsNotExist(err) {
			t.Errorf("container %d: %v", i, err)
		}
	}
	if len(told) != 3 {
		t.Errorf("%v", told)
	}
}

func TestRotate(t *testing.T) {
	l, err := Create(t.TempDir(), 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Backlog(make(line.Ledger), 1, 1000, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		now, err := os.Stat(l.Log(i))
		if err != nil || now.Size() != 0 {
			t.Errorf("%v, %v", now, err)
		}
		before, err := os.Stat(l.Log(i) + ".1")
		if err != nil || before.Size() == 0 {
			t.Errorf("%v, %v", before, err)
		}
	}
}

func TestLayoutIsWhatAnAgentReads(t *testing.T) {
	l, err := Create(t.TempDir(), 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := docker.Stored(l.Root, ID(0), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != Name(0) || c.Driver != "json-file" || !c.Running || c.StartedAt.IsZero() || len(c.Labels) == 0 {
		t.Errorf("container %+v", c)
	}
}
