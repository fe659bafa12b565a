package status

import (
	"fmt"
	"strings"
	"testing"
)

// TestProblems: what is alike is one problem, the serious come first, each says what to do, and
// there is a bound whatever the reasons are.
func TestProblems(t *testing.T) {
	s := State{Conditions: []Verdict{{Name: "sink of output archive", Why: "connection refused"}, {Name: "log files", OK: true}}, Warning: "labels were cut"}
	s.Output.Ready, s.InotifyOverflows = true, 3
	for i := range 1000 {
		s.Containers = append(s.Containers, Container{Name: fmt.Sprint("c", i), ID: fmt.Sprint(i), Route: routeUnreadable, Reason: "permission denied"})
	}
	for i := range 100 {
		s.Containers = append(s.Containers, Container{Name: fmt.Sprint("e", i), Route: "file", LastError: fmt.Sprint("error ", i)})
	}
	s.Containers = append(s.Containers, Container{Name: "late", Route: "file", LagSeconds: is(61.0)}, Container{Name: "well", Route: "file", LagSeconds: is(59.0)},
		Container{Name: "refused", Route: "file", LastRefusal: &Refusal{Reason: "too_old", Cure: "raise it"}})
	all := s.Problems()
	count, slight := 0, false
	for _, p := range all {
		if p.Serious && slight {
			t.Errorf("%q comes after what is less serious", p.What)
		}
		slight = slight || !p.Serious
		count += p.Count
		if len(p.Containers) > maxNamed || p.Why == "" && p.Cure == "" {
			t.Errorf("%+v", p)
		}
	}
	if count != 1000+100+2 || len(all) > maxProblems+8 {
		t.Errorf("%d problems of %d containers", len(all), count)
	}
	if all[0].What != "Not ready: sink of output archive" || !strings.Contains(all[0].Cure, "check --live") {
		t.Errorf("the first is %+v", all[0])
	}
	if none := (&State{Ready: true}).Problems(); none != nil {
		t.Errorf("%+v", none)
	}
}
