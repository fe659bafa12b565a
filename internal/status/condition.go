package status

import (
	"fmt"
	"strings"
	"time"
)

// condition is one thing that must hold; check returns nil when it does and
// says why not otherwise.
type condition struct {
	name  string
	check func() error
}

// liveness is the condition that a main loop lives, and how long it may take to say so.
type liveness struct {
	name  string
	check func(patience time.Duration) error
}

// How long a main loop may take to say that it lives: to who asks for nothing else, so that
// there is an answer before writeTimeout ends it, and to who looks at a page.
const (
	healthPatience = 8 * time.Second
	pagePatience   = 2 * time.Second
)

// living are the conditions that all main loops live.
func living(loops []liveness, patience time.Duration) (out []condition) {
	for _, l := range loops {
		out = append(out, condition{l.name, func() error { return l.check(patience) }})
	}
	return out
}

// Verdict is the state of a condition at one moment.
type Verdict struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// judge checks all conditions and tells whether every one holds.
func judge(conditions []condition) (verdicts []Verdict, ok bool) {
	ok = true
	for _, c := range conditions {
		v := Verdict{Name: bounded(c.name), OK: true}
		if err := c.check(); err != nil {
			v.OK, v.Why, ok = false, bounded(err.Error()), false
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, ok
}

// report writes a warning, if there is one, and verdicts in words, one per line, after a line
// with the whole.
func report(whole string, warning string, verdicts []Verdict) string {
	var b strings.Builder
	fmt.Fprintln(&b, whole)
	if warning != "" {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	for _, v := range verdicts {
		if v.OK {
			fmt.Fprintf(&b, "ok: %s\n", v.Name)
		} else {
			fmt.Fprintf(&b, "not ok: %s: %s\n", v.Name, v.Why)
		}
	}
	return b.String()
}
