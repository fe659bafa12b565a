package config

import (
	"maps"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// HostFiles is one section of files of the host.
type HostFiles struct {
	// Paths and Exclude are absolute globs.
	Paths, Exclude []string
	// Labels are those of every line.
	Labels map[string]string
	// FollowLinks has links to files followed.
	FollowLinks bool
	// Relabel are rules over what is known of a file.
	Relabel []*relabel.Config
	// Stages are what its lines go through in place of the stages of containers, if OwnStages
	// is set.
	Stages    []Stage
	OwnStages bool
	Pos       document.Pos
}

func readFiles(l *loader, v document.Value, shown *yaml.Node) {
	for i, item := range v.Items("a list of sections, such as [{paths: [/var/log/*.log]}]") {
		s := HostFiles{Pos: item.Pos}
		before := v.Count()
		item.Fields("a section, such as {paths: [/var/log/*.log]}",
			document.Field{Name: "paths", Read: func(v document.Value) { s.Paths = readGlobs(v) }},
			document.Field{Name: "exclude", Read: func(v document.Value) { s.Exclude = readGlobs(v) }},
			document.Field{Name: "labels", Read: func(v document.Value) { s.Labels = readFileLabels(v) }},
			document.Field{Name: "follow-links", Read: func(v document.Value) {
				if !v.Scalar("!!bool") {
					v.Expected("true or false", "")
				}
				s.FollowLinks = strings.EqualFold(v.Node.Value, "true")
			}},
			document.Field{Name: "relabel_configs", Read: func(v document.Value) {
				var rules *yaml.Node
				for n, key := range shown.Content[i].Content {
					if key.Value == "relabel_configs" && n+1 < len(shown.Content[i].Content) {
						rules = shown.Content[i].Content[n+1]
					}
				}
				s.Relabel = readRules(v, rules)
			}},
			document.Field{Name: "stages", Read: func(v document.Value) { s.Stages, s.OwnStages = readStageList(v), true }},
		)
		if len(s.Paths) == 0 && v.Count() == before {
			item.Fail("paths is missing: it says which files, such as [/var/log/*.log]")
		}
		l.config.Files = append(l.config.Files, s)
	}
}

func readGlobs(v document.Value) (globs []string) {
	for _, item := range v.Items("a list of globs, such as [/var/log/*.log]") {
		glob, ok := item.Text("a glob")
		switch {
		case !ok:
		case !filepath.IsAbs(glob):
			item.Fail("%s is not an absolute path: begin it with /", document.Quote(glob))
		case !doublestar.ValidatePattern(glob):
			item.Fail("%s is no glob: a bracket or a brace is not closed, or the last character is a backslash", document.Quote(glob))
		default:
			globs = append(globs, filepath.Clean(glob))
		}
	}
	return globs
}

func readFileLabels(v document.Value) map[string]string {
	labels := make(map[string]string)
	for p := range v.Pairs("a map of labels, such as {job: host}") {
		value, ok := p.Value.Text("a text")
		switch err := checkLabelName(p.Key.Node.Value); {
		case !ok:
		case err != nil:
			p.Key.Fail("%v", err)
		case value == "":
			p.Value.Fail("the value is empty, and Loki has no label without one")
		default:
			labels[p.Key.Node.Value] = value
		}
	}
	return maps.Clone(labels)
}
