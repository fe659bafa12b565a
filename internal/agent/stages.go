package agent

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// stagesOf compiles the stages of a configuration; nil when there are none. Its error names
// the place of every mistake.
func stagesOf(cfg *config.Config) (*stage.Pipeline, error) {
	return compiled(cfg.Stages, "stages")
}

// compiled compiles stages that are found at a path of the configuration; nil when there are
// none.
func compiled(stages []config.Stage, path string) (*stage.Pipeline, error) {
	if len(stages) == 0 {
		return nil, nil
	}
	var nodes []*yaml.Node
	for _, s := range stages {
		nodes = append(nodes, s.Node)
	}
	p, err := stage.Compile(nodes, stage.Options{Path: path, Nearest: nearest.Name, Fit: target.Fit})
	if err == nil {
		return p, nil
	}
	var all []error
	for _, err := range unjoined(err) {
		var mistake *stage.Error
		if errors.As(err, &mistake) {
			err = fmt.Errorf("%s:%w", stages[0].Pos.File, mistake)
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
