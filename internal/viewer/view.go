package viewer

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
)

// View is how somebody looks at the logs of this host while they are written.
type View struct {
	// Console is how lines are shown.
	Console console.Options
	// Since and Lines are where each log begins: with what is written from now on, unless
	// one of them says more.
	Since config.Since
	Lines config.Lines
	// Follow has the look go on when all is shown that there is.
	Follow bool
	// Stages has lines go through the stages of the configuration.
	Stages bool
	// Notices is where it is said which containers come and go; nil for nowhere.
	Notices io.Writer
}

// ErrNoneMatch is the error of Tail when there is no container to show, and none is waited for.
var ErrNoneMatch = errors.New("no container matches")

// ToShow is the configuration of a look: it sends nothing to anybody, and keeps nothing.
func ToShow(given *config.Config, v View) *config.Config {
	cfg := *given
	cfg.Loki, cfg.Outputs = config.Loki{PushTimeout: cfg.Loki.PushTimeout}, nil
	cfg.Listener.Address, cfg.StateDir, cfg.Hold.Dir = "", "", ""
	cfg.Batch.Wait, cfg.Limits.Shutdown = showEvery, lastPatience
	cfg.Reading.Since, cfg.Reading.Tail = v.Since, v.Lines
	if !v.Stages {
		cfg.Stages, cfg.Labels.Level = nil, false
		// Nor what the owners of containers ask for, but whether they are shown at all.
		cfg.Labels.FromContainers = slices.DeleteFunc(slices.Clone(cfg.Labels.FromContainers), func(name string) bool { return name != "enable" })
	}
	return &cfg
}

// showing is what is looked at: as a command asks for, or as run shows it.
func showing(cfg *config.Config, asked *View) View {
	if asked != nil {
		return *asked
	}
	return View{Console: console.Options{Color: console.ColorOf(string(cfg.Log.Color)), Time: console.DateTime}, Follow: true, Stages: true}
}

// none says that there is no container to show: those that match and are left out for
// another reason are named.
func none(leftOut map[string]string) error {
	for name, why := range leftOut {
		return fmt.Errorf("%w, and may be shown: %s is left out, as %s (%d containers in all)", ErrNoneMatch, name, why, len(leftOut))
	}
	return ErrNoneMatch
}
