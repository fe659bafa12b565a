package viewer

import (
	"testing"

	"github.com/lighterman/lighterman/test/settings"
)

// TestToShow: a look sends nothing to any Loki, keeps nothing and opens no address; without
// stages it also goes without what owners of containers ask for.
func TestToShow(t *testing.T) {
	given := settings.Of(t, "outputs: [{name: archive, loki-url: 'http://localhost:2'}]\nstages: [{decolorize: {}}]\nhold-dir: /somewhere\n")
	if len(given.Outputs) != 1 {
		t.Fatalf("%+v", given.Outputs)
	}
	cfg := ToShow(given, View{Stages: true})
	if cfg.Loki.URL != nil || len(cfg.Outputs) != 0 || cfg.StateDir != "" || cfg.Hold.Dir != "" || cfg.Listener.Address != "" || len(cfg.Stages) != 1 {
		t.Errorf("%+v", cfg)
	}
	raw := ToShow(given, View{})
	if len(raw.Stages) != 0 || raw.Labels.Level || len(raw.Labels.FromContainers) != 1 || raw.Labels.FromContainers[0] != "enable" {
		t.Errorf("%+v", raw.Labels)
	}
	if len(given.Outputs) != 1 || len(given.Stages) != 1 || len(given.Labels.FromContainers) < 2 {
		t.Error("the configuration itself has changed")
	}
}
