package status

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAccounts: what became of lines is in metrics and in `ls`.
func TestAccounts(t *testing.T) {
	s := server()
	state := Snapshot{Containers: []Container{
		{Name: "web", ID: "1", Route: "file", Lines: is(uint64(7)), Account: &Account{Read: 20, Sent: 5, Joined: 3, Dropped: map[string]int64{"health": 8, hostile: 1}, Rejected: 2, Pending: 1}},
		{Name: "web", ID: "2", Route: "file", Lines: is(uint64(1)), Account: &Account{Read: 1, Sent: 1}},
		{Name: "calm", ID: "3", Route: "file", Lines: is(uint64(2)), Account: &Account{Read: 2, Sent: 2}},
		{Name: "none", ID: "4", Route: "unreadable"},
	}}
	s.Observe(func() Snapshot { return state })
	url := serve(t, s)
	metrics := get(t, url+"/metrics")
	metrics.expect(t,
		`lighterman_container_read_lines_total{container="web"} 21`, `lighterman_container_pending_lines{container="web"} 1`,
		`lighterman_container_lines_total{container="web",outcome="sent"} 6`, `lighterman_container_lines_total{container="web",outcome="dropped"} 9`,
		`lighterman_container_lines_total{container="web",outcome="joined"} 3`, `lighterman_container_lines_total{container="web",outcome="rejected"} 2`,
		`lighterman_container_read_lines_total{container="calm"} 2`)
	if strings.Contains(metrics.body, `container="calm",outcome="dropped"`) || strings.Contains(metrics.body, `read_lines_total{container="none"`) {
		t.Error("there are series without a meaning")
	}
	var table strings.Builder
	list := NewList(Running, "a:1", State{Snapshot: state.Clean(), Ready: true})
	if err := list.WriteTable(&table, 0); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(table.String(), "\n")
	if !strings.Contains(head, "LINES  DROPPED  POSITION") || !strings.Contains(table.String(), "7      9        ") {
		t.Errorf("the table:\n%s", table.String())
	}
	state.Containers = state.Containers[2:]
	table.Reset()
	if err := NewList(Running, "a:1", State{Snapshot: state.Clean(), Ready: true}).WriteTable(&table, 0); err != nil || strings.Contains(table.String(), "DROPPED") {
		t.Errorf("%v, the table:\n%s", err, table.String())
	}
	text, err := json.Marshal(list.Containers[2].Account)
	if err != nil || !strings.HasPrefix(string(text), `{"read":20,"sent":5,"joined":3,"dropped":{`) || !strings.HasSuffix(string(text), `"rejected":2,"pending":1}`) {
		t.Errorf("%s, %v", text, err)
	}
}
