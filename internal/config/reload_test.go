package config

import "testing"

// TestLive: all that can change while lighterman runs is there.
func TestLive(t *testing.T) {
	for _, name := range LiveNames() {
		if find(settings, name) == nil && lookupSection(name) == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if Live("listen") || !Live("stages") {
		t.Error("listen needs a restart, and stages do not")
	}
}
