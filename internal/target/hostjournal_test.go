package target

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
)

func TestJournalLabels(t *testing.T) {
	levels := []string{"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}
	l := &JournalLabeler{Host: "h", Levels: levels, Labels: map[string]string{"job": "j"}, External: map[string]string{"dc": "north"}}
	if got := l.Fields(); !slices.Equal(got, []string{"_SYSTEMD_UNIT", "PRIORITY"}) {
		t.Errorf("fields %q", got)
	}
	for want, values := range map[string][]string{
		"[{dc north} {host h} {job j} {level error} {unit ssh.service}]": {"ssh.service", "3"},
		"[{dc north} {host h} {job j} {level emerg}]":                    {"", "0"},
		"[{dc north} {host h} {job j} {unit a.scope}]":                   {"a.scope", "8"},
		"[{dc north} {host h} {job j}]":                                  {"", "what?"},
	} {
		if got := fmt.Sprint(l.Label(l.Fields(), values).Labels.Pairs); got != want {
			t.Errorf("%q: %s, want %s", values, got, want)
		}
	}
	rule := func(source, regex, target string, action relabel.Action) *relabel.Config {
		r := relabel.DefaultRelabelConfig
		r.Action, r.TargetLabel, r.NameValidationScheme = action, target, model.LegacyValidation
		if source != "" {
			r.SourceLabels = model.LabelNames{model.LabelName(source)}
		}
		if regex != "" {
			r.Regex = relabel.MustNewRegexp(regex)
		}
		return &r
	}
	rules, err := NewRelabel([]*relabel.Config{
		rule("__journal__hostname", "", "machine", relabel.Replace),
		rule("__journal_priority_keyword", "", "severity", relabel.Replace),
		rule("__journal__comm", "noisy", "", relabel.Drop),
		rule("", "__journal_(syslog_.*)", "", relabel.LabelMap),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l = &JournalLabeler{Levels: levels, Relabel: rules, Names: Names{"level": "", "unit": "service"}}
	fields := l.Fields()
	want := []string{"_SYSTEMD_UNIT", "PRIORITY", "_HOSTNAME", "_COMM", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID"}
	if !slices.Equal(fields, want) {
		t.Errorf("fields %q, want %q", fields, want)
	}
	got := l.Label(fields, []string{"a.service", "4", "host", "c", "", "me", ""})
	if text := fmt.Sprint(got.Labels.Pairs); text != "[{job systemd-journal} {machine host} {service a.service} {severity warning} {syslog_identifier me}]" {
		t.Error(text)
	}
	if l.Label(fields, []string{"", "", "", "noisy", "", "", ""}) != nil {
		t.Error("a rule that drops does not")
	}
	if l.Label(fields, make([]string, len(fields))).Labels.Pairs == nil {
		t.Error("no label at all")
	}
}
