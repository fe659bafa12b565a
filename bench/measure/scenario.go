package main

import (
	"time"

	"github.com/lighterman/lighterman/bench/link"
)

// scenario is work that collectors are put to.
type scenario struct {
	name string
	// title says it in words.
	title string
	// containers there are, with backlog bytes in all their logs together.
	containers int
	backlog    int64
	// behind is the share of the containers that have the backlog: one in so many; 0 for all.
	behind int
	// rate is lines per second and container of one in every containers, for
	// the duration; it begins when the backlog is delivered, or at once.
	rate     float64
	every    int
	duration time.Duration
	atOnce   bool
	// variant of the peer's arguments, see peer.
	variant string
	text
	events
	// discards tells that the sink only reads: nothing is compared, and the agent has all of
	// its processors.
	discards bool
	// beside tells that lighterman is held against others: what arrived is part of the
	// result, and does not have to be everything.
	beside bool
	// cores is the number of processors that the agent has, 0 for one. Where there
	// are no more it shares the last with the sink.
	cores int
	// link is what lies between agent and sink; nothing by default.
	link link.Shape
	// runs is how often it is measured, 0 for the default. floor tells that the
	// floor is measured beside it.
	runs  int
	floor bool
}

// text is what the lines are.
type text struct {
	// json tells that the lines are of JSON, and keeps that those are wanted whose level is
	// not debug, which the variant drops. spread is json with lines that are spread over
	// several records each.
	json, keeps, spread bool
}

// events are what happens while lines are written.
type events struct {
	course course
	// churn is the number of containers that come and go, down what is written while the
	// agent is down, in bytes, and away how long Loki is away.
	churn int
	down  int64
	away  time.Duration
	// patient takes the place of patience, unless it is 0.
	patient time.Duration
}

// course is what happens to the agent, Loki or the containers while lines are written.
type course int

const (
	// asWritten is that nothing happens.
	asWritten course = iota
	// comeAndGo is containers that begin, write and are removed.
	comeAndGo
	// restarted is the agent stopped by SIGTERM while lines are written, a backlog that
	// grows meanwhile, and the agent started again. rotated is the same, and all logs have
	// rotated once before that; killed is the same with SIGKILL.
	restarted
	rotated
	killed
	// lokiAway is a Loki to which nobody can connect for a while.
	lokiAway
)

const (
	mib = 1 << 20
	gib = 1 << 30
	// perContainer is the backlog of a container of which nothing but its being
	// there is of interest, in bytes: a line.
	perContainer = 200
)

// settle is how long an agent is left alone before an interval is measured, and
// settleIdle the same before one in which nothing happens, so that what a start leaves to
// be done does not count as idleness.
const settle, settleIdle = 3 * time.Second, 8 * time.Second

// far is a link of 100 Mbit/s to a place on another continent.
var far = link.Shape{RTT: 100 * time.Millisecond, Rate: 12_500_000}

func scenarios() []scenario {
	return []scenario{
		{name: "backlog", title: "1 GiB of json-file in 20 files", containers: 20, backlog: gib, floor: true},
		{name: "backlog-2", title: "the same on two cores, of which the sink may have one", containers: 20, backlog: gib, cores: 2, runs: 1},
		{name: "discard", title: "the same on one core, into a sink that only reads: nothing is compared", containers: 20, backlog: gib, discards: true, runs: 1},
		{name: "discard-2", title: "the same on two cores, of which such a sink takes little", containers: 20, backlog: gib, discards: true, cores: 2, runs: 1},
		{name: "one", title: "256 MiB of json-file in one file, on two cores, into such a sink", containers: 1, backlog: 256 * mib, discards: true, cores: 2, runs: 1},
		{name: "json", title: "512 MiB of lines of JSON in 20 files, as they are", containers: 20, backlog: 512 * mib, text: text{json: true}},
		{name: "stages", title: "the same with json, labels, drop and redact on every line", containers: 20, backlog: 512 * mib, text: text{json: true, keeps: true}, variant: "stages"},
		{name: "live", title: "50 containers, 20 lines/s each", containers: 50, backlog: 50 * perContainer, rate: 20, duration: 20 * time.Second},
		{name: "live-nowait", title: "the same with --batch-wait 0", containers: 50, backlog: 50 * perContainer, rate: 20, duration: 20 * time.Second, variant: "nowait"},
		{name: "rate-100", title: "50 containers, 100 lines/s in all", containers: 50, backlog: 50 * perContainer, rate: 2, duration: 15 * time.Second, runs: 1},
		{name: "rate-10000", title: "50 containers, 10,000 lines/s in all", containers: 50, backlog: 50 * perContainer, rate: 200, duration: 15 * time.Second},
		{name: "rate-50000", title: "50 containers, 50,000 lines/s in all", containers: 50, backlog: 50 * perContainer, rate: 1000, duration: 10 * time.Second, runs: 1},
		{name: "idle-100", title: "100 silent containers", containers: 100, backlog: 100 * perContainer, duration: 20 * time.Second, runs: 1},
		{name: "idle-1000", title: "1,000 silent containers", containers: 1000, backlog: 1000 * perContainer, duration: 30 * time.Second},
		{name: "idle-5000", title: "5,000 silent containers", containers: 5000, backlog: 5000 * perContainer, duration: 30 * time.Second, runs: 1},
		{name: "noisy-1000", title: "1,000 containers, 10 of them at 100 lines/s", containers: 1000, backlog: 1000 * perContainer, rate: 100, every: 100, duration: 20 * time.Second, runs: 1},
		{name: "start-1000", title: "1,000 containers with 10 GiB of backlog, a line per second each", containers: 1000, backlog: 10 * gib, rate: 1, duration: 15 * time.Second, atOnce: true, runs: 1},
		{name: "start-few", title: "1,000 containers, of which 50 have 2 GiB of backlog, a line per second each", containers: 1000, backlog: 2 * gib, behind: 20, rate: 1, duration: 15 * time.Second, atOnce: true, runs: 1},
		{name: "resume-5000", title: "5,000 containers that are known, with a new line each, at the second start", containers: 5000, backlog: 5000 * perContainer, events: events{course: restarted, down: 5000 * perContainer}, runs: 1},
		{name: "far", title: "1 GiB of json-file in 20 files, over a link of 100 ms and 100 Mbit/s", containers: 20, backlog: gib, link: far, runs: 1},
		{name: "far-one", title: "64 MiB of json-file in one file, over the same link", containers: 1, backlog: 64 * mib, link: far, runs: 1},
	}
}

// quick are scenarios that together take less than a minute.
func quick() []scenario {
	return []scenario{
		{name: "backlog", title: "512 MiB of json-file in 20 files", containers: 20, backlog: 512 * mib, floor: true, runs: 3},
		{name: "live", title: "50 containers, 20 lines/s each", containers: 50, backlog: 50 * perContainer, rate: 20, duration: 12 * time.Second, runs: 1},
		{name: "idle-1000", title: "1,000 silent containers", containers: 1000, backlog: 1000 * perContainer, duration: 8 * time.Second, runs: 1},
	}
}
