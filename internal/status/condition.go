package status

import (
	"fmt"
	"strings"
)

// condition is one thing that must hold; check returns nil when it does and
// says why not otherwise.
type condition struct {
	name  string
	check func() error
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
