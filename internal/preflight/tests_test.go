package preflight

import (
	"testing"

	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/test/settings"
)

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
			cfg := settings.Of(t, text)
			stages, err := ruleset.Compile(cfg)
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
