package target

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
)

type hasLabel string

func (h hasLabel) Matches(labels map[string]string) bool { _, ok := labels[string(h)]; return ok }

func TestFilter(t *testing.T) {
	web := regexp.MustCompile("^(?:web.*)$")
	for _, test := range []struct {
		name      string
		filter    Filter
		container logs.Container
		want      bool
	}{
		{"everything", Filter{}, logs.Container{Name: "a"}, true},
		{"itself", Filter{Self: "id"}, logs.Container{ID: "id"}, false},
		{"included by name", Filter{IncludeNames: []*regexp.Regexp{web}}, logs.Container{Name: "web1"}, true},
		{"not included by name", Filter{IncludeNames: []*regexp.Regexp{web}}, logs.Container{Name: "my-web1"}, false},
		{"excluded by name", Filter{ExcludeNames: []*regexp.Regexp{web}}, logs.Container{Name: "web1"}, false},
		{"included by label", Filter{IncludeLabels: []LabelMatcher{hasLabel("x")}}, logs.Container{Labels: map[string]string{"x": ""}}, true},
		{"not included by label", Filter{IncludeLabels: []LabelMatcher{hasLabel("x")}}, logs.Container{}, false},
		{"excluded by label", Filter{ExcludeLabels: []LabelMatcher{hasLabel("x")}}, logs.Container{Labels: map[string]string{"x": ""}}, false},
	} {
		if got := test.filter.Excludes(&test.container); (got == "") != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestLabels(t *testing.T) {
	l := &Labeler{Host: "h", External: map[string]string{"env": "prod", "host": "other"}}
	plain := l.Label(&logs.Container{ID: "id", Name: "web", Image: "nginx:1"}, nil).Labels
	want := []logs.Label{{Name: "container", Value: "web"}, {Name: "env", Value: "prod"}, {Name: "host", Value: "other"},
		{Name: "image", Value: "nginx:1"}, {Name: "service_name", Value: "web"}}
	if !slices.Equal(plain.Pairs, want) || !slices.Equal(plain.Metadata, []logs.Label{{Name: "container_id", Value: "id"}}) {
		t.Errorf("got %v", plain)
	}
	composed := l.Label(&logs.Container{Name: "shop-web-1", Labels: map[string]string{composeProject: "shop", composeService: "web"}}, nil).Labels
	for name, value := range map[string]string{"compose_project": "shop", "compose_service": "web", "service_name": "web", "container": "shop-web-1"} {
		if got := composed.Get(name); got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// TestPick: what is asked for in several ways must all hold, and what is said twice in one
// way, once; of labels all.
func TestPick(t *testing.T) {
	pattern := func(text string) []*regexp.Regexp { return []*regexp.Regexp{regexp.MustCompile(text)} }
	compose := &logs.Container{Name: "shop-web-1", Image: "nginx:1", Labels: map[string]string{composeProject: "shop", composeService: "web", "team": "a", "tier": ""}}
	swarm := &logs.Container{Name: "shop_web.1.x", Image: "app", Labels: map[string]string{swarmStack: "shop", swarmService: "shop_web"}}
	plain := &logs.Container{Name: "plain"}
	for name, test := range map[string]struct {
		pick Pick
		want string
	}{
		"nothing":            {Pick{}, "shop-web-1 shop_web.1.x plain"},
		"a part of the name": {Pick{Names: pattern("web")}, "shop-web-1 shop_web.1.x"},
		"several names":      {Pick{Names: append(pattern("^plain$"), pattern("-1$")...)}, "shop-web-1 plain"},
		"service":            {Pick{Services: []string{"web"}}, "shop-web-1 shop_web.1.x"},
		"service in full":    {Pick{Services: []string{"shop_web"}}, "shop_web.1.x"},
		"no service":         {Pick{Services: []string{"", "shop"}}, ""},
		"project":            {Pick{Projects: []string{"shop"}}, "shop-web-1 shop_web.1.x"},
		"no project":         {Pick{Projects: []string{"other"}}, ""},
		"image":              {Pick{Images: pattern("^nginx")}, "shop-web-1"},
		"labels":             {Pick{Labels: []LabelMatcher{has("team=a"), has("tier=")}}, "shop-web-1"},
		"one label of two":   {Pick{Labels: []LabelMatcher{has("team=a"), has("team=b")}}, ""},
		"all of it":          {Pick{Names: pattern("web"), Projects: []string{"shop"}, Images: pattern("app")}, "shop_web.1.x"},
	} {
		var got []string
		for _, c := range []*logs.Container{compose, swarm, plain} {
			if test.pick.Chooses(c) {
				got = append(got, c.Name)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", name, got, test.want)
		}
	}
	out := &logs.Container{Name: "out", Labels: map[string]string{owner.Enable: "false"}}
	rules := Rules{Filter: Filter{Pick: &Pick{}}, Owner: owner.New([]string{"enable"}, func(string) bool { return false })}
	if rules.Decide(out).Excluded == "" {
		t.Error("who has opted out is chosen")
	}
	rules.Filter.Pick = &Pick{All: true}
	if rules.Decide(out).Excluded != "" {
		t.Error("who has opted out is not chosen where all are wanted")
	}
}

// has is a label with its value.
type has string

func (h has) Matches(labels map[string]string) bool {
	name, value, _ := strings.Cut(string(h), "=")
	got, ok := labels[name]
	return ok && got == value
}
