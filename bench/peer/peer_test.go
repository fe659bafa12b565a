package peer

import "testing"

// TestDescriptionsAreGood fills in every file of bench/peers.
func TestDescriptionsAreGood(t *testing.T) {
	peers, err := Load("../peers")
	if err != nil || len(peers) < 6 {
		t.Fatalf("%d peers, %v", len(peers), err)
	}
	for _, p := range peers {
		at := &Place{Root: "/root", Logs: "/root/*.log", Socket: "/socket", Push: "http://l/push", Loki: "http://l", LokiHost: "l", LokiPort: "1", Work: t.TempDir(), Port: 9}
		if err := p.prepare(at); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		for _, texts := range [][]string{p.Args, p.Env, {p.Metrics}} {
			if _, err := at.fillAll(texts); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}
