package stage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// compared is a line as test/promtail reads and writes it.
type compared struct {
	Time     int64             `json:"time"`
	Labels   map[string]string `json:"labels"`
	Metadata map[string]string `json:"metadata"`
	Text     string            `json:"text"`
}

// snippets are stages that mean the same to Promtail and to us. What differs is in
// docs/stages.md, and has tests of its own.
var snippets = []string{
	"- json: {expressions: {level: , msg: message, user: user.name, item: 'list[0]', status: , odd: '\"a.b\"'}}",
	"- json: {expressions: {level: sev}, drop_malformed: true}",
	"- json: {expressions: {inner: x}, source: msg}",
	"- logfmt: {mapping: {level: lvl, msg: , status: }}",
	"- logfmt: {mapping: {inner: x}, source: msg}",
	"- regex: {expression: '^(?P<level>[A-Z]+) (?P<msg>.*)$'}",
	"- regex: {expression: '(?P<status>\\d{3})(?P<opt>x)?'}",
	"- regex: {expression: '(?P<user>\\w+)$', source: msg}",
	"- labels: {level: , status: }",
	"- labels: {who: user, app: msg}",
	"- static_labels: {env: prod, app: changed}",
	"- labeldrop: [host, level]",
	"- labelallow: [container, level, stream, env]",
	"- structured_metadata: {user: , where: host, status: }",
	"- output: {source: msg}",
	"- output: {source: container}",
	"- template: {source: level, template: '{{ ToLower .Value }}'}",
	"- template: {source: msg, template: '{{ .level }}|{{ .container }}|{{ .Entry }}'}",
	"- template: {source: new, template: '{{ if .user }}{{ .user | upper | trunc 3 }}{{ end }}'}",
	"- replace: {expression: '(\\d{3})', replace: '<{{ .Value }}>'}",
	"- replace: {expression: 'user=(?P<user>\\w+)', replace: '***'}",
	"- replace: {expression: '((\\w)\\w+)', replace: '{{ .Value | ToUpper }}', source: msg}",
	"- decolorize:",
	"- drop: {expression: 'health'}",
	"- drop: {source: level, value: debug}",
	"- drop: {source: [level, status], expression: '^ERROR;500$'}",
	"- drop: {source: user}",
	"- drop: {longer_than: 60B}",
	"- tenant: {value: t1}",
	"- tenant: {source: user}",
	"- timestamp: {source: status, format: Unix, action_on_failure: skip}",
	"- timestamp: {source: ts, format: RFC3339, action_on_failure: skip}",
	"- match: {selector: '{container=\"shop\"} |= \"a\"', stages: [{labels: {m: level}}, {static_labels: {seen: 'yes'}}]}",
	"- match: {selector: '{level=~\"E.*|warn\"}', stages: [{template: {source: app, template: 'T{{ .Value }}'}}, {labels: {app: }}]}",
	"- match: {selector: '{env=\"prod\", host!=\"x\"} !~ \"[0-9]{3}\"', action: drop}",
	"- match: {selector: '{app=\"changed\"}', stages: [{match: {selector: '{env=\"prod\"}', stages: [{output: {source: env}}]}}]}",
}

// Joining comes first: behind other stages Promtail joins by label set and forgets metadata.
var joining = []string{"", "", "- multiline: {firstline: '^\\S'}\n", "- multiline: {firstline: '^[A-Z{]'}\n"}

// firstLines is how many of the lines begin an entry for each of joining.
const firstLines = 5

var comparedLines = []string{
	`{"level":"info","message":"a user=joe 200","user":{"name":"joe"},"list":["x",2],"status":200,"ts":"2026-11-29T12:00:00Z"}`,
	`{"level":"debug","message":"x=1 y","status":500.50,"a.b":true,"sev":"warn"}`,
	`{"message":null,"level":"ERROR","list":[],"user":"text","status":"500"}`,
	`{"x":"deep","message":"{\"x\":\"deeper\"}"}`, `{"message":"cut`, `[1,2]`, `{}`, `null`, `{"a":1} more`, ``, ` `,
	`ERROR cannot 500`, `WARN user=ann health`, "\tat frame 404", ` indented`, `INFO a b c`, "\x1b[31mERROR\x1b[0m red",
	`lvl=warn msg="a \"b\" user=x" status=404`, `lvl=error msg=x= status=1`, `plain words and no number`, `GET /health 200`,
}

// promtailRecord has what Promtail's own stages make of the cases: a hash of these, and then
// a line of JSON for each.
const promtailRecord = "testdata/promtail.gz"

// promtailSays returns what Promtail's stages make of the cases: the record, or what the
// program at PROMTAIL_STAGES says, which becomes the record. It is built of test/promtail,
// which needs what Loki needs, by scripts/promtail.
func promtailSays(t *testing.T, cases []byte) io.Reader {
	t.Helper()
	hash := fmt.Sprintf("%x\n", sha256.Sum256(cases))
	if program := os.Getenv("PROMTAIL_STAGES"); program != "" {
		cmd := exec.Command(program)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(cases), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err = w.Write(append([]byte(hash), out...))
		if err = errors.Join(err, w.Close()); err == nil {
			err = os.WriteFile(promtailRecord, packed.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(promtailRecord)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	record := bufio.NewReader(unpacked)
	if of, err := record.ReadString('\n'); err != nil || of != hash {
		t.Fatalf("%s is of other cases: record it again with scripts/promtail (%v)", promtailRecord, err)
	}
	return record
}

// TestLikePromtail holds the stages against Promtail's own, on configurations and lines
// that a seed makes.
func TestLikePromtail(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	type testCase struct {
		Stages string
		Lines  []compared
	}
	var cases []testCase
	var in bytes.Buffer
	for range 1000 {
		c := testCase{Stages: joining[rnd.Intn(len(joining))]}
		joins := c.Stages != ""
		for range 1 + rnd.Intn(6) {
			c.Stages += snippets[rnd.Intn(len(snippets))] + "\n"
		}
		for i := range 12 {
			c.Lines = append(c.Lines, compared{Time: start + int64(i)*1e6, Text: comparedLines[rnd.Intn(len(comparedLines))],
				Labels: map[string]string{"container": "shop", "app": "a", "host": "h"}})
		}
		if joins {
			// Lines before the first first line are one entry here, and one each in Promtail.
			c.Lines[0].Text = comparedLines[rnd.Intn(firstLines)]
		}
		if _, err := Compile(nodes(t, c.Stages), Options{}); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
		if err := json.NewEncoder(&in).Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	results := json.NewDecoder(promtailSays(t, in.Bytes()))
	failed := 0
	for _, c := range cases {
		var theirs struct {
			Lines []compared
			Error string
		}
		if err := results.Decode(&theirs); err != nil {
			t.Fatal(err)
		}
		if theirs.Error != "" {
			t.Errorf("Promtail refuses %s%s", c.Stages, theirs.Error)
			continue
		}
		ours := through(t, c.Stages, c.Lines)
		if strings.Contains(c.Stages, "labelallow") {
			// In Promtail the tenant is a label, and goes with the others.
			for _, list := range [][]compared{ours, theirs.Lines} {
				for _, l := range list {
					delete(l.Labels, "__tenant_id__")
				}
			}
		}
		if d := differ(ours, theirs.Lines); d != "" {
			if failed++; failed < 6 {
				t.Errorf("%s%s", c.Stages, d)
			}
		}
	}
	t.Logf("%d configurations, %d differ", len(cases), failed)
}

func through(t *testing.T, stages string, lines []compared) (out []compared) {
	r := newReading(compile(t, stages), logs.Position{}, func(e *Entry) {
		c := compared{Time: e.Time, Labels: make(map[string]string), Metadata: make(map[string]string), Text: string(e.Line)}
		for _, l := range e.Labels.Pairs {
			c.Labels[l.Name] = l.Value
		}
		for _, l := range e.Metadata {
			c.Metadata[l.Name] = strings.Clone(l.Value)
		}
		if e.Tenant != "" {
			c.Labels["__tenant_id__"] = e.Tenant
		}
		out = append(out, c)
	})
	for _, l := range lines {
		r.add(l.Time, logs.Stdout, l.Text)
	}
	r.end()
	return out
}

// differ compares without regard to the order, which Promtail's goroutines do not keep.
func differ(ours, theirs []compared) string {
	text := func(list []compared) (out []string) {
		for _, c := range list {
			for _, m := range []map[string]string{c.Labels, c.Metadata} {
				for k, v := range m {
					if v == "" {
						delete(m, k) // as Loki does
					}
				}
			}
			out = append(out, fmt.Sprintf("%d %v %v %q", c.Time-start, c.Labels, c.Metadata, c.Text))
		}
		sort.Strings(out)
		return out
	}
	a, b := text(ours), text(theirs)
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return "ours:\n" + strings.Join(a, "\n") + "\nPromtail's:\n" + strings.Join(b, "\n")
}
