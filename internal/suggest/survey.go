package suggest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Survey looks at the lines of one container. It belongs to one goroutine.
type Survey struct {
	about    Subject
	out      Container
	coloured int64
	traces   traces
	formats  formats
	fields   fields
	noise    noise
	secrets  secrets
	plain    []byte // the line in hand without colours
}

// New makes a survey.
func New(of Subject) *Survey {
	s := &Survey{about: of, out: Container{Name: of.Name, ID: of.ID, Label: of.Label, Value: of.Value}, secrets: newSecrets()}
	s.fields.secret = s.secrets.within
	return s
}

// entry is a line, and what all who look at it want to know.
type entry struct {
	at     int64
	stream logs.Stream
	// text is without colours, and first its first line.
	text, first []byte
	level       level.Level
	// missed is a level that Loki does not find.
	missed level.Level
	// single says that it is one line.
	single bool
	// metadata is what stages have taken out of it.
	metadata logs.Metadata
}

// Add looks at a line.
func (s *Survey) Add(l Line) {
	s.out.Lines++
	s.out.Bytes += int64(len(l.Text))
	if s.out.Lines == 1 {
		s.out.From, s.out.To = l.Time, l.Time
	}
	s.out.From, s.out.To = min(s.out.From, l.Time), max(s.out.To, l.Time)
	text := bytes.TrimSuffix(l.Text, []byte("\r"))
	e := entry{at: l.Time, stream: l.Stream, text: text, level: l.Level, metadata: l.Metadata}
	if e.level == level.Unknown {
		e.level, e.missed = level.Detect(text), level.Missed(text)
	}
	if bytes.IndexByte(text, escape) >= 0 {
		s.plain = stage.Decolorized(s.plain[:0], text)
		if len(s.plain) < len(text) {
			s.coloured++
		}
		e.text = s.plain
	}
	first, _, more := bytes.Cut(e.text, []byte("\n"))
	e.first, e.single = first, !more
	s.fields.add(&e)
	if e.missed != level.Unknown && s.fields.sayLevel() {
		e.missed = level.Unknown
	}
	if e.missed != level.Unknown {
		s.out.Missed++
	}
	s.traces.add(&e)
	s.formats.add(&e)
	s.noise.add(&e, &s.fields)
	s.secrets.add(&e)
}

const escape = 0x1b

// End returns what was found.
func (s *Survey) End(stored Storage) *Container {
	out := s.out
	language, joined := s.traces.finding(s.formats.best(), s.secrets.keys)
	format, level := s.levels(language)
	for _, f := range [...]*Finding{joined, format, s.colours(), level} {
		if f != nil {
			out.Findings = append(out.Findings, *f)
		}
	}
	out.Findings = append(out.Findings, s.noise.findings(out.Lines, &s.fields, joined != nil)...)
	out.Findings = append(out.Findings, s.secrets.findings(joined, statusLevels(s.formats.best()))...)
	if f := s.fields.finding(out.Lines, s.about.Taken); f != nil {
		out.Findings = append(out.Findings, *f)
	}
	out.Findings = append(out.Findings, stored.findings(out.To)...)
	for i := range out.Findings {
		if f := &out.Findings[i]; f.Of == 0 && f.Lines > 0 {
			f.Of = out.Lines
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b Finding) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return &out
}

// order is that of stages: what joins lines has to be the first, a line is redacted before
// values are taken out of it.
var order = []Kind{Join, Format, Colours, Noise, Secrets, Labels, Level, Rotation, Disk}

func (s *Survey) colours() *Finding {
	if s.coloured == 0 {
		return nil
	}
	return &Finding{
		Kind: Colours, Lines: s.coloured, Stages: []string{"decolorize:"},
		Text: fmt.Sprintf("%s (%s) have colours of a terminal in them, which are in the way of whoever searches", plural(s.coloured, "line", "lines"), percent(s.coloured, s.out.Lines)),
	}
}

// levels proposes to look for levels in another way, where those in the lines are not found.
// joins is the parser that is proposed anyway.
func (s *Survey) levels(joins string) (format, stages *Finding) {
	lines := s.out.Lines
	if path, n := s.fields.level(lines); path != "" {
		return nil, &Finding{
			Kind: Level, Lines: n, Names: []string{path}, Stages: []string{s.fields.extract(map[string]string{"found_level": path}), "level: {source: found_level}"},
			Text: fmt.Sprintf("the level of %s (%s) is in the field %s, where nobody looks for it", plural(n, "line", "lines"), percent(n, lines), path),
		}
	}
	name := s.formats.best()
	n := s.formats.gains[name]
	if name == "" || n < leastLevels || share(n, lines) < levelShare {
		return nil, nil
	}
	also := ""
	if s.about.LevelsFound && !statusLevels(name) {
		also = "; detect-level, which is on, does the same"
	}
	f := &Finding{
		Kind: Format, Lines: s.formats.lines[name], Names: []string{name}, Stages: []string{"parser: " + s.formats.preset(s.about.Image)},
		Text: fmt.Sprintf("%s (%s) are %s", plural(s.formats.lines[name], "line", "lines"), percent(s.formats.lines[name], lines), formatNames[name]),
	}
	if joins != "" {
		f = nil
	}
	return f, &Finding{
		Kind: Level, Lines: n, Stages: []string{"level:"}, Names: []string{name},
		Text: fmt.Sprintf("%s (%s) have a level that Loki does not find by itself%s%s", plural(n, "line", "lines"), percent(n, lines), s.formats.why(name), also),
	}
}
