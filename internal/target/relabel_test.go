package target

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
)

// rules parses relabel_configs as Prometheus does.
func rules(t testing.TB, text string) []*relabel.Config {
	t.Helper()
	var out []*relabel.Config
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return out
}

func relabeled(t testing.TB, text string, metadata map[string]string) *Labeler {
	t.Helper()
	r, err := NewRelabel(rules(t, text), metadata)
	if err != nil {
		t.Fatal(err)
	}
	return &Labeler{Host: "h", Relabel: r}
}

// shop is a container with all that relabelling can see.
func shop() *logs.Container {
	return &logs.Container{
		ID: strings.Repeat("0a", 32), Name: "shop-web-1", Image: "shop/web:3",
		Labels: map[string]string{
			composeProject: "shop", composeService: "web", "team.name": "blue", "tier": "front", "1st": "x", "log.parser": "json",
		},
		Network: logs.Network{
			Mode:     "shop_default",
			Attached: []logs.Attachment{{Name: "back", ID: "n1", IP: "10.0.0.7"}, {Name: "shop_default", ID: "n2", IP: "172.18.0.2"}},
			Ports:    []logs.Port{{Private: "80", Public: "8080", PublicIP: "0.0.0.0"}, {Private: "443"}},
		},
	}
}

// TestMeta: the names are those of Prometheus' docker_sd.
func TestMeta(t *testing.T) {
	want := map[string]string{
		"__meta_docker_container_id": strings.Repeat("0a", 32), "__meta_docker_container_name": "/shop-web-1",
		"__meta_docker_container_network_mode": "shop_default", "__meta_docker_container_log_stream": "stderr",
		"__meta_docker_container_label_com_docker_compose_project": "shop", "__meta_docker_container_label_com_docker_compose_service": "web",
		"__meta_docker_container_label_team_name": "blue", "__meta_docker_container_label_tier": "front", "__meta_docker_container_label_1st": "x",
		"__meta_docker_container_label_log_parser": "json",
		"__meta_docker_network_id":                 "n1", "__meta_docker_network_name": "back", "__meta_docker_network_ip": "10.0.0.7",
		"__meta_docker_port_private": "80", "__meta_docker_port_public": "8080", "__meta_docker_port_public_ip": "0.0.0.0",
	}
	if got := Meta(shop(), logs.Stderr); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for range 20 { // of two that become one name it is always the same
		c := &logs.Container{Labels: map[string]string{"a.b": "dot", "a-b": "dash", "a_b": "under"}}
		if got := Meta(c, logs.Stdout)["__meta_docker_container_label_a_b"]; got != "under" {
			t.Fatalf("a_b is %q", got)
		}
	}
}

// TestRelabel: each case says what its rules make of one container.
func TestRelabel(t *testing.T) {
	for name, test := range map[string]struct {
		rules    string
		metadata map[string]string
		out, err string // selectors; err is empty where it is that of out with the other stream
		meta     string
		dropped  string
		notes    string
	}{
		"nothing": {
			rules: `[]`,
			out:   `{compose_project="shop", compose_service="web", container="shop-web-1", host="h", image="shop/web:3", service_name="web", stream="stdout"}`,
		},
		"as Promtail's users have it": {
			rules: `
- {regex: "compose_.*|image|host|service_name|stream|container", action: labeldrop}
- {source_labels: [__meta_docker_container_name], regex: "/(.*)", target_label: container}
- {source_labels: [__meta_docker_container_log_stream], target_label: logstream}
- {source_labels: [__meta_docker_container_label_com_docker_compose_project, __meta_docker_container_label_com_docker_compose_service], separator: /, target_label: job}
- {action: labelmap, regex: "__meta_docker_container_label_(t.*)"}
`,
			out: `{container="shop-web-1", job="shop/web", logstream="stdout", team_name="blue", tier="front"}`,
			err: `{container="shop-web-1", job="shop/web", logstream="stderr", team_name="blue", tier="front"}`,
		},
		"labels by stream": {
			rules: `[{regex: "[a-r].*|service_name", action: labeldrop}, {source_labels: [__meta_docker_container_log_stream], regex: stderr, target_label: level, replacement: error},
				{source_labels: [__meta_docker_network_name, __meta_docker_port_public], target_label: seen}]`,
			out: `{seen="back;8080", stream="stdout"}`, err: `{level="error", seen="back;8080", stream="stderr"}`,
		},
		"a temporary label": {
			rules: `[{regex: "[a-z].*", action: labeldrop}, {target_label: __tmp_x, replacement: v}, {source_labels: [__tmp_x], target_label: app, action: uppercase}]`,
			out:   `{app="V"}`, err: `{app="V"}`, meta: "stream=stdout container_id=",
		},
		"structured metadata": {
			rules:    `[{regex: "compose_.*|host", action: labeldrop}]`,
			metadata: map[string]string{"team": "__meta_docker_container_label_team_name", "image": "image", "none": "nowhere"},
			out:      `{container="shop-web-1", service_name="web", stream="stdout"}`,
			meta:     "team=blue image=shop/web:3 container_id=",
		},
		"dropped": {
			rules:   `[{target_label: a, replacement: b}, {source_labels: [__meta_docker_container_label_tier], regex: front|back, action: drop}]`,
			dropped: `relabel_configs[1] is to drop what has __meta_docker_container_label_tier that matches "front|back"`,
		},
		"kept": {rules: `[{source_labels: [__meta_docker_container_label_tier], regex: front, action: keep}, {regex: "[a-r].*|service_name", action: labeldrop}]`, out: `{stream="stdout"}`},
		"not kept": {
			rules:   `[{source_labels: [__meta_docker_container_label_tier, image], regex: back, action: keep}]`,
			dropped: `relabel_configs[0] is to keep what has __meta_docker_container_label_tier;image that matches "back"`,
		},
		"equal": {
			rules:   `[{source_labels: [compose_service], target_label: service_name, action: dropequal}]`,
			dropped: `relabel_configs[0] is to dropequal what has compose_service that equals service_name`,
		},
		"one stream dropped": {
			rules: `[{source_labels: [__meta_docker_container_log_stream], regex: stderr, action: drop}]`,
			notes: "relabel_configs[0] is to drop what has __meta_docker_container_log_stream that matches \"stderr\", which concerns one of the container's two streams",
		},
		"nothing left": {
			rules: `[{regex: ".*", action: labeldrop}]`,
			out:   `{service_name="shop-web-1"}`, err: `{service_name="shop-web-1"}`, meta: "stream=stdout", notes: "no label is left",
		},
		"too many": {
			rules: `[{action: labelmap, regex: "(c)o(m)pose_(..).*", replacement: "a_${1}${3}"}, {action: labelmap, regex: "(image|host)", replacement: "a_$1"},
				{target_label: b1, replacement: x}, {target_label: b2, replacement: x}, {target_label: b3, replacement: x}, {target_label: b4, replacement: x}, {target_label: z, replacement: x}, {target_label: y, replacement: x}]`,
			out:  `{a_cpr="shop", a_cse="web", a_host="h", a_image="shop/web:3", b1="x", b2="x", b3="x", b4="x", compose_project="shop", compose_service="web", container="shop-web-1", host="h", image="shop/web:3", service_name="web", stream="stdout"}`,
			meta: "y=x z=x", notes: "it has 17 labels and Loki takes 15: y, z became structured metadata",
		},
		"no name of Loki's": {
			rules: `[{regex: "[a-z].*", action: labeldrop}, {action: labelmap, regex: "__meta_docker_container_label_(1st|tier)"}]`,
			out:   `{_1st="x", tier="front"}`, err: `{_1st="x", tier="front"}`, meta: "stream=stdout",
			notes: `the label "1st" is called _1st: Loki takes no such name`,
		},
		"a stream of one's own": {
			rules: `[{regex: "[a-r].*|service_name", action: labeldrop}, {target_label: stream, replacement: both}]`,
			out:   `{stream="both"}`, err: `{stream="both"}`, meta: "stream=stdout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := shop()
			l := relabeled(t, test.rules, test.metadata)
			got := l.Label(c, nil)
			if got.Dropped != test.dropped {
				t.Errorf("dropped by %q, want %q", got.Dropped, test.dropped)
			}
			if notes := strings.Join(got.Notes, "; "); !strings.HasPrefix(notes, test.notes) || (notes != "") != (test.notes != "") {
				t.Errorf("notes %q, want %q", notes, test.notes)
			}
			if test.out != "" && got.Labels.Selector(logs.Stdout) != test.out {
				t.Errorf("stdout\nis  %s\nnot %s", got.Labels.Selector(logs.Stdout), test.out)
			}
			want := test.err
			if want == "" {
				want = strings.Replace(test.out, `stream="stdout"`, `stream="stderr"`, 1)
			}
			if selector := got.Labels.Selector(logs.Stderr); test.out != "" && selector != want {
				t.Errorf("stderr\nis  %s\nnot %s", selector, want)
			}
			for part := range strings.FieldsSeq(test.meta) {
				name, value, _ := strings.Cut(part, "=")
				if value == "" {
					value = c.ID
				}
				if !slices.Contains(got.Labels.Metadata, logs.Label{Name: name, Value: value}) {
					t.Errorf("metadata %v has no %s", got.Labels.Metadata, part)
				}
			}
			if !got.Labels.Valid() {
				t.Errorf("%v is not valid", got.Labels)
			}
			for range 10 {
				if again := l.Label(shop(), nil); !again.Labels.Equal(got.Labels) || !slices.Equal(again.Notes, got.Notes) {
					t.Fatalf("once %v, once %v", got.Labels, again.Labels)
				}
			}
		})
	}
}

// TestRelabelTTY: a container with a terminal has one stream, so that no rule can drop half
// of it.
func TestRelabelTTY(t *testing.T) {
	c := shop()
	c.TTY = true
	l := relabeled(t, `[{source_labels: [__meta_docker_container_log_stream], regex: stderr, action: keep}]`, nil)
	if got := l.Label(c, nil); got.Dropped == "" || len(got.Notes) > 0 || got.Labels.Stderr != nil {
		t.Errorf("%+v", got)
	}
}

// TestUses: only labels that a rule may look at are kept in memory.
func TestUses(t *testing.T) {
	var none *Relabel
	by := relabeled(t, `[{source_labels: [__meta_docker_container_label_team_name], target_label: team}, {action: labelmap, regex: __meta_docker_container_label_log_(.+)}]`,
		map[string]string{"tier": "__meta_docker_container_label_tier"}).Relabel
	for label, want := range map[string]bool{"team.name": true, "team-name": true, "tier": true, "log.parser": true, "log": false, "maintainer": false} {
		if by.Uses(label) != want || none.Uses(label) {
			t.Errorf("%s is used: %v", label, !want)
		}
	}
	notes := relabeled(t, `[{source_labels: [image], target_label: a}, {source_labels: [__meta_docker_network_scope, __meta_docker_container_label_x, __meta_docker_container_id], target_label: b}]`, nil).Relabel.Notes()
	if len(notes) != 1 || notes[0] != "relabel_configs[1]: __meta_docker_network_scope is always empty here; docs/labels.md has what there is" {
		t.Errorf("%q", notes)
	}
}

// TestNewRelabel: what cannot work is named with its place.
func TestNewRelabel(t *testing.T) {
	for _, test := range []struct {
		rules    string
		metadata map[string]string
		want     string
	}{
		{`[{source_labels: [a]}, {action: replace, target_label: a}, {action: hashmod, target_label: a}]`, nil, "relabel_configs[0]: relabel configuration for replace action requires 'target_label' value"},
		{`[{target_label: a-b, replacement: x}]`, nil, `relabel_configs[0]: "a-b" is invalid 'target_label' for replace action`},
		{`[]`, map[string]string{"a-b": "x"}, `structured_metadata: "a-b" is no name`},
		{`[]`, map[string]string{"__a": "x"}, `structured_metadata: "__a" is no name`},
		{`[]`, map[string]string{"a": "b c"}, `structured_metadata: a: "b c" is no label name`},
	} {
		if _, err := NewRelabel(rules(t, test.rules), test.metadata); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %v: %v", test.rules, test.metadata, err)
		}
	}
}

// TestTenantByRule: a rule that sets __tenant_id__ says whose a container's lines are, as
// Promtail's users know it. What Loki does not take for one is not used, and said.
func TestTenantByRule(t *testing.T) {
	rules, err := NewRelabel(rules(t, `[{source_labels: [__meta_docker_container_label_team], target_label: __tenant_id__}]`), nil)
	if err != nil {
		t.Fatal(err)
	}
	labeler := Labeler{Host: "h", Relabel: rules}
	for team, want := range map[string]string{"blue": "blue", "": "", "no tenant": "", "..": ""} {
		got := labeler.Label(&logs.Container{ID: "1", Name: "web", Labels: map[string]string{"team": team}}, nil)
		if got.Labels.Tenant != want || got.Labels.Get("__tenant_id__") != "" {
			t.Errorf("%q: tenant %q", team, got.Labels.Tenant)
		}
		if strange := team != "" && want == ""; strange != (len(got.Notes) > 0) {
			t.Errorf("%q: %q", team, got.Notes)
		}
		if !got.Labels.Valid() {
			t.Errorf("%q: the labels are not valid", team)
		}
	}
	blue, none := logs.NewLabels(map[string]string{"a": "b"}, nil), logs.NewLabels(map[string]string{"a": "b"}, nil)
	if blue.Tenant = "blue"; blue.Equal(none) {
		t.Error("a change of the tenant is none")
	}
	var b logs.Batch
	b.Add(blue, logs.Entry{Line: []byte("x")})
	b.Add(blue, logs.Entry{Line: []byte("y"), Extra: &logs.Extra{Tenant: "red"}})
	b.Add(none, logs.Entry{Line: []byte("z")})
	if got := b.Tenants(); !slices.Equal(got, []string{"blue", "red", ""}) {
		t.Errorf("%q", got)
	}
}
