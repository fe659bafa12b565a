package agent

import (
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/discover"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestDefaultLabels holds the names that can be given others in the configuration to those
// that containers get. The label stream is added where lines are sent.
func TestDefaultLabels(t *testing.T) {
	all := make(map[string]string)
	for _, name := range discover.LabelsInUse() {
		all[name] = "x"
	}
	labels := discover.Labeler{Host: "h"}.Labels(&logs.Container{ID: "c0ffee", Name: "web", Image: "web:1", Labels: all})
	names := func(pairs []logs.Label) (out []string) {
		for _, p := range pairs {
			out = append(out, p.Name)
		}
		return out
	}
	pairs := append(names(labels.Pairs), "stream")
	slices.Sort(pairs)
	if !slices.Equal(pairs, config.DefaultLabels) || !slices.Equal(names(labels.Metadata), config.DefaultMetadata) {
		t.Errorf("labels %q and metadata %q, in the configuration %q and %q", pairs, names(labels.Metadata), config.DefaultLabels, config.DefaultMetadata)
	}
}
