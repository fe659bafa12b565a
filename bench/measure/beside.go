package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lighterman/lighterman/bench/peer"
)

// besideScenarios are those in which lighterman is held against others: all that plays do
// the same work, and what arrived is part of the result.
func besideScenarios(away time.Duration) []scenario {
	all := []scenario{
		{name: "backlog", title: "256 MiB of json-file in 20 files", containers: 20, backlog: 256 * mib},
		{name: "live", title: "50 containers, 20 lines/s each", containers: 50, backlog: 50 * perContainer, rate: 20, duration: 20 * time.Second},
		{name: "idle", title: "1,000 silent containers", containers: 1000, backlog: 1000 * perContainer, duration: 30 * time.Second},
		{name: "stages", title: "256 MiB of objects of JSON, each over four lines, in 20 files: joined, level as label, path as metadata, level debug dropped",
			containers: 20, backlog: 256 * mib, text: text{json: true, spread: true, keeps: true}, variant: "joined"},
		{name: "churn", title: fmt.Sprintf("200 containers, one begins every %v, writes 100 lines/s for %v and is removed at once", lifeEvery, life),
			containers: 10, backlog: 10 * perContainer, rate: 100, events: events{course: comeAndGo, churn: 200}},
		{name: "restart", title: "20 containers, 50 lines/s each, SIGTERM meanwhile, 128 MiB written until the next start",
			containers: 20, backlog: 20 * perContainer, rate: 50, duration: 5 * time.Second, events: events{course: restarted, down: 128 * mib}},
		{name: "restart-rotated", title: "20 containers, 50 lines/s each, SIGTERM meanwhile, 128 MiB written until the next start, in whose middle all logs rotate",
			containers: 20, backlog: 20 * perContainer, rate: 50, duration: 5 * time.Second, events: events{course: rotated, down: 128 * mib}},
		{name: "kill", title: "20 containers, 50 lines/s each, SIGKILL meanwhile, 128 MiB written until the next start",
			containers: 20, backlog: 20 * perContainer, rate: 50, duration: 5 * time.Second, events: events{course: killed, down: 128 * mib}},
		{name: "loki-away", title: fmt.Sprintf("50 containers, 100 lines/s each; nobody can connect to Loki for %v", away),
			containers: 50, backlog: 50 * perContainer, rate: 100, events: events{course: lokiAway, away: away}},
	}
	for i := range all {
		all[i].beside = true
	}
	return all
}

// smaller makes the scenarios so small that they only show that they work.
func smaller(all []scenario) []scenario {
	for i := range all {
		s := &all[i]
		s.runs = 1
		s.patient = 20 * time.Second
		s.backlog = min(s.backlog, 8*mib)
		s.down = min(s.down, 8*mib)
		s.duration = min(s.duration, 3*time.Second)
		s.churn = min(s.churn, 20)
		if s.course == asWritten && s.containers > 100 {
			s.containers, s.backlog = 100, 100*perContainer
		}
		s.title += " (made small: no figures to be quoted)"
	}
	return all
}

// versions says what was measured: "lighterman abc, promtail v3.7.8".
func (o *options) versions(peers []*peer.Peer) string {
	var out []string
	for _, p := range peers {
		v, err := p.VersionOf(o.programs[p.Name])
		if err != nil {
			fmt.Fprintln(os.Stderr, "measure:", err)
			v = "of a version that it does not tell"
		}
		v = strings.TrimPrefix(strings.TrimSpace(v), p.Program+" ")
		out = append(out, p.Name+" "+v)
	}
	return strings.Join(out, ", ")
}
