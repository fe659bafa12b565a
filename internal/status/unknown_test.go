package status

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestP9UnknownIsNull: what is not known is null in /status.json, as in `ls --json`, and
// comes back as not known.
func TestP9UnknownIsNull(t *testing.T) {
	for _, c := range []Container{
		{Name: "a"},
		{Name: "b", LagBytes: is(int64(5)), LagSeconds: is(float64(0)), Lines: is(uint64(3)), LastError: "x", Position: &Position{Inode: 3, Offset: 7}},
	} {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), `"lag_bytes":null`) && strings.Contains(string(text), `"lag_seconds":null`) &&
			strings.Contains(string(text), `"position":null`) && strings.Contains(string(text), `"last_error":""`); got != (c.Name == "a") {
			t.Errorf("got %s", text)
		}
		var again Container
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("got %+v, want %+v (%v)", again, c, err)
		}
	}
}
