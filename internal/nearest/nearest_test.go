package nearest

import "testing"

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"LOKI-URL": "loki-url", "batch_waits": "batch-wait", "colour": "color", "x": "", "scrape-configs": "", "relabel-configs": "relabel_configs",
	} {
		if got := Name(name, []string{"loki-url", "batch-wait", "color", "mode", "relabel_configs"}); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
