package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/bench/loggen"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stream"
)

// TestOurClientUnderstandsIt asks as lighterman does.
func TestOurClientUnderstandsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	layout, err := loggen.Create(t.TempDir(), 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ledger := make(line.Ledger)
	if err := layout.Backlog(ledger, 1, 100_000, time.Now()); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "socket")
	done := make(chan error)
	go func() { done <- New(layout).Run(ctx, socket) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	client, err := docker.New("unix://"+socket, every, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Rest()
	var ids []string
	for deadline := time.Now().Add(time.Minute); len(ids) == 0 && time.Now().Before(deadline); {
		ids, _, err = client.List(ctx)
	}
	if len(ids) != 2 {
		t.Fatalf("listed %v, %v", ids, err)
	}
	if info, err := client.Info(ctx); err != nil || info.Root != layout.Root {
		t.Errorf("info %+v, %v", info, err)
	}
	c, err := client.Inspect(ctx, loggen.ID(1))
	if err != nil || c.Name != loggen.Name(1) || c.Driver != "json-file" || !c.Running {
		t.Fatalf("inspected %+v, %v", c, err)
	}
	if _, err := client.Inspect(ctx, loggen.ID(2)); err == nil {
		t.Error("a container that is not there was inspected")
	}
	checkLog(ctx, t, client, *ledger[1])
}

func checkLog(ctx context.Context, t *testing.T, client *docker.Client, want line.Tally) {
	t.Helper()
	body, err := client.Logs(ctx, loggen.ID(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var got line.Tally
	r := stream.NewReader(body, stream.Config{Events: events{t}})
	for got.Lines < want.Lines {
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		r.Take(func(e logs.Entry) { got.Add(e.Line, e.Time) })
	}
	if got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

type events struct{ t *testing.T }

func (e events) CorruptRecord() { e.t.Error("a corrupt record") }
func (e events) LineCut()       { e.t.Error("a line was cut") }
func (e events) LeftOut(_ int)  { e.t.Error("bytes were left out") }

func (e events) LineSkipped(string) {}

// TestEventsAreTold: our client learns of a container that comes and one that goes, and the
// list has only those that are there.
func TestEventsAreTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	layout, err := loggen.Create(t.TempDir(), 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	layout.Containers = 3 // the last is not there yet
	socket := filepath.Join(t.TempDir(), "socket")
	e, served := New(layout), make(chan error)
	go func() { served <- e.Run(ctx, socket) }()
	client, err := docker.New("unix://"+socket, every, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Rest()
	var ids []string
	for deadline := time.Now().Add(time.Minute); len(ids) == 0 && time.Now().Before(deadline); {
		ids, _, err = client.List(ctx)
	}
	if len(ids) != 2 {
		t.Errorf("listed %v, %v", ids, err)
	}
	subscribed, changed, ended := make(chan bool), make(chan string, 9), make(chan bool)
	go func() {
		_ = client.Events(ctx, func() { close(subscribed) }, func(id string) { changed <- id })
		close(ended)
	}()
	<-subscribed
	for i, action := range []string{"start", "die", "destroy"} {
		e.Tell(action, i)
		if id := <-changed; id != loggen.ID(i) {
			t.Errorf("%s of %s", action, id)
		}
	}
	cancel()
	<-ended
	if err := <-served; err != nil {
		t.Error(err)
	}
}
