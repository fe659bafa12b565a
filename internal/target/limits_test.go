package target

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestFit(t *testing.T) {
	long, name := strings.Repeat("ä", 2000), strings.Repeat("n", 1025)
	pairs := map[string]string{"a": long, "b": "x\xffy", "c": "", name: "x", "d-e": "1", "d_e": "2", "é": "3"}
	metadata := map[string]string{"m.n": "v"}
	notes := fit(pairs, metadata, 3, []string{"d_e", "b"})
	if want := map[string]string{"_": "3", "b": "x?y", "d_e": "2"}; !maps.Equal(pairs, want) {
		t.Errorf("labels %.80v", pairs)
	}
	if want := map[string]string{"a": strings.Repeat("ä", 1024), "m_n": "v"}; !maps.Equal(metadata, want) {
		t.Errorf("metadata %.80v", metadata)
	}
	if len(notes) != 6 {
		t.Errorf("%d notes:\n%s", len(notes), strings.Join(notes, "\n"))
	}
	many := make(map[string]string)
	for i := range 200 {
		many[fmt.Sprintf("m%03d", i)] = strings.Repeat("v", 2048)
	}
	if notes := fit(map[string]string{"a": "b"}, many, 15, nil); len(many) != 15 || many["m000"] == "" || !strings.Contains(notes[0], "m015, m016, m017, m018, m019 and 180 more left out") {
		t.Errorf("%d are left; %q", len(many), notes)
	}
}

// FuzzLabel: whatever a container is called and labelled, Loki takes what becomes of it.
func FuzzLabel(f *testing.F) {
	f.Add("web", "team.name", "blue", "1st", "\xff", "n", "80")
	f.Add("", "__x", strings.Repeat("ä", 3000), strings.Repeat("n", 2000), "", "", "")
	f.Add("a b", "com.docker.swarm.service.name", "s", "com.docker.compose.service", "c", "\x00", "x")
	l := relabeled(f, `[{action: labelmap, regex: "__meta_docker_container_label_(.+)"}, {source_labels: [__meta_docker_network_name], target_label: net},
		{regex: "image|host|stream", action: labeldrop}]`, map[string]string{"port": "__meta_docker_port_private", "net": "net"})
	f.Fuzz(func(t *testing.T, name, label, value, other, another, network, port string) {
		c := &logs.Container{ID: "id", Name: name, Labels: map[string]string{label: value, other: another}, Network: logs.Network{
			Attached: []logs.Attachment{{Name: network}}, Ports: []logs.Port{{Private: port}},
		}}
		for i := range 20 {
			c.Labels[fmt.Sprintf("%s%d", label, i)] = value
		}
		labels := l.Label(c, nil).Labels
		if !labels.Valid() {
			t.Fatalf("not valid: %q", labels.Selector(logs.Stdout))
		}
		for s := range logs.Stream(logs.Streams) {
			own := labels.Of(s)
			if own.Len() > MaxLabels || len(own.Metadata) > maxMetadata {
				t.Errorf("%d labels, %d in metadata", own.Len(), len(own.Metadata))
			}
			for _, p := range append(own.Pairs, own.Metadata...) {
				if !logs.IsLabelName(p.Name) || p.Value == "" || len(p.Value) > logs.MaxLabelValue || !utf8.ValidString(p.Value) || strings.ContainsRune(p.Value, utf8.RuneError) || strings.HasPrefix(p.Name, reserved) {
					t.Errorf("%q=%q", p.Name, p.Value)
				}
			}
		}
	})
}
