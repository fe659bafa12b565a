package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/verify"
)

// TestVerifyReport: it is the same only where something was compared, and what somebody has named
// has to be.
func TestVerifyReport(t *testing.T) {
	untold, told := &verify.Verified{Name: "a", Unread: "it has the driver none"}, &verify.Verified{Name: "b"}
	for _, test := range []struct {
		named        bool
		of           []*verify.Verified
		same, failed bool
	}{
		{false, []*verify.Verified{told, untold}, true, false},
		{true, []*verify.Verified{told, untold}, false, true},
		{false, []*verify.Verified{untold}, false, false},
		{false, nil, false, false},
		{true, []*verify.Verified{told}, true, false},
	} {
		var out strings.Builder
		r := &verifyReport{report: newReport(&out, &out, true), named: test.named}
		r.begin(time.Now())
		for _, v := range test.of {
			if err := r.add(v); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		if r.all.Same != test.same || r.failed != test.failed {
			t.Errorf("%+v: same %v, failed %v", test, r.all.Same, r.failed)
		}
	}
}

// TestHarmlessJSON: no string of a container does anything to a terminal.
func TestHarmlessJSON(t *testing.T) {
	const text = "a\u009b31m\u202eb\u2028\x1b[31m <ü>"
	var out strings.Builder
	r := &verifyReport{report: newReport(&out, &out, true)}
	r.begin(time.Now())
	if err := r.add(&verify.Verified{Name: "a", Result: audit.Result{Examples: []audit.Example{{Text: text}}}}); err != nil {
		t.Fatal(err)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\u009b\u202e\u2028\x1b") || !strings.Contains(out.String(), "\n  \"since\"") {
		t.Errorf("%q", out.String())
	}
	var again verifyJSON
	if err := json.Unmarshal([]byte(out.String()), &again); err != nil || again.Containers[0].Examples[0].Text != text {
		t.Errorf("%v: %q", err, out.String())
	}
}
