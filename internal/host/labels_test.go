package host

import (
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/owner"
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

// TestContainerLabels holds the names that container-labels may have to those that are read.
func TestContainerLabels(t *testing.T) {
	if all := slices.Sorted(slices.Values(config.ContainerLabels)); !slices.Equal(all, owner.Names()) {
		t.Errorf("the configuration has %q, read are %q", all, owner.Names())
	}
	if !slices.Equal(config.DefaultContainerLabels, owner.Defaults()) {
		t.Errorf("the configuration honours %q by default, without one %q are", config.DefaultContainerLabels, owner.Defaults())
	}
}
