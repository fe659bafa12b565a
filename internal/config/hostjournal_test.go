package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestHostJournal(t *testing.T) {
	c, err := loadFile(t, `journal:
  - matches:
      unit: [ssh, cron.timer]
      identifier: sudo
      priority: err
      boot: current
      _TRANSPORT: [syslog, kernel]
      _SYSTEMD_UNIT: extra.service
    max-age: 12h
    containers: true
  - name: all
    stages: []
`)
	if err != nil {
		t.Fatal(err)
	}
	j := c.HostJournals
	const want = "[{_SYSTEMD_UNIT [ssh.service cron.timer extra.service]} {SYSLOG_IDENTIFIER [sudo]} {PRIORITY [0 1 2 3]} {_TRANSPORT [syslog kernel]}]"
	if len(j) != 2 || fmt.Sprint(j[0].Match) != want || !j[0].CurrentBoot || j[0].MaxAge != 12*time.Hour || !j[0].Containers || j[0].Name != "journal" {
		t.Errorf("%+v", j)
	}
	if len(j) == 2 && (j[1].Name != "all" || j[1].CurrentBoot || !j[1].OwnStages || len(j[1].Match) != 0) {
		t.Errorf("%+v", j[1])
	}
	for text, want := range map[string]string{
		"journal: [{matches: {priority: loud}}]":             `lm.yaml:1:32: journal[0].matches.priority: invalid value "loud": expected one of emerg`,
		"journal: [{matches: {priority: 8}}]":                "invalid value \"8\"",
		"journal: [{matches: {boot: last}}]":                 "expected current or all",
		"journal: [{matches: {units: x}}]":                   `unknown key "units": expected unit, identifier`,
		"journal: [{matches: {unit: ''}}]":                   "expected a text, found nothing",
		"journal: [{max-age: 0s}]":                           "expected a duration, such as 12h",
		"journal: [{}, {}]":                                  `another section is called "journal"`,
		"journal: [{name: A}]":                               `invalid name "A"`,
		"journal: [{labels: {job: ''}}]":                     "the value is empty",
		"journal: [{containers: maybe}]":                     "expected true or false",
		"journal: [{matches: [unit]}]":                       "expected a map, such as",
		"journal: {unit: ssh}":                               "expected a list of sections",
		"journal: [{stages: [{multiline: {firstline: x}}]}]": "the stage multiline is not for the journal",
		"journal: [{stages: [{match: {selector: '{a=\"b\"}', stages: [{multiline: {firstline: x}}]}}]}]": "the stage multiline is not for the journal",
		"journal: [" + strings.Repeat("{name: x},", 17) + "]":                                            "expected at most 16 sections",
	} {
		if _, err := loadFile(t, text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}
