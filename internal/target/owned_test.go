package target

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
)

// rulesFor makes rules that honour all that owners ask for.
func rulesFor(t *testing.T, l Labeler) *Rules {
	t.Helper()
	l.Host = "h"
	return &Rules{Labeler: l, Owner: owner.New(owner.Names(), nil)}
}

func text(list []logs.Label) (out string) {
	for _, l := range list {
		out += l.Name + "=" + l.Value + " "
	}
	return out
}

// TestOwned: owners add labels and structured metadata, take no name that tells containers
// apart or that the operator sets, and what is to be done with lines goes with the labels.
func TestOwned(t *testing.T) {
	rule := relabel.DefaultRelabelConfig
	rule.SourceLabels, rule.TargetLabel = model.LabelNames{"__meta_docker_container_label_tier"}, "tier"
	by, err := NewRelabel([]*relabel.Config{&rule}, map[string]string{"net": "__meta_docker_network_name"})
	if err != nil {
		t.Fatal(err)
	}
	r := rulesFor(t, Labeler{External: map[string]string{"dc": "north"}, Names: Names{"container": "name", "image": ""}, Relabel: by})
	asks := map[string]string{
		"lighterman.label.team": "blue", "lighterman.metadata.commit": "1a2b", "lighterman.parser": "java", "lighterman.drop": "GET /health",
	}
	for _, taken := range []string{"service_name", "name", "container", "image", "host", "stream", "dc", "tier", "net", "container_id"} {
		asks["lighterman.label."+taken] = "forged"
		asks["lighterman.metadata."+taken] = "forged"
	}
	target := r.Decide(&logs.Container{ID: "1", Name: "web", Labels: asks})
	if got := text(target.Labels.Pairs); got != "dc=north host=h name=web service_name=web team=blue " {
		t.Errorf("labels %s", got)
	}
	if got := text(target.Labels.Metadata); got != "commit=1a2b container_id=1 " {
		t.Errorf("metadata %s", got)
	}
	if got := text(target.Labels.Owner); got != "drop=GET /health parser=java " {
		t.Errorf("for lines: %s", got)
	}
	if len(target.Asked) != 20 || len(target.Notes) > 0 || !target.Chosen() {
		t.Errorf("%q, %q", target.Asked, target.Notes)
	}
	plain := r.Decide(&logs.Container{ID: "1", Name: "web"})
	if plain.Labels.Owner != nil || len(plain.Remarks()) > 0 || plain.Labels.Equal(target.Labels) {
		t.Errorf("%+v", plain)
	}
	other := maps.Clone(asks)
	other["lighterman.drop"] = "x"
	if a := r.Decide(&logs.Container{ID: "1", Name: "web", Labels: other}); a.Labels.Equal(target.Labels) {
		t.Error("what changes lines is no change of labels")
	}
	if off := r.Decide(&logs.Container{ID: "1", Name: "web", Labels: map[string]string{owner.Enable: "false"}}); off.Excluded != "it has the label lighterman.enable=false" {
		t.Errorf("%q", off.Excluded)
	}
	r.Owner = owner.New(nil, nil)
	if on := r.Decide(&logs.Container{ID: "1", Name: "web", Labels: map[string]string{owner.Enable: "false"}}); !on.Chosen() || len(on.Ignored) != 1 {
		t.Errorf("%+v", on)
	}
}

// TestOwnedHaveNoRoom: labels of the operator stay labels, and structured metadata of the
// operator stays, whatever an owner adds.
func TestOwnedHaveNoRoom(t *testing.T) {
	rules := []*relabel.Config{}
	for i := range 5 {
		rule := relabel.DefaultRelabelConfig
		rule.TargetLabel, rule.Replacement = fmt.Sprint("zz", i), "operator"
		rules = append(rules, &rule)
	}
	by, err := NewRelabel(rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rulesFor(t, Labeler{Relabel: by, External: map[string]string{"zzz": "operator"}})
	asks := make(map[string]string)
	for i := range 20 {
		asks[fmt.Sprintf("lighterman.label.a%02d", i)] = "owner"
	}
	target := r.Decide(&logs.Container{ID: "1", Name: "web", Image: "i", Labels: asks})
	l := target.Labels
	for i := range 5 {
		if l.Get(fmt.Sprint("zz", i)) != "operator" {
			t.Errorf("the operator's labels are gone: %s", text(l.Pairs))
		}
	}
	if l.Len() != MaxLabels || l.Get("zzz") != "operator" || len(l.Metadata) < 10 || !slices.ContainsFunc(target.Asked, func(s string) bool { return strings.HasPrefix(s, "lighterman.label: there is no room") }) {
		t.Errorf("%d labels, %d metadata, %q", l.Len(), len(l.Metadata), target.Asked)
	}
	if len(target.Notes) > 0 {
		t.Errorf("%q", target.Notes)
	}
}
