package ruleset

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

// stagesPath is where the stages are that all lines go through, unless others do.
const stagesPath = "stages"

// Compile compiles the stages of a configuration; nil when there are none. Its error names
// the place of every mistake, also of those in stages of files of the host and of its journal.
func Compile(cfg *config.Config) (*stage.Pipeline, error) {
	out, err := compiled(cfg.Stages, stagesPath)
	for i, s := range cfg.Files {
		_, wrong := compiled(s.Stages, fmt.Sprintf("files[%d].stages", i))
		err = errors.Join(err, wrong)
	}
	for i, s := range cfg.HostJournals {
		_, wrong := compiled(s.Stages, fmt.Sprintf("journal[%d].stages", i))
		err = errors.Join(err, wrong)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// compiled compiles stages that are found at a path of the configuration.
func compiled(stages []config.Stage, path string) (*stage.Pipeline, error) {
	p, err := compileStages(nodesOf(stages), path)
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

func nodesOf(stages []config.Stage) []*yaml.Node {
	nodes := make([]*yaml.Node, 0, len(stages))
	for _, s := range stages {
		nodes = append(nodes, s.Node)
	}
	return nodes
}

// compileStages compiles stages, with what owners of containers ask for in labels. Whether
// that is honoured the labels of a time say, and so it is part of every pipeline: it costs
// nothing where no owner asks.
func compileStages(nodes []*yaml.Node, path string) (*stage.Pipeline, error) {
	return stage.Compile(nodes, stage.Options{Path: path, Owners: true, Nearest: nearest.Name, Fit: target.Fit})
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
