package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/collect"
	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/route"
	"github.com/lighterman/lighterman/internal/tail"
)

type m struct{}

func (m) Lines(string, int, int)            {}
func (m) CorruptRecord()                    { fmt.Fprintln(os.Stderr, "CORRUPT") }
func (m) LineCut()                          {}
func (m) Reconnected()                      {}
func (m) Pushed(string, time.Duration, int) {}
func (m) Retried(string)                    {}
func (m) Delivered(time.Duration, int)      {}
func (m) Rejected(string, int)              {}

type out struct{}

func (out) Push(_ context.Context, b *logs.Batch) logs.Outcome {
	for _, g := range b.Groups {
		for i := range g.Len() {
			fmt.Printf("%s %s %d %.100s\n", g.Labels.Get("container"), g.Stream, g.Times[i], g.Line(i))
		}
	}
	return logs.Outcome{}
}

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	store, err := checkpoint.Open(os.Args[1], log)
	if err != nil {
		panic(err)
	}
	e, _ := docker.New("")
	w, _ := tail.NewWatcher()
	var sink dispatch.Sink = out{}
	if len(os.Args) > 2 {
		u, _ := url.Parse(os.Args[2])
		sink, _ = loki.New(loki.Config{URL: u, Timeout: 10 * time.Second})
	}
	d := dispatch.New(dispatch.Config{Sink: sink, Metrics: m{}, Log: log, Lanes: 2, BatchWait: 200 * time.Millisecond, BatchSize: 1 << 20, MaxMemory: 64 << 20})
	di := discover.New(discover.Config{Engine: e, Log: log})
	c := collect.New(collect.Config{Discovery: di, Engine: e, Store: store, Metrics: m{}, Watcher: w, Log: log,
		Lanes: []collect.Lane{d.Lane(0), d.Lane(1)}, LaneOf: d.Number,
		Route:  route.Policy{Mode: route.Hybrid, FilePercent: 100, Root: "/var/lib/docker"}.Decide,
		Labels: discover.Labeler{Host: "h"}.Labels, PollInterval: 200 * time.Millisecond, MaxLine: 2 << 20})
	var g errgroup.Group
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error { return di.Run(ctx) })
	g.Go(func() error { err := c.Run(ctx); d.Close(); return err })
	g.Go(func() error { return d.Run(context.Background()) })
	g.Go(func() error { return store.Run(ctx) })
	fmt.Fprintln(os.Stderr, g.Wait())
}
