package agent

import (
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/target"
)

// TestDefaultLabels holds the names that can be given others in the configuration to those
// that containers get.
func TestDefaultLabels(t *testing.T) {
	labels, metadata := target.DefaultLabels()
	if !slices.Equal(labels, config.DefaultLabels) || !slices.Equal(metadata, config.DefaultMetadata) {
		t.Errorf("labels %q and metadata %q, in the configuration %q and %q", labels, metadata, config.DefaultLabels, config.DefaultMetadata)
	}
}
