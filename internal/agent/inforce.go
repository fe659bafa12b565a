package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/output"
	"github.com/lighterman/lighterman/internal/stage"
)

// inForce keeps the stages of the configurations that there were, with the time from which on
// each is in force. A line goes through those of its timestamp, also when it is read again
// after a crash or a restart with another configuration: only then does Loki know it again.
type inForce struct {
	// dir is the state directory; empty where nothing outlives the process.
	dir string
	log *slog.Logger
	// all are the stages, the oldest first. They belong to whoever changes them.
	all      []rulesSince
	timeline atomic.Pointer[stage.Timeline]
}

// rulesSince are stages in the words of the configuration, as they are kept.
type rulesSince struct {
	From   int64  `json:"from"`
	Stages string `json:"stages"`
}

// stagesName is the file of the state directory that has them.
const stagesName = "stages.json"

// maxKept bounds how many there are, and maxKeptBytes their size in bytes. Beyond that the
// oldest go: lines from their time then go through the next.
const (
	maxKept      = 32
	maxKeptBytes = 4 << 20
)

// newInForce reads what was in force, and has the stages of the configuration be in force from
// now on, if they are others.
func newInForce(dir string, cfg *config.Config, log *slog.Logger, now time.Time) (*inForce, error) {
	f := &inForce{dir: dir, log: log}
	f.read()
	text, err := stagesText(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := stagesOf(cfg); err != nil {
		return nil, err
	}
	if _, err := compileText(text); err != nil {
		return nil, err
	}
	all, changed := then(f.all, rulesSince{From: now.UnixNano(), Stages: text})
	if changed {
		if err := f.save(all); err != nil {
			log.Warn("cannot keep the stages in the state directory: lines that are sent again after a crash may look different then", "error", err)
		}
		if len(all) > 1 {
			log.Info("the stages are others than before: lines from before now go through the old ones")
		}
	}
	f.use(all)
	return f, nil
}

// read reads what is kept. What is damaged is not used, and the stages of the configuration
// are in force for all times.
func (f *inForce) read() {
	if f.dir == "" {
		return
	}
	text, err := checkpoint.ReadText(f.dir, stagesName)
	var all []rulesSince
	if err == nil && text != nil {
		err = json.Unmarshal(text, &all)
	}
	for i := 1; err == nil && i < len(all); i++ {
		if all[i].From <= all[i-1].From {
			err = errors.New("it is not in order")
		}
	}
	if err != nil || len(all) > maxKept {
		f.log.Warn("cannot read which stages were in force before, the present ones are used for older lines, too", "file", filepath.Join(f.dir, stagesName), "error", err)
		return
	}
	f.all = all
}

func (f *inForce) save(all []rulesSince) error {
	if f.dir == "" {
		return nil
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = checkpoint.WriteText(f.dir, stagesName, text)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s in the state directory: %w", stagesName, err)
	}
	return nil
}

// use has a list be in force.
func (f *inForce) use(all []rulesSince) {
	f.all = all
	f.timeline.Store(f.compiled(all))
}

// compiled makes the pipelines of a list. What cannot be compiled any more, which another
// version may have written, gives way to what came after it.
func (f *inForce) compiled(all []rulesSince) *stage.Timeline {
	of := make(map[string]*stage.Pipeline)
	out := make([]stage.Since, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		text := all[i].Stages
		p, known := of[text]
		if !known {
			var err error
			if p, err = compileText(text); err != nil && i+1 < len(all) {
				f.log.Warn("cannot use the stages that were in force before, the later ones are used for older lines, too", "error", err)
				p = out[i+1].Pipeline
			}
			of[text] = p
		}
		out[i] = stage.Since{From: all[i].From, Pipeline: p}
	}
	return stage.NewTimeline(out...)
}

// then returns the list with one more, if that changes anything. What was to be in force later
// is not any more: the clock was set back, and what the operator wants counts.
func then(before []rulesSince, next rulesSince) (all []rulesSince, changed bool) {
	if len(before) == 0 {
		return []rulesSince{{From: math.MinInt64, Stages: next.Stages}}, true
	}
	if before[len(before)-1].Stages == next.Stages {
		return before, false
	}
	all = slices.Clone(before)
	for len(all) > 1 && all[len(all)-1].From >= next.From {
		all = all[:len(all)-1]
	}
	all = append(all, next)
	size := 0
	for i := len(all) - 1; i >= 0; i-- {
		if size += len(all[i].Stages); len(all)-i > maxKept || size > maxKeptBytes && i < len(all)-1 {
			return all[i+1:], true
		}
	}
	return all, true
}

// changeDelay is how far ahead other stages come into force. What is being read does not know
// of them, and labels that change with them do so LabelsDelay after they were decided, or with
// the stages: it is more than that.
const changeDelay = 2 * output.LabelsDelay

// tries is how often a change is put off because the disk takes longer than until it would be
// in force.
const tries = 5

// change has other stages be in force, from a moment that is still to come when they are on
// disk.
func (f *inForce) change(text string) error {
	if _, err := compileText(text); err != nil {
		return err
	}
	for range tries {
		from := time.Now().Add(changeDelay)
		all, changed := then(f.all, rulesSince{From: from.UnixNano(), Stages: text})
		if !changed {
			return nil
		}
		if err := f.save(all); err != nil {
			return err
		}
		if time.Until(from) > changeDelay-output.LabelsDelay/2 {
			f.use(all)
			return nil
		}
	}
	err := errors.New("cannot change the stages: the disk of the state directory is too slow")
	return errors.Join(err, f.save(f.all))
}

// stagesText returns the stages of a configuration as a text that is the same for the same
// stages, however they are written.
func stagesText(cfg *config.Config) (string, error) {
	if len(cfg.Stages) == 0 {
		return "", nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, s := range cfg.Stages {
		list.Content = append(list.Content, bare(s.Node))
	}
	text, err := yaml.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("cannot write down the stages: %w", err)
	}
	return string(text), nil
}

// bare copies a node without comments, places and style.
func bare(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.ShortTag(), Value: n.Value}
	if n.Kind == yaml.ScalarNode && out.Tag == "!!str" {
		out.Style = yaml.DoubleQuotedStyle // of the others not every text can be read again
	}
	for _, part := range n.Content {
		out.Content = append(out.Content, bare(part))
	}
	return out
}

// compileText is the inverse of stagesText, as far as there is one.
func compileText(text string) (*stage.Pipeline, error) {
	if text == "" {
		return compileStages(nil)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("cannot read stages: %w", err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode {
		return nil, errors.New("cannot read stages: they are no list")
	}
	return compileStages(doc.Content[0].Content)
}
