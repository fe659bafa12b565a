package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// verification is what verify --json says of a container.
type verification struct {
	Name, Problem string
	Same          bool
	Stored        int64            `json:"stored"`
	InLoki        int64            `json:"in_loki"`
	Dropped       map[string]int64 `json:"dropped"`
	Joined        int64            `json:"joined"`
	Refused       *uint64          `json:"refused"`
	Missing       int64            `json:"missing"`
	Twice         int64            `json:"twice"`
	Changed       int64            `json:"changed"`
	NotStored     int64            `json:"not_stored"`
	NotSent       int64            `json:"not_sent"`
	Passed        int64            `json:"not_compared"`
	Examples      []struct {
		Kind, Text, Rule string
		Time             time.Time
		InLoki           string `json:"in_loki"`
	} `json:"examples"`
}

// counts are those that are not of stages.
func (v *verification) counts() string {
	return fmt.Sprintf("%d stored, %d in Loki, %d missing, %d twice, %d changed, %d not stored, %d not sent",
		v.Stored, v.InLoki, v.Missing, v.Twice, v.Changed, v.NotStored, v.NotSent)
}

// verify runs the command.
func verify(t *testing.T, code int, args ...string) map[string]*verification {
	t.Helper()
	stdout, stderr, got := carrier.Run(t, append([]string{"verify", "--json", "--queries", "1000"}, args...)...)
	if got != code {
		t.Errorf("exit code %d, want %d\n%s%s", got, code, stderr, stdout)
	}
	var all struct{ Containers []*verification }
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Fatalf("%v\n%s%s", err, stderr, stdout)
	}
	out := make(map[string]*verification)
	for _, c := range all.Containers {
		out[c.Name] = c
	}
	return out
}

const verifyStages = `stages:
  - match:
      selector: '{container=~".*stages.*"}'
      stages:
        - multiline: {firstline: '^\S', max_wait_time: 1s}
        - drop: {expression: 'Exception', drop_counter_reason: traces}
        - redact: {presets: [mails]}
`

// TestVerify: what has arrived, what was taken away on purpose, and what was added, from logs
// of each driver, while lighterman runs, after it was killed, and with its positions moved on.
func TestVerify(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki, other := engine.Default(t), lokitest.New(t, nil), lokitest.New(t, nil)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(verifyStages), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 500
	var all []*engine.Container
	for _, spec := range []engine.Spec{
		{Driver: "json-file", Opts: map[string]string{"max-size": "20k", "max-file": "99", "compress": "true"}},
		{Driver: "local", Opts: map[string]string{"max-size": "20k", "max-file": "99"}},
		{Driver: "journald", Opts: map[string]string{"mode": "blocking"}},
	} {
		spec.Name, spec.Args = "verify-"+spec.Driver, []string{"-n", fmt.Sprint(n), "-streams", "alternate"}
		all = append(all, docker.Start(t, spec))
	}
	stages := docker.Start(t, engine.Spec{Name: "verify-stages", Driver: "json-file", Args: []string{"-n", "20", "-traces", "java"}})
	secret := docker.Start(t, engine.Spec{Name: "verify-stages-secret", Driver: "json-file", Args: []string{"-say", "mail from somebody@example.com for you"}})
	for _, c := range append(all, stages, secret) {
		c.Wait(t)
	}
	state := t.TempDir()
	args := func(to *lokitest.Loki, state string, more ...string) []string {
		return ledger.Only(t, "verify", to.URL, append(more, "--state-dir", state, "--config", file)...)
	}
	c := carrier.Start(t, args(loki, state)...)
	c.AwaitReady(t, time.Minute)
	for _, of := range all {
		loki.AwaitMost(t, ledger.Selector(of), n, 2*time.Minute)
	}
	loki.AwaitMost(t, ledger.Selector(secret), 1, time.Minute)
	listen := []string{"--listen", c.Addr}

	got := verify(t, 0, args(loki, state, listen...)...)
	for _, of := range all {
		v := got[of.Name]
		if v == nil || v.counts() != fmt.Sprintf("%d stored, %d in Loki, 0 missing, 0 twice, 0 changed, 0 not stored, 0 not sent", n, n) {
			t.Fatalf("%s: %+v", of.Name, v)
		}
		if v.Refused == nil || *v.Refused != 0 {
			t.Errorf("%s: refused %v", of.Name, v.Refused)
		}
	}
	v := got[stages.Name]
	if v.Dropped["traces"] == 0 || v.Joined == 0 || v.Stored != v.InLoki+v.Dropped["traces"]+v.Joined || v.Missing != 0 {
		t.Errorf("stages: %+v", v)
	}
	if v := got[secret.Name]; v.InLoki != 1 || v.Missing != 0 {
		t.Errorf("redacted: %+v", v)
	}

	// Through the API they are the same.
	got = verify(t, 0, append(args(loki, state, append(listen, "--mode", "stream")...), all[0].Name, all[1].Name)...)
	for _, of := range all[:2] {
		if v := got[of.Name]; v.InLoki != n || v.Stored != n {
			t.Errorf("%s, through the API: %s", of.Name, v.counts())
		}
	}

	// Killed, and started again: nothing is missing, and nothing twice.
	c.Kill9(t)
	for _, of := range all {
		of.Restart(t)
		of.Wait(t)
	}
	got = verify(t, 0, args(loki, state, "--listen", "off")...)
	for _, of := range all {
		if v := got[of.Name]; v.NotSent != n || v.Stored != 2*n || v.Refused != nil {
			t.Errorf("%s, while none runs: %s", of.Name, v.counts())
		}
	}
	c = carrier.Start(t, args(loki, state)...)
	for _, of := range all {
		loki.AwaitMost(t, ledger.Selector(of), 2*n, 2*time.Minute)
	}
	c.Kill9(t)
	for name, v := range verify(t, 0, args(loki, state, "--listen", "off")...) {
		if v.Missing+v.Twice+v.NotSent != 0 {
			t.Errorf("%s: after a kill: %s", name, v.counts())
		}
	}

	// A tenant that has nothing.
	for name, v := range verify(t, 1, args(other, state, "--listen", "off")...) {
		if v.InLoki != 0 || v.Missing != v.Stored-v.Joined-v.Dropped["traces"] || v.Same {
			t.Errorf("%s: of nothing: %s", name, v.counts())
		}
	}

	// Positions that another Loki has moved on: exactly those lines are missing.
	for _, of := range all {
		of.Restart(t)
		of.Wait(t)
	}
	c = carrier.Start(t, args(other, state)...)
	for _, of := range all {
		other.AwaitMost(t, ledger.Selector(of), n, 2*time.Minute)
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got = verify(t, 1, args(loki, state, "--listen", "off")...)
	for _, of := range all {
		if v := got[of.Name]; v.Missing != n || v.InLoki != 2*n || v.Twice+v.Changed+v.NotStored+v.NotSent != 0 {
			t.Errorf("%s: moved on: %s", of.Name, v.counts())
		}
	}

	// The service finds the same, and makes it a metric.
	c = carrier.Start(t, args(loki, state, "--verify-every", "1s")...)
	c.AwaitReady(t, time.Minute)
	var m carrier.Metrics
	if !wait.Until(time.Minute, func() bool { m = c.Metrics(t); return m.Sum("lighterman_verify_last_timestamp_seconds") > 0 }) {
		t.Error("nothing was verified")
	}
	if missing, ok := m.Sum("lighterman_verify_missing_lines"), m.Sum("lighterman_verify_ok"); missing != float64(n*len(all)) || ok != 0 {
		t.Errorf("verified: %v missing, ok %v", missing, ok)
	}
	if twice, failed := m.Sum("lighterman_verify_twice_lines"), m.Sum("lighterman_verify_failures_total"); twice+failed != 0 {
		t.Errorf("verified: %v twice, %v failures", twice, failed)
	}
	ledger.Clean(t, c)

	// What Loki has too much, or otherwise.
	file0 := all[0]
	entries := loki.All(t, ledger.Selector(file0))
	meta := map[string]string{"container_id": file0.ID}
	again, later := entries[len(entries)/2], entries[len(entries)/2+1]
	again.Labels = map[string]string{"container": file0.Name, "host": again.Labels["host"], "job": "another"}
	later.Time += int64(time.Millisecond) / 7
	missing := other.All(t, ledger.Selector(file0))[n/2]
	missing.Line = "this was not written"
	stranger := later
	stranger.Time, stranger.Line = stranger.Time+11, "neither was this"
	for _, e := range []lokitest.Entry{again, later, missing, stranger} {
		e.Metadata = meta
		loki.Push(t, e)
	}
	v = verify(t, 1, args(loki, state, "--listen", "off", file0.Name)...)[file0.Name]
	if want := fmt.Sprintf("%d stored, %d in Loki, %d missing, 2 twice, 1 changed, 1 not stored, 0 not sent", 3*n, 2*n, n-1); v.counts() != want {
		t.Errorf("%s, want %s", v.counts(), want)
	}
	found := make(map[string]string)
	for _, e := range v.Examples {
		found[e.Kind] += e.Text + e.InLoki + " "
	}
	if !strings.Contains(found["changed"], "this was not written") || !strings.Contains(found["not_stored"], "neither was this") || !strings.Contains(found["twice"], again.Line) {
		t.Errorf("examples %v", found)
	}
}

// TestVerifyAlive: nothing is said to be amiss of logs that are written and rotated while they
// are compared, of a container that is renamed, nor of one that has the name of another before it.
func TestVerifyAlive(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	all := ledger.SlowWriters(t, docker, "alive", "json-file", "local", "journald")
	former := docker.Start(t, engine.Spec{Name: "alive-again", Driver: "json-file", Args: []string{"-n", "50"}})
	former.Wait(t)
	state := t.TempDir()
	args := ledger.Only(t, "alive", loki.URL, "--state-dir", state)
	c := carrier.Start(t, args...)
	c.AwaitReady(t, time.Minute)
	args = append(args, "--listen", c.Addr)
	loki.AwaitMost(t, ledger.Selector(former), 50, time.Minute)
	former.Remove(t)
	again := docker.Start(t, engine.Spec{Name: "alive-again", Driver: "json-file", Args: []string{"-n", "60"}})
	again.Wait(t)
	loki.AwaitMost(t, ledger.Selector(again), 60, time.Minute)
	look := func(what string) {
		t.Helper()
		for name, v := range verify(t, 0, args...) {
			if !v.Same || v.Stored == 0 || v.Problem != "" {
				t.Errorf("%s: %s: %s %s %+v", what, name, v.counts(), v.Problem, v.Examples)
			}
		}
	}
	look("while they write")
	all[0].Rename(t, "alive-renamed")
	loki.Await(t, `{container="`+all[0].Name+`"}`, 100, time.Minute)
	look("renamed")
	for range 3 {
		c.Kill9(t)
		look("killed")
		c = carrier.Start(t, args...)
		c.AwaitReady(t, time.Minute)
		look("started again")
	}
	for _, of := range all {
		of.Stop(t)
	}
	look("stopped")
}
