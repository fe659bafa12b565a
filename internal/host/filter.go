package host

import (
	"os"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/target"
)

func filter(cfg *config.Config) target.Filter {
	f := target.Filter{Self: docker.Self(), IncludeNames: cfg.Containers.IncludeName, ExcludeNames: cfg.Containers.ExcludeName}
	for _, m := range cfg.Containers.IncludeLabel {
		f.IncludeLabels = append(f.IncludeLabels, m)
	}
	for _, m := range cfg.Containers.ExcludeLabel {
		f.ExcludeLabels = append(f.ExcludeLabels, m)
	}
	f.Pick = pick(cfg.Containers.Pick)
	return f
}

// borrowsHost tells that the label host is to be the engine's host: this
// process runs in a container, and nobody has set the label.
func borrowsHost(cfg *config.Config) bool {
	own, err := os.Hostname()
	return docker.Self() != "" && err == nil && cfg.Labels.Host == own
}

// pick is what a look asks for, as the rules of targets know it.
func pick(p *config.Pick) *target.Pick {
	if p == nil {
		return nil
	}
	out := &target.Pick{Names: p.Names, Images: p.Images, Services: p.Services, Projects: p.Projects, All: p.All}
	for _, m := range p.Labels {
		out.Labels = append(out.Labels, m)
	}
	return out
}
