package target

import (
	"regexp"
	"slices"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
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
