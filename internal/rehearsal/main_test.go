package rehearsal

import (
	"testing"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject is a container called web with stages.
func subject(t testing.TB, stages string) *Subject {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(stages), &doc); err != nil {
		t.Fatal(err)
	}
	s := &Subject{Name: "web", Labels: logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "1"}), MaxLine: 1 << 18}
	if len(doc.Content) == 0 {
		return s
	}
	p, err := stage.Compile(doc.Content[0].Content, stage.Options{Path: "stages"})
	if err != nil {
		t.Fatal(err)
	}
	s.Pipeline = p
	return s
}

// rehearse takes lines a millisecond apart through the stages.
func rehearse(s *Subject, emit func(*Entry), lines ...string) {
	r := Rehearse(s, emit)
	for i, line := range lines {
		r.Add(Line{Time: begin + int64(i)*1e6, Text: []byte(line)})
	}
	r.End()
}

const begin = 1_795_953_600_000_000_000
