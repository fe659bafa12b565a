package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const pass = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"secret of a passed test\n"}
{"Action":"pass","Package":"p","Test":"A","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
{"Action":"skip","Package":"no/tests","Elapsed":0}
`
	for _, c := range []struct {
		name, input string
		ok          bool
		shown       string
	}{
		{"passed", pass, true, "1 passed, 0 failed, 0 skipped"},
		{"failed", pass + `{"Action":"output","Package":"p","Test":"B","Output":"why\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"B"}`, false, "why"},
		{"skipped", pass + `{"Action":"skip","Package":"p","Test":"B"}`, false, "skipped, which counts as a failure: p.B"},
		{"not built", `{"ImportPath":"p","Action":"build-output","Output":"syntax error\n"}` + "\n" + `{"ImportPath":"p","Action":"build-fail"}`, false, "syntax error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := report(strings.NewReader(c.input), &out)
			if err != nil || ok != c.ok || !strings.Contains(out.String(), c.shown) || strings.Contains(out.String(), "secret") {
				t.Errorf("%t %v\n%s", ok, err, out.String())
			}
		})
	}
}
