package ruleset

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/producer"
	"github.com/lighterman/lighterman/internal/stage"
)

// InForce keeps the stages of the configurations that there were, with the time from which on
// each is in force. A line goes through those of its timestamp, also when it is read again
// after a crash or a restart with another configuration: only then does Loki know it again.
type InForce struct {
	// dir is the state directory; empty where nothing outlives the process.
	dir string
	log *slog.Logger
	// All are the stages, the oldest first. They belong to whoever changes them.
	All      []Since
	Timeline atomic.Pointer[stage.Timeline]
	// own are the stages of sections of files that have their own, as in Since, and
	// sections what each section's lines go through when.
	own      map[string]string
	Sections map[string]*atomic.Pointer[stage.Timeline]
}

// Since are stages in the words of the configuration, as they are kept.
type Since struct {
	From   int64  `json:"from"`
	Stages string `json:"stages"`
	// Files are those of the sections of files of the host that have their own, by what the
	// section names: its place in the configuration may change.
	Files map[string]string `json:"files,omitempty"`
}

// same reports whether two say the same.
func (r *Since) same(other *Since) bool {
	return r.Stages == other.Stages && maps.Equal(r.Files, other.Files)
}

func (r *Since) size() int {
	n := len(r.Stages)
	for section, text := range r.Files {
		n += len(section) + len(text)
	}
	return n
}

// of returns the stages of a section of files; those of the empty one are the configuration's.
func (r *Since) of(section string) string {
	if text, own := r.Files[section]; own {
		return text
	}
	return r.Stages
}

// stagesName is the file of the state directory that has them.
const stagesName = "stages.json"

// maxKept bounds how many there are, and maxKeptBytes their size in bytes. Beyond that the
// oldest go: lines from their time then go through the next.
const (
	maxKept      = 32
	maxKeptBytes = 4 << 20
)

// New reads what was in force, and has the stages of the configuration be in force from
// now on, if they are others.
func New(dir string, cfg *config.Config, log *slog.Logger, now time.Time) (*InForce, error) {
	f := &InForce{dir: dir, log: log, Sections: make(map[string]*atomic.Pointer[stage.Timeline])}
	f.read(checkpoint.ReadText)
	if err := f.ownStages(cfg); err != nil {
		return nil, err
	}
	text, err := Text(cfg.Stages)
	if err != nil {
		return nil, err
	}
	if _, err := Compile(cfg); err != nil {
		return nil, err
	}
	if _, err := compileText(text); err != nil {
		return nil, err
	}
	all, changed := then(f.All, Since{From: now.UnixNano(), Stages: text, Files: f.own})
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

// Was is what a service with this state directory has had in force, without a change to
// it: the stages of the configuration where nothing is kept.
func Was(dir string, cfg *config.Config, log *slog.Logger) (*InForce, error) {
	f := &InForce{dir: dir, log: log, Sections: make(map[string]*atomic.Pointer[stage.Timeline])}
	if err := f.ownStages(cfg); err != nil {
		return nil, err
	}
	if f.read(checkpoint.LookText); len(f.All) == 0 {
		text, err := Text(cfg.Stages)
		if err != nil {
			return nil, err
		}
		if _, err := compileText(text); err != nil {
			return nil, err
		}
		f.All = []Since{{From: math.MinInt64, Stages: text, Files: f.own}}
	}
	f.use(f.All)
	return f, nil
}

// ownStages notes the sections of files and of the journal, which are the same until the next
// start.
func (f *InForce) ownStages(cfg *config.Config) error {
	for _, s := range cfg.Files {
		if err := f.ownStage(Section(&s), s.OwnStages, s.Stages); err != nil {
			return err
		}
	}
	for _, s := range cfg.HostJournals {
		if err := f.ownStage(JournalSection(&s), s.OwnStages, s.Stages); err != nil {
			return err
		}
	}
	return nil
}

// ownStage notes a section, and its stages where it has some of its own.
func (f *InForce) ownStage(name string, own bool, stages []config.Stage) error {
	f.Sections[name] = new(atomic.Pointer[stage.Timeline])
	if !own {
		return nil
	}
	text, err := Text(stages)
	if err != nil {
		return err
	}
	if f.own == nil {
		f.own = make(map[string]string)
	}
	f.own[name] = text
	return nil
}

// Section is what a section of files is called in Since.
func Section(s *config.HostFiles) string {
	name := strings.Join(s.Paths, " ")
	if len(s.Exclude) > 0 {
		name += " without " + strings.Join(s.Exclude, " ")
	}
	return name
}

// read reads what is kept. What is damaged is not used, and the stages of the configuration
// are in force for all times.
func (f *InForce) read(readText func(dir, name string) ([]byte, error)) {
	if f.dir == "" {
		return
	}
	text, err := readText(f.dir, stagesName)
	var all []Since
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
	f.All = all
}

func (f *InForce) save(all []Since) error {
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
func (f *InForce) use(all []Since) {
	f.All = all
	of := make(map[string]*stage.Pipeline)
	f.Timeline.Store(f.compiled(all, "", of))
	for section, timeline := range f.Sections {
		timeline.Store(f.compiled(all, section, of))
	}
}

// compiled makes the pipelines of a list, for a section of files or, if that is empty, for
// all else. of are those that were made, by their texts. What cannot be compiled any more, which another
// version may have written, gives way to what came after it.
func (f *InForce) compiled(all []Since, section string, of map[string]*stage.Pipeline) *stage.Timeline {
	out := make([]stage.Since, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		text := all[i].of(section)
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
func then(before []Since, next Since) (all []Since, changed bool) {
	if len(before) == 0 {
		next.From = math.MinInt64
		return []Since{next}, true
	}
	if before[len(before)-1].same(&next) {
		return before, false
	}
	all = slices.Clone(before)
	for len(all) > 1 && all[len(all)-1].From >= next.From {
		all = all[:len(all)-1]
	}
	all = append(all, next)
	size := 0
	for i := len(all) - 1; i >= 0; i-- {
		if size += all[i].size(); len(all)-i > maxKept || size > maxKeptBytes && i < len(all)-1 {
			return all[i+1:], true
		}
	}
	return all, true
}

// changeDelay is how far ahead other stages come into force. What is being read does not know
// of them, and labels that change with them do so LabelsDelay after they were decided, or with
// the stages: it is more than that.
const changeDelay = 2 * producer.LabelsDelay

// tries is how often a change is put off because the disk takes longer than until it would be
// in force.
const tries = 5

// Change has other stages be in force, from a moment that is still to come when they are on
// disk.
func (f *InForce) Change(text string) error {
	if _, err := compileText(text); err != nil {
		return err
	}
	for range tries {
		from := time.Now().Add(changeDelay)
		all, changed := then(f.All, Since{From: from.UnixNano(), Stages: text, Files: f.own})
		if !changed {
			return nil
		}
		if err := f.save(all); err != nil {
			return err
		}
		if time.Until(from) > changeDelay-producer.LabelsDelay/2 {
			f.use(all)
			return nil
		}
	}
	err := errors.New("cannot change the stages: the disk of the state directory is too slow")
	return errors.Join(err, f.save(f.All))
}

// Text returns stages as a text that is the same for the same stages, however they are
// written.
func Text(stages []config.Stage) (string, error) {
	if len(stages) == 0 {
		return "", nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, s := range stages {
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

// compileText is the inverse of Text, as far as there is one.
func compileText(text string) (*stage.Pipeline, error) {
	if text == "" {
		return compileStages(nil, stagesPath)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("cannot read stages: %w", err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode {
		return nil, errors.New("cannot read stages: they are no list")
	}
	return compileStages(doc.Content[0].Content, stagesPath)
}

// JournalSection is what a section is called among those that have stages of their own.
func JournalSection(s *config.HostJournal) string { return logs.HostJournalID + s.Name }
