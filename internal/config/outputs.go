package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/nearest"
)

// Output is one more Loki, or receiver of OTLP, that gets everything.
type Output struct {
	// Name is what it is called in metrics and messages, and where its positions are kept.
	Name string
	Loki Loki
	// wait, size and held are its own batch-wait, batch-size and hold-bytes; nil where those
	// for all hold.
	wait *time.Duration
	size *int
	held *int64
}

// outputSettings are the settings that an output has of its own. A secret is in a file: what is
// in the section is shown.
var outputSettings = []string{
	"loki-url", "otlp-url", "tenant-id", "push-timeout", "loki-username", "loki-password-file", "loki-bearer-token-file",
	"tls-ca-file", "tls-cert-file", "tls-key-file", "tls-server-name", "tls-insecure-skip-verify", "proxy-url",
	"batch-wait", "batch-size", "hold-bytes",
}

// addresses are the settings of which one names what is pushed to.
var addresses = []string{"loki-url", "otlp-url"}

// maxOutputs bounds how many there are: each reads everything for itself.
const maxOutputs = 7

var outputName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// readOutputs reads the list of further outputs.
func readOutputs(l *loader, v document.Value, _ *yaml.Node) {
	for _, item := range v.Items("a list of outputs") {
		if len(l.config.Outputs) == maxOutputs {
			item.Fail("expected at most %d outputs", maxOutputs)
			return
		}
		if out, ok := readOutput(l, item); ok {
			l.config.Outputs = append(l.config.Outputs, out)
		}
	}
}

func readOutput(l *loader, item document.Value) (out Output, ok bool) {
	before, own := item.Count(), &Config{}
	rows, known := table(own), append([]string{"name"}, outputSettings...)
	for p := range item.Pairs("an output, such as {name: archive, loki-url: http://localhost:3100}") {
		name := p.Key.Node.Value
		switch {
		case name == "name":
			out.Name, _ = p.Value.Text("a name")
			if slices.ContainsFunc(l.config.Outputs, func(o Output) bool { return o.Name == out.Name }) {
				p.Value.Fail("%.80q is the name of another output, too", out.Name)
			} else if !outputName.MatchString(out.Name) {
				p.Value.Fail("invalid name %.80q: expected up to 32 small letters, digits and dashes", out.Name)
			}
		case !slices.Contains(outputSettings, name):
			p.Key.Fail("unknown key %s%s", document.Quote(name), document.Hint(name, known))
		default:
			l.takeValue(find(rows, name), fmt.Sprintf("%s:%d", p.Key.Pos.File, p.Key.Pos.Line), p.Value)
		}
	}
	if item.Count() > before {
		return out, false
	}
	if timeout := find(rows, "push-timeout"); len(timeout.texts) == 0 {
		_ = timeout.store([]string{timeout.def})
	}
	own.Loki.settle()
	out.Loki = own.Loki
	set := func(name string) bool { return len(find(rows, name).texts) > 0 }
	if set("batch-wait") {
		out.wait = &own.Batch.Wait
	}
	if set("batch-size") {
		out.size = &own.Batch.Bytes
	}
	if set("hold-bytes") {
		out.held = &own.Hold.Bytes
	}
	checkOutput(item, rows, out)
	if u := out.Loki.URL; u != nil && u.RawQuery != "" {
		item.Fail("%s must not have a query here: what is in this section is shown", firstSet(rows, addresses).name)
	}
	if p := out.Loki.Proxy; p != nil && p.User != nil {
		item.Fail("proxy-url must not have a password here: what is in this section is shown")
	}
	return out, item.Count() == before
}

// checkOutput checks what the settings of an output say together.
func checkOutput(item document.Value, rows []*setting, out Output) {
	if out.Name == "" || out.Loki.URL == nil {
		item.Fail("expected a name and a loki-url or an otlp-url")
	}
	for _, groups := range exclusive {
		if a, b := firstSet(rows, groups[0]), firstSet(rows, groups[1]); a != nil && b != nil {
			item.Fail("%s and %s exclude each other: expected one of them", a.name, b.name)
		}
	}
	for _, pair := range needs {
		if a := firstSet(rows, pair[:1]); a != nil && firstSet(rows, pair[1:]) == nil {
			item.Fail("%s needs %s", a.name, pair[1])
		}
	}
}

// firstOutput is what the output of loki-url, or otlp-url, is called beside others.
const firstOutput = "loki-url"

// Named returns the outputs of these names, nil for that of loki-url, which is called so; all
// where there are no names.
func (c *Config) Named(names []string) (out []*Output, err error) {
	known := append(make([]string, 0, 1+len(c.Outputs)), firstOutput)
	of := map[string]*Output{firstOutput: nil}
	for i := range c.Outputs {
		known = append(known, c.Outputs[i].Name)
		of[c.Outputs[i].Name] = &c.Outputs[i]
	}
	if len(names) == 0 {
		names = known
	}
	for _, name := range names {
		o, is := of[name]
		switch near := nearest.Name(name, known); {
		case is:
			out = append(out, o)
		case near != "":
			return nil, fmt.Errorf("there is no output %q; did you mean %q?", name, near)
		default:
			return nil, fmt.Errorf("there is no output %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// WithOutput returns the configuration of one of several outputs, of a number in all: what they
// share in memory and files is divided, but for those that have their own bound. Without an
// output it is that of loki-url itself.
func (c *Config) WithOutput(out *Output, all int) *Config {
	own := *c
	if own.Hold.Bytes > 0 { // 0 is no bound
		own.Hold.Bytes = max(1, own.Hold.Bytes/int64(all))
	}
	if out == nil {
		return &own
	}
	own.Loki, own.Outputs = out.Loki, nil
	if out.wait != nil {
		own.Batch.Wait = *out.wait
	}
	if out.size != nil {
		own.Batch.Bytes = *out.size
	}
	if out.held != nil {
		own.Hold.Bytes = *out.held
	}
	const outputs = "outputs"
	if own.StateDir != "" {
		own.StateDir = filepath.Join(own.StateDir, outputs, out.Name)
	}
	if own.Hold.Dir != "" {
		own.Hold.Dir = filepath.Join(own.Hold.Dir, outputs, out.Name)
	}
	return &own
}

// PositionsDir is where positions are kept: apart for standard output, since what
// was shown on a terminal is not in Loki.
func (c *Config) PositionsDir() string {
	if c.StateDir == "" {
		return ""
	}
	if c.Loki.URL == nil {
		return filepath.Join(c.StateDir, "stdout")
	}
	return c.StateDir
}
