package convert

import (
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// dockerFiles are the logs in Docker's directory: where that is, and of which containers.
var dockerFiles = regexp.MustCompile(`^(.*/containers)/([^/]+)/[^/]*log[^/]*$`)

// fileRules applies the rules of a source that reads files to its labels, which are the same
// for all of them: what comes of it are constant labels. It reports whether anything is read.
func (p *plan) fileRules(s *source) bool {
	built := labels.NewBuilder(labels.FromStrings(address, "localhost"))
	lines := map[string]int{}
	for _, l := range s.labels {
		built.Set(l.name, l.value)
		lines[l.name] = l.line
	}
	var rest []*rule
	for _, r := range s.rules {
		if len(rest) > 0 || ofEachFile(r) {
			rest = append(rest, r)
			continue
		}
		for _, name := range r.SourceLabels {
			if n := string(name); strings.HasPrefix(n, "__meta_") {
				p.note(r.line, n, "it was always empty in "+p.product+", which found these files by their path", "to have it now, write the rule into relabel_configs")
			}
		}
		if !relabel.ProcessBuilder(built, &r.Config) {
			p.note(r.line, s.name, "this rule drops all of it, so it reads nothing", "")
			return false
		}
		if lines[r.TargetLabel] == 0 {
			lines[r.TargetLabel] = r.line
		}
	}
	s.glob = built.Get("__path__")
	if s.glob == "" {
		p.note(s.line, s.name, "there is no __path__, so it reads nothing", "")
		return false
	}
	if s.exclude = built.Get("__path_exclude__"); s.exclude != "" && dockerFiles.MatchString(s.glob) {
		p.lost(s.line, "__path_exclude__", "containers are not chosen by their files here", "use exclude-name or a rule")
	}
	if line := lines["__path__"]; line > 0 {
		s.line = line
	}
	s.labels, s.rules = nil, nil
	built.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, "__") {
			s.labels = append(s.labels, pair{l.Name, l.Value, lines[l.Name]})
		}
	})
	if dockerFiles.MatchString(s.glob) {
		s.kind = containerFiles
		return true
	}
	p.hostFileRules(s, built, rest)
	return true
}

// containerFileRules makes rules of a source that reads Docker's own files.
func (p *plan) containerFileRules(s *source) {
	m := dockerFiles.FindStringSubmatch(s.glob)
	dir, which := m[1], m[2]
	if id := globToRegex(which); id != "" {
		keep := newRule(s.line, "", "$1", id, "", metaID)
		keep.Action = relabel.Keep
		s.rules = append(s.rules, keep)
	}
	for _, l := range p.named(s.labels) {
		s.rules = append(s.rules, constant(l.name, l.value, l.line))
	}
	filename := newRule(s.line, "filename", strings.ReplaceAll(dir, "$", "$$")+"/$1/$1-json.log", "", "", metaID)
	filename.said = []string{"Promtail adds the name of the file, so that each container has a stream of its own.", "A label like container, with the container's name, would do as well."}
	s.rules = append(s.rules, filename)
	e := envelope{plan: p, source: s, values: map[string]string{}, made: map[string]bool{}, wrapped: true}
	s.stages = e.stages(s.stages)
	if e.stream {
		s.rules = append(s.rules, newRule(s.line, "stream", "$1", "", "", logStream))
	}
	s.rules = append(s.rules, e.rules...)
	if e.wrapped {
		p.note(s.line, s.name, "there is no stage docker, so "+p.product+" sends Docker's own records, such as {\"log\":\"…\",\"stream\":\"…\"}, with the time when it read them; lighterman sends the lines themselves with Docker's time",
			"queries that take the record apart, such as | json | line_format \"{{.log}}\", have to change")
		return
	}
	p.note(s.line, s.name, "lines had the newline at their end, and have none now", "")
	if !e.timed {
		p.note(s.line, s.name, "no stage takes the time out of the record, so lines had the time when "+p.product+" read them, and have Docker's own now", "")
	}
}

// globToRegex is the expression of a glob for containers' IDs; nothing for any.
func globToRegex(glob string) string {
	if strings.Trim(glob, "*") == "" {
		return ""
	}
	var b strings.Builder
	for _, r := range glob {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[', ']', '-':
			b.WriteRune(r)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}
