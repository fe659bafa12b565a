//go:build promtail

package sidebyside

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

// lost are labels of what the converter says it does not carry, by the name of a shape: of two
// jobs for the same containers the second.
var lost = map[string]map[string]string{"01-two-ways": {"job": "containerlogs"}}

// tagged are the containers whose tag has what a shape takes for their name: the converter says
// that the label is made of the container itself, and that this is the same for these.
var tagged = map[string][]string{
	"08-tags": {"web-1"}, "14-tags-of-swarm": {"shop-api-1"}, "19-tag-of-the-agent": {"blog-1"},
}

// dated is what a line has with a time of its own that a shape takes out of it. Others have the
// newest before them in Promtail, for the same labels, and in lighterman, for the same stream:
// docs/stages.md says so.
var dated = map[string]string{"07-everything": `"timestamp":"20`, "18-two-chains": `"ts":`}

// TestShapes: the same containers, read by Promtail with a file and by lighterman with the
// converted one, are the same streams, lines and times in Loki.
func TestShapes(t *testing.T) {
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "internal/convert/testdata/promtail/[0-9]*.yml"))
	if err != nil || len(files) < 33 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	docker, loki := engine.Private(t, engine.PrivateOptions{}), lokitest.New(t, map[string]string{"auth_enabled": "true"})
	boxes := gather(t, docker)
	carrier.Binary(t) // built before what is measured in time
	logs := hostLogs(t)
	for _, file := range files {
		shape := strings.TrimSuffix(filepath.Base(file), ".yml")
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			theirs, ours := place{loki.URL, "promtail-" + shape, docker, logs}, place{loki.URL, "lighterman-" + shape, docker, logs}
			path, _ := theirs.adapted(t, string(text))
			var theirArgs, ourArgs []string
			if strings.Contains(string(text), "${LOKI_") {
				theirArgs, ourArgs = []string{"-config.expand-env=true"}, []string{"--expand-env"}
			}
			p := start(t, path, theirArgs...)
			path, _ = ours.adapted(t, string(text))
			config := path + ".lighterman.yaml"
			_, said, code := carrier.Run(t, append([]string{"convert", "promtail", path, "-o", config}, ourArgs...)...)
			journal := strings.Contains(string(text), "journal:")
			if (code != 0) != (lost[shape] != nil) && !journal || code > 1 {
				t.Fatalf("exit code %d: %s", code, said)
			}
			c := carrier.Start(t, "--config", config, "--docker-host", docker.Host)
			s := side{shape: shape, said: said, boxes: boxes, logs: logs}
			var want, got streams
			equal := func() bool {
				for i := range 1 + strings.Count(said, "batches are the same for all outputs") { // of 36-two-lokis
					n := fmt.Sprint("-", i)
					want, got = s.of(t, loki.Of(theirs.tenant+n), true), s.of(t, loki.Of(ours.tenant+n), false)
					if want.count() == 0 || !maps.EqualFunc(want, got, slices.Equal) {
						return false
					}
				}
				return true
			}
			wait.Until(30*time.Second, equal)
			p.end(t, syscall.SIGTERM)
			c.Terminate(t)
			if equal() {
				t.Logf("%d streams with %d lines", len(want), want.count())
				return
			}
			t.Errorf("Promtail has sent %d lines in %d streams, and lighterman %d in %d; the converter says\n%s", want.count(), len(want), got.count(), len(got), said)
			want.differ(t, got)
		})
	}
}

// hostLogs makes what stands in the place of /var/log.
func hostLogs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"syslog": "one\ntwo\n", "app.log": "started\n\n  indented\ttab\n", "notes.txt": "not a log\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // as logs are
			t.Fatal(err)
		}
	}
	return dir
}

// streams are times and lines by their labels.
type streams map[string][]string

func (s streams) count() (n int) {
	for _, lines := range s {
		n += len(lines)
	}
	return n
}

// differ says where two differ.
func (s streams) differ(t *testing.T, got streams) {
	t.Helper()
	for name, lines := range s {
		if other := got[name]; other == nil {
			t.Errorf("only Promtail has %s with %d lines", name, len(lines))
		} else if !slices.Equal(lines, other) {
			t.Errorf("%s: Promtail has %d lines and lighterman %d\nonly Promtail: %s\nonly lighterman: %s", name, len(lines), len(other), beyond(lines, other), beyond(other, lines))
		}
	}
	for name, lines := range got {
		if s[name] == nil {
			t.Errorf("only lighterman has %s with %d lines", name, len(lines))
		}
	}
}

// beyond shows the first lines that the other has not.
func beyond(lines, other []string) string {
	have := make(map[string]int)
	for _, line := range other {
		have[line]++
	}
	var out strings.Builder
	for n, line := range lines {
		if have[line]--; have[line] < 0 {
			fmt.Fprintf(&out, "\n  %d %.200q", n, line)
		}
		if out.Len() > 1500 {
			return out.String() + " …"
		}
	}
	return out.String()
}

// side is what is compared of a shape.
type side struct {
	shape, said string
	boxes       map[string]*box
	logs        string
}

// of returns what a tenant has, as far as it is to be compared: of Promtail's side with what the
// converter has said of it.
func (s side) of(t *testing.T, loki *lokitest.Loki, theirs bool) streams {
	t.Helper()
	out := make(streams)
	for _, e := range loki.All(t, `{service_name=~".+"}`) {
		file := e.Labels["filename"]
		if s.leftOut(file, e.Labels) {
			continue
		}
		at, line := fmt.Sprint(e.Time), e.Line
		if theirs {
			at, line = s.spoken(at, line)
		}
		if mark := dated[s.shape]; !strings.Contains(line, mark) || strings.HasPrefix(file, s.logs) || strings.Contains(s.said, "no stage takes the time out of the record") {
			at = "" // also a line of the host, which has the time when it was read
		}
		if strings.Contains(s.said, wholeRecord) || strings.Contains(s.said, "sends Docker's own records") {
			e.Metadata = nil // Loki's level is another then
		}
		name := fmt.Sprint(e.Labels, e.Metadata)
		// Promtail takes carriage returns off the end of a line, as docs/from-promtail.md says.
		out[name] = append(out[name], at+" "+strings.TrimRight(line, "\r"))
	}
	for _, lines := range out {
		slices.Sort(lines)
	}
	return out
}

const wholeRecord = "Docker's whole record"

// leftOut reports whether a stream is not compared.
func (s side) leftOut(file string, labels map[string]string) bool {
	for name, value := range lost[s.shape] {
		if labels[name] == value {
			return true
		}
	}
	if file == "" && labels["container"] == "" && strings.Contains(s.shape, "journal") {
		return true // the host's journal, which goes on meanwhile
	}
	asRecord := strings.Contains(s.said, "the stage docker: an application's line") || strings.Contains(s.said, "the label stream: it was that of a field")
	if asRecord && slices.ContainsFunc([]string{labels["container"], labels["job"]}, func(name string) bool { return strings.HasSuffix(name, "records") }) {
		return true
	}
	for name, b := range s.boxes {
		if id := labels["container_id"]; !strings.Contains(file, b.id) && (file != "" || id == "" || !strings.HasPrefix(b.id, id)) {
			continue
		}
		// Docker's own files: there are none of JSON with another driver, and Promtail sends
		// each part of a line by itself. docs/from-promtail.md says both.
		if only := tagged[s.shape]; name == "local" || name == "long" || only != nil && !slices.Contains(only, name) {
			return true
		}
	}
	return false
}

// spoken applies to an entry of Promtail's what the converter has said: that it sends Docker's
// records themselves, with the time when it has read them, or lines with their newline.
func (s side) spoken(at, line string) (string, string) {
	if strings.Contains(s.said, "sends Docker's own records") || strings.Contains(s.said, wholeRecord) {
		var record struct {
			Log  *string
			Time time.Time
		}
		if json.Unmarshal([]byte(line), &record) == nil && record.Log != nil && !record.Time.IsZero() {
			return fmt.Sprint(record.Time.UnixNano()), strings.TrimSuffix(*record.Log, "\n")
		}
	}
	if strings.Contains(s.said, "had the newline at their end") {
		line = strings.TrimSuffix(line, "\n")
	}
	return at, line
}
