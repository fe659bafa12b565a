package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// suggested is what suggest --json says of a container.
type suggested struct {
	Name, ID, Read, Problem string
	Lines                   int
	Whole                   bool
	Findings                []struct {
		Kind, Text    string
		Lines, Of     int
		Names, Stages []string
		Unsure        bool
	}
}

// kinds are the kinds of what was found, joined.
func (s *suggested) kinds() string {
	var all []string
	for _, f := range s.Findings {
		all = append(all, f.Kind)
	}
	return strings.Join(all, " ")
}

// suggest runs `lighterman suggest --json`, which must succeed.
func suggest(t *testing.T, args ...string) map[string]*suggested {
	t.Helper()
	stdout, stderr, code := carrier.RunReleased(t, append([]string{"suggest", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("lighterman suggest %q: exit code %d: %s", args, code, stderr)
	}
	var all struct{ Containers []*suggested }
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	out := make(map[string]*suggested)
	for _, c := range all.Containers {
		out[c.Name] = c
	}
	return out
}

// repeated are n lines that a function makes, as one text.
func repeated(n int, line func(k int) string) string {
	all := make([]string, 0, n)
	for k := range n {
		all = append(all, line(k))
	}
	return strings.Join(all, "\n")
}

// planting is a container, and what is to be found in it.
type planting struct {
	name   string
	spec   engine.Spec
	lines  int
	kinds  string
	stages []string
}

// secretsOf are lines with secrets of each preset, put together so that no file here holds
// what a scanner for secrets would report.
func secretsOf() []string {
	a := strings.Repeat("a", 40)
	return []string{"ghp_" + a[:36], "AKIA" + strings.Repeat("B", 16), "eyJ" + a[:20] + ".eyJ" + a[:20] + "." + a[:20], "4111 1111 1111 1111", "joe@example.org", "203.0.113.7"}
}

// plantings are what suggest has to find, nothing less.
func plantings() []planting {
	say := func(text string) []string { return []string{"-say", text} }
	access := func(path string, status int) string {
		return fmt.Sprintf(`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET %s HTTP/1.1" %d 2 "-" "curl/8"`, path, status)
	}
	return []planting{
		{"java", engine.Spec{Driver: "local", Args: []string{"-traces", "java", "-n", "30"}}, 295, "joined_lines", []string{"parser: java"}},
		{"python", engine.Spec{Driver: "journald", Args: []string{"-traces", "python", "-n", "20"}}, 234, "joined_lines", []string{"parser: python"}},
		{"pino", engine.Spec{Args: say(repeated(60, func(k int) string {
			return fmt.Sprintf(`{"level":%d,"time":17959536%05d,"msg":"job is done"}`, 30+10*(k%3), k)
		}))},
			60, "format level", []string{"parser: json", "level:"}},
		{"web", engine.Spec{Args: say(repeated(100, func(k int) string {
			if k%2 == 0 {
				return access("/healthz", 200)
			}
			return access(fmt.Sprintf("/orders/%d", k), 200)
		}) + "\n" + access("/healthz", 503))}, 101, "format noise level", []string{
			"parser: nginx",
			`drop: {expression: '^[^\n]*?(?:\b(?:GET|HEAD|OPTIONS) +"?(?:https?://[^/ "\n]+)?/healthz(?:\?[^ "\\\n]*)?(?: HTTP/\d(?:\.\d)?)?"? [23]\d\d\b)[^\n]*$', drop_counter_reason: health_check}`,
			"level:",
		}},
		{"colours", engine.Spec{Args: say(repeated(20, func(k int) string { return fmt.Sprintf("\x1b[32mINFO\x1b[0m order %d is done", k) }))}, 20, "colours", []string{"decolorize:"}},
		{"secrets", engine.Spec{Args: say(repeated(6, func(k int) string { return "it was " + secretsOf()[k] + " that was used" }))},
			6, "secrets", []string{"redact: [tokens, cards, mails, addresses]"}},
		{"users", engine.Spec{Args: say(repeated(200, func(k int) string { return fmt.Sprintf(`{"level":"info","msg":"job is done","user":{"id":"u%d"}}`, k) }))},
			200, "labels", []string{`json: {expressions: {user_id: "user.id"}}`, "structured_metadata: {user_id: }"}},
		{"rotated", engine.Spec{Opts: map[string]string{"max-size": "20k", "max-file": "2"}, Args: []string{"-n", "3000"}}, 0, "rotation", nil},
	}
}

// tidy are containers of which nothing is to be said.
func tidy() map[string]string {
	return map[string]string{
		"clean-plain": repeated(200, func(k int) string {
			return fmt.Sprintf("2026-11-29 12:00:00.123 INFO  [main] org.example.Jobs - job %d is done", k)
		}),
		"clean-json": repeated(200, func(k int) string {
			return fmt.Sprintf(`{"time":"2026-11-29T12:00:00.%09dZ","level":"INFO","msg":"job %d is done","ms":%d}`, k, k, k)
		}),
		"clean-numbers": repeated(200, func(k int) string {
			return fmt.Sprintf("message %d of 10.0.0.%d, user@%d.service, logo@2x.png, Chrome/120.0.0.0, commit %040x", 4111111111111000000+int64(k)*7919, k, k, k*7919)
		}),
	}
}

// TestSuggest: on a host made for it all that was planted is found, and nothing else; what is
// printed is a configuration, and does what it is for. Beside it a lighterman runs.
func TestSuggest(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker := engine.Default(t)
	want := make(map[string]planting)
	for _, p := range plantings() {
		spec := p.spec
		spec.Name = p.name
		c := docker.Start(t, spec)
		c.Wait(t)
		want[c.Name] = p
	}
	for name, text := range tidy() {
		c := docker.Start(t, engine.Spec{Name: name, Args: []string{"-say", text}})
		c.Wait(t)
		want[c.Name] = planting{name: name, lines: 200}
	}
	state := t.TempDir()
	running := carrier.Start(t, "--include-name", engine.Prefix(t)+".*", "--docker-host", docker.Host, "--state-dir", state, "--loki-url", "http://127.0.0.1:1")
	common := []string{"--include-name", engine.Prefix(t) + ".*", "--docker-host", docker.Host, "--state-dir", state, "--listen", running.Addr}

	var got map[string]*suggested
	wait.For(t, time.Minute, "all lines to be stored", func() bool {
		got = suggest(t, common...)
		for name, p := range want {
			if c := got[name]; c == nil || c.Lines < p.lines || c.Lines == 0 {
				return false
			}
		}
		return true
	})
	if len(got) != len(want) {
		t.Errorf("%d containers, want %d", len(got), len(want))
	}
	for name, p := range want {
		c := got[name]
		var stages []string
		for _, f := range c.Findings {
			stages = append(stages, f.Stages...)
		}
		if c.kinds() != p.kinds || !slices.Equal(stages, p.stages) || p.lines > 0 && c.Lines != p.lines || !c.Whole {
			t.Errorf("%s: %q, %q: %+v", name, c.kinds(), stages, c)
		}
	}
	if text := got[engine.Prefix(t)+"web"].Findings[1].Text; text != "50 lines (49 %) are health checks: /healthz; 1 more has failed, and stays" {
		t.Errorf("health checks: %s", text)
	}

	for name, c := range suggest(t, append(common, "--mode", "stream", engine.Prefix(t)+"java", engine.Prefix(t)+"users")...) {
		if c.kinds() != want[name].kinds || c.Lines != want[name].lines || !strings.HasPrefix(c.Read, "api: ") {
			t.Errorf("through the API: %s: %+v", name, c)
		}
	}

	stdout, stderr, code := carrier.Run(t, append([]string{"suggest"}, common...)...)
	if again, _, _ := carrier.Run(t, append([]string{"suggest"}, common...)...); code != 0 || stderr != "" || withoutTime(again) != withoutTime(stdout) {
		t.Errorf("exit code %d, stderr %q, or another time something else:\n%s\n%s", code, stderr, stdout, again)
	}
	for _, secret := range secretsOf() {
		if strings.Contains(stdout, secret) {
			t.Errorf("%s is printed", secret)
		}
	}
	if !strings.Contains(stdout, "# "+engine.Prefix(t)+"rotated: Docker keeps ") {
		t.Errorf("nothing is said of the log options in\n%s", stdout)
	}
	proposed := filepath.Join(t.TempDir(), "proposed.yaml")
	if err := os.WriteFile(proposed, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := carrier.Run(t, "check", "--config", proposed); code != 0 {
		t.Fatalf("check: exit code %d: %s\n%s", code, stderr, stdout)
	}
	shown := func(name string) []tried {
		return try(t, append(common, "--config", proposed, "--since", "24h", engine.Prefix(t)+name)...)
	}
	for name, joined := range map[string]int{"java": 235, "python": 194} {
		all := shown(name)
		sum := all[len(all)-1].Summary
		if whole := traced(name, 7); sum.Joined != joined || !slices.ContainsFunc(all, func(e tried) bool { return e.Sent != nil && e.Sent.Line == whole }) {
			t.Errorf("%s: %+v, without %q", name, sum, whole)
		}
	}
	all := shown("web")
	if sum := all[len(all)-1].Summary; sum.Dropped["health_check"] != 50 || sum.Sent != 51 {
		t.Errorf("web: %+v", sum)
	}
	for _, e := range shown("colours") {
		if e.Sent != nil && strings.Contains(e.Sent.Line, "\x1b") {
			t.Errorf("a colour is left: %q", e.Sent.Line)
		}
	}
	for _, e := range shown("secrets") {
		if e.Sent != nil && !strings.Contains(e.Sent.Line, "<redacted:") {
			t.Errorf("a secret is left: %q", e.Sent.Line)
		}
	}
	// What the configuration does already is not proposed again: what is left is Docker's.
	for name, c := range suggest(t, append(common, "--config", proposed)...) {
		if kinds := c.kinds(); kinds != "" && kinds != "rotation" {
			t.Errorf("%s: with all that was proposed there is still %q: %+v", name, kinds, c.Findings)
		}
	}
	running.Kill9(t)
}

// traced is what the stack trace with a number is as one entry.
func traced(language string, k int) string {
	_, together := lines.Traced(language, k)
	return strings.Join(together, "\n")
}

// withoutTime is what is printed but for the time since when.
func withoutTime(text string) string {
	_, rest, _ := strings.Cut(text, "\n\n")
	return rest
}

// TestSuggestHostile: nothing of what whoever starts a container may choose gets out of its
// place: not to the terminal, and not into the configuration.
func TestSuggestHostile(t *testing.T) {
	t.Parallel()
	root, at := dataroot.New(t), time.Now().Add(-time.Minute)
	evil := []string{
		"\x1b]0;title\x07", "a'\nstages:\n  - drop: {expression: '.*'}\n#", "\u202etxt\u2028x", `"}: [`, "{{ .Value }}", "\ufffe\U000e0041", `b\"} |= "x`, "*anchor & !tag % @ `",
	}
	for k, text := range evil {
		c := root.Add(t, dataroot.Spec{Name: fmt.Sprintf("c%d%s", k, text)})
		for i := range 150 {
			field, err := json.Marshal(map[string]any{"level": 30, "user" + text: fmt.Sprintf("u%d%s", i, text), "path": "/health" + text, text: i})
			if err != nil {
				t.Fatal(err)
			}
			c.Append(t,
				dataroot.JSON(at.Add(time.Duration(4*i)*time.Millisecond), string(field)),
				dataroot.JSON(at.Add(time.Duration(4*i+1)*time.Millisecond), "GET /health"+text+" 200 \x1b[31m"+text+" joe@example.org"),
				dataroot.JSON(at.Add(time.Duration(4*i+2)*time.Millisecond), "java.lang.IllegalStateException: "+text),
				dataroot.JSON(at.Add(time.Duration(4*i+3)*time.Millisecond), "\tat org.example.Jobs.run(Jobs.java:7)"))
		}
	}
	args := []string{"--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none", "--listen", "off"}
	stdout, stderr, code := carrier.Run(t, append([]string{"suggest"}, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	object, _, _ := carrier.Run(t, append([]string{"suggest", "--json"}, args...)...)
	for _, out := range []string{stdout, stderr, object} {
		if strings.ContainsAny(out, "\x1b\x07\u202e\u2028\ufffe\U000e0041") {
			t.Errorf("something may be done to a terminal: %q", out)
		}
	}
	if !json.Valid([]byte(object)) {
		t.Errorf("no JSON: %s", object)
	}
	proposed := filepath.Join(t.TempDir(), "proposed.yaml")
	if err := os.WriteFile(proposed, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := carrier.Run(t, append([]string{"check", "--config", proposed}, args...)...); code != 0 {
		t.Fatalf("check: exit code %d: %s\n%s", code, stderr, stdout)
	}
	var read struct {
		Stages []map[string]struct {
			Selector string
			Stages   []map[string]any
		}
	}
	if err := yaml.Unmarshal([]byte(stdout), &read); err != nil {
		t.Fatal(err)
	}
	for _, s := range read.Stages {
		m, is := s["match"]
		if len(s) != 1 || !is || !strings.HasPrefix(m.Selector, `{container=`) || len(m.Stages) < 2 || m.Stages[0]["parser"] != "java" {
			t.Errorf("%+v", s)
		}
	}
	if len(read.Stages) == 0 {
		t.Error("there are no stages")
	}
	for _, c := range suggest(t, append(args, "--config", proposed)...) {
		for _, f := range c.Findings {
			if f.Kind == "joined_lines" || f.Kind == "colours" || f.Kind == "secrets" {
				t.Errorf("%q: there is still %q", c.Name, f.Text)
			}
		}
	}
}

// TestSuggestBounds: of a long log the newest part is looked at, which is said; what is older
// than asked for is not; a log that cannot be read is named, and a host without a container.
func TestSuggestBounds(t *testing.T) {
	t.Parallel()
	root, now := dataroot.New(t), time.Now()
	args := []string{"--docker-host", "none", "--docker-root", root.Dir, "--journal-dir", "none", "--listen", "off"}
	if _, stderr, code := carrier.Run(t, append([]string{"suggest"}, args...)...); code != 1 || !strings.Contains(stderr, "there is no container that lighterman collects") {
		t.Errorf("no container: exit code %d: %s", code, stderr)
	}
	long := root.Add(t, dataroot.Spec{Name: "long"})
	text := strings.Repeat("x", 1000)
	const n = 40_000
	var all strings.Builder
	for k := range n {
		if k == n/10 {
			all.WriteString(dataroot.JSON(now.Add(-time.Hour), "\x1b[31mred\x1b[0m"))
		}
		all.WriteString(dataroot.JSON(now.Add(-time.Hour).Add(time.Duration(k)*time.Millisecond), fmt.Sprintf("line %d %s", k, text)))
	}
	long.Append(t, all.String())
	old := root.Add(t, dataroot.Spec{Name: "old"})
	old.Append(t, dataroot.JSON(now.Add(-3*time.Hour), "\x1b[31mred\x1b[0m"), dataroot.JSON(now.Add(-time.Hour), "plain"))
	root.Add(t, dataroot.Spec{Name: "none", Driver: "none"})
	// What its owner asks for need not be proposed.
	owned := root.Add(t, dataroot.Spec{Name: "owned", Driver: "local", Labels: map[string]string{"lighterman.parser": "java", "lighterman.redact": "mails"}})
	_, trace := lines.Traced("java", 3)
	for _, line := range append(trace, "mail to joe@example.org") {
		owned.Append(t, dataroot.Frame(now.Add(-time.Minute), line))
	}
	got := suggest(t, args...)
	if c := got["long"]; c.Whole || c.Lines < 13_000 || c.Lines > 17_000 || c.kinds() != "" {
		t.Errorf("long: %+v", c)
	}
	if c := got["old"]; !c.Whole || c.Lines != 2 || c.kinds() != "colours" {
		t.Errorf("old: %+v", c)
	}
	if c := got["owned"]; c.Lines != 2 || c.kinds() != "" {
		t.Errorf("owned: %+v", c)
	}
	if c := got["none"]; c.Problem == "" {
		t.Errorf("none: %+v", c)
	}
	if c := suggest(t, append(args, "--since", "2h", "old")...)["old"]; !c.Whole || c.Lines != 1 || c.kinds() != "" {
		t.Errorf("old, since two hours: %+v", c)
	}
	stdout, _, _ := carrier.RunReleased(t, append([]string{"suggest", "--since", "2h"}, args...)...)
	if !strings.Contains(stdout, "stages: []") || !strings.Contains(stdout, "# none: its log could not be looked at: ") || !strings.Contains(stdout, "# 3 containers, with ") {
		t.Errorf("%s", stdout)
	}
	proposed := filepath.Join(t.TempDir(), "proposed.yaml")
	if err := os.WriteFile(proposed, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := carrier.Run(t, append([]string{"check", "--config", proposed}, args...)...); code != 0 {
		t.Errorf("check: exit code %d: %s\n%s", code, stderr, stdout)
	}
	before := files(t, root.Dir)
	suggest(t, args...)
	if after := files(t, root.Dir); before != after {
		t.Errorf("it has changed something: %s\n%s", before, after)
	}
}

// files are the names and sizes of all files below a directory.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		fmt.Fprintln(&all, path, info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
