package main

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/bench/dashboard"
	"github.com/lighterman/lighterman/bench/peer"
	"github.com/lighterman/lighterman/test/repo"
)

// mode is a way to collect that can be run.
type mode struct {
	name    string
	kind    dashboard.Kind
	peer    *peer.Peer
	program string
	extra   []string
}

// own are lighterman's modes, in the order of the tables.
var own = []string{"stream", "file", "hybrid"}

// leakyName is the reference that leaks, see bench/leaky.
const leakyName = "leaky"

// leaky describes it as bench/peers does others.
var leaky = &peer.Peer{
	Name: leakyName, Metrics: "http://127.0.0.1:{{.Port}}/metrics", NoTimes: true,
	Args: []string{"-socket", "{{.Socket}}", "-push", "{{.Push}}", "-listen", "127.0.0.1:{{.Port}}", "-every", "15s"},
}

// found returns the modes that were asked for. Without any that is all that is
// there; for a soak only our own.
func (o *options) found() ([]*mode, error) {
	peers, err := peer.Load(o.peers)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*peer.Peer)
	for _, p := range peers {
		byName[p.Name] = p
	}
	names := o.modes
	if len(names) == 0 {
		names = slices.Clone(own)
		if o.kind == "compare" {
			names = append(names, leakyName)
			names = append(names, others(byName)...)
		}
	}
	var out []*mode
	for _, name := range names {
		m, err := find(name, byName)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// others are the collectors of others whose program is there.
func others(byName map[string]*peer.Peer) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if byName[name].Program == "lighterman" {
			continue
		}
		if _, err := exec.LookPath(byName[name].Program); err == nil {
			out = append(out, name)
		}
	}
	return out
}

func find(name string, byName map[string]*peer.Peer) (*mode, error) {
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	switch {
	case slices.Contains(own, name):
		program, err := repo.Build("./cmd/lighterman", false, flags...)
		if err != nil {
			return nil, err
		}
		p := byName["lighterman"]
		if p == nil {
			return nil, fmt.Errorf("cannot run lighterman: bench/peers does not describe it")
		}
		return &mode{name: name, kind: dashboard.Ours, peer: p, program: program, extra: []string{"--mode", name}}, nil
	case name == leakyName:
		program, err := repo.Build("./bench/leaky", false, flags...)
		return &mode{name: name, kind: dashboard.Reference, peer: leaky, program: program}, err
	case byName[name] != nil:
		program, err := exec.LookPath(byName[name].Program)
		if err != nil {
			return nil, fmt.Errorf("cannot run %q: %w", name, err)
		}
		program, err = filepath.Abs(program)
		return &mode{name: name, kind: dashboard.Other, peer: byName[name], program: program}, err
	}
	return nil, fmt.Errorf("unknown mode %q", name)
}
