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
	nodes := make([]*yaml.Node, 0, len(cfg.Stages))
	for _, s := range cfg.Stages {
		nodes = append(nodes, s.Node)
	}
	p, err := compileStages(nodes)
	if err == nil {
		return p, nil
	}
	var all []error
	for _, err := range unjoined(err) {
		var mistake *stage.Error
		if errors.As(err, &mistake) {
			err = fmt.Errorf("%s:%w", cfg.Stages[0].Pos.File, mistake)
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

// compileStages compiles stages, with what owners of containers ask for in labels. Whether
// that is honoured the labels of a time say, and so it is part of every pipeline: it costs
// nothing where no owner asks.
func compileStages(nodes []*yaml.Node) (*stage.Pipeline, error) {
	return stage.Compile(nodes, stage.Options{Path: "stages", Owners: true, Nearest: nearest.Name, Fit: target.Fit})
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
