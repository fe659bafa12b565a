package agent

import (
	"testing"
)

// TestToShow: a look sends nothing to any Loki, keeps nothing and opens no address; without
// stages it also goes without what owners of containers ask for.
func TestToShow(t *testing.T) {
	given := configured(t, "outputs: [{name: archive, loki-url: 'http://localhost:2'}]\nstages: [{decolorize: {}}]\nhold-dir: /somewhere\n")
	if len(given.Outputs) != 1 {
		t.Fatalf("%+v", given.Outputs)
	}
	cfg := toShow(given, View{Stages: true})
	if cfg.Loki.URL != nil || len(cfg.Outputs) != 0 || cfg.StateDir != "" || cfg.Hold.Dir != "" || cfg.Listener.Address != "" || len(cfg.Stages) != 1 {
		t.Errorf("%+v", cfg)
	}
	raw := toShow(given, View{})
	if len(raw.Stages) != 0 || raw.Labels.Level || len(raw.Labels.FromContainers) != 1 || raw.Labels.FromContainers[0] != "enable" {
		t.Errorf("%+v", raw.Labels)
	}
	if len(given.Outputs) != 1 || len(given.Stages) != 1 || len(given.Labels.FromContainers) < 2 {
		t.Error("the configuration itself has changed")
	}
}

// TestTestsSeeAll: tests of a configuration see what run does: what owners of containers ask
// for and what drops by that, levels by default, and tenants of rules.
func TestTestsSeeAll(t *testing.T) {
	for name, text := range map[string]string{
		"an owner drops": `
container-labels: [drop]
tests:
  - name: x
    container: {labels: {lighterman.drop: noise}}
    input: [noise, "no nois"]
    expect: [{dropped: true}, {line: "no nois"}]
`,
		"an owner drops beside more labels": `
container-labels: [drop]
tests:
  - name: x
    labels: {a: b}
    container: {labels: {lighterman.drop: noise}}
    input: [noise]
    expect: [{dropped: true}]
`,
		"a level by default": `
tests:
  - name: x
    input: ["E0102 15:04:05.000000       1 main.go:1] it is broken"]
    expect: [{level: error}]
`,
		"a tenant of a rule": `
container-labels: [tenant]
relabel_configs: [{target_label: __tenant_id__, replacement: acme}]
tests:
  - name: x
    container: {labels: {lighterman.tenant: mine}}
    input: [line]
    expect: [{tenant: acme}]
`,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configured(t, text)
			stages, err := stagesOf(cfg)
			if err != nil {
				t.Fatal(err)
			}
			for i := range cfg.Tests {
				if wrong, err := runTest(cfg, &cfg.Tests[i], stages); err != nil || len(wrong) > 0 {
					t.Errorf("%q %v", wrong, err)
				}
			}
		})
	}
}

// TestStagesText: what stages are written down as can be read again, whatever is in them.
func TestStagesText(t *testing.T) {
	for _, expression := range []string{`"\t(x)\n"`, `"\n\n (x)"`, `"# (x)"`, `"(x)\u0085"`, `"  (x)\n  y\n"`, `"'(x)"`, `"0x(1)"`, `"~(x)?"`} {
		cfg := configured(t, "stages: [{redact: [mails]}, {replace: {expression: "+expression+", replace: y}}]\n")
		text, err := stagesText(cfg)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compileText(text)
		if err != nil || p == nil {
			t.Errorf("%s: %v in %q", expression, err, text)
		}
	}
}
