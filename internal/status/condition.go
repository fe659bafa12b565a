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

// verdict is the state of a condition at one moment.
type verdict struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"`
}

// judge checks all conditions and tells whether every one holds.
func judge(conditions []condition) (verdicts []verdict, ok bool) {
	ok = true
	for _, c := range conditions {
		v := verdict{Name: bounded(c.name), OK: true}
		if err := c.check(); err != nil {
			v.OK, v.Why, ok = false, bounded(err.Error()), false
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, ok
}

// report writes verdicts in words, one per line, after a line with the whole.
func report(whole string, verdicts []verdict) string {
	var b strings.Builder
	fmt.Fprintln(&b, whole)
	for _, v := range verdicts {
		if v.OK {
			fmt.Fprintf(&b, "ok: %s\n", v.Name)
		} else {
			fmt.Fprintf(&b, "not ok: %s: %s\n", v.Name, v.Why)
		}
	}
	return b.String()
}
