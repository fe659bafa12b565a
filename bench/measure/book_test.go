package main

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func filled() *book {
	b := &book{commit: "abc", machine: "a machine"}
	s := scenario{name: "backlog", title: "much"}
	for i, cpu := range []float64{5, 3, 4} {
		b.enter(entry{"lighterman", s, i, values{"cpu_s_per_gib": cpu, "lines_per_s": 1e6}})
		b.enter(entry{floorName, s, i, values{"cpu_s_per_gib": 2}})
		b.enter(entry{"another", s, i, values{"cpu_s_per_gib": 40}})
	}
	return b
}

func TestMedians(t *testing.T) {
	b := filled()
	if v, ok := b.median("backlog", "lighterman", "cpu_s_per_gib"); !ok || v != 4 {
		t.Errorf("median %v %t", v, ok)
	}
	if v, ok := b.median("backlog", "lighterman", "ratio"); !ok || v != 2 {
		t.Errorf("ratio %v %t", v, ok)
	}
	if _, ok := b.median("backlog", "lighterman", "p95_ms"); ok {
		t.Error("a value that nobody measured")
	}
}

func TestLine(t *testing.T) {
	var out strings.Builder
	if err := filled().writeLine(&out); err != nil {
		t.Fatal(err)
	}
	want := "cpu_s_per_gib=4 floor_cpu_s_per_gib=2 ratio=2 lines_per_s=1000000 p95_ms=unknown idle_cpu_percent=unknown rss_mib=unknown\n"
	if out.String() != want {
		t.Errorf("line %q", out.String())
	}
}

func TestResultsAreWritten(t *testing.T) {
	dir := t.TempDir()
	doc := filepath.Join(dir, "doc.md")
	if err := os.WriteFile(doc, []byte("before\n"+measuredBegin+"old\n"+measuredEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := &options{out: filepath.Join(dir, "out"), doc: doc}
	b := filled()
	if err := b.write(o); err != nil {
		t.Fatal(err)
	}
	if err := b.write(o); err != nil { // again, over what is there
		t.Fatal(err)
	}
	text, _ := os.ReadFile(doc)
	for _, part := range []string{"before\n" + measuredBegin, "| lighterman | 4.00 |", measuredEnd + "after\n"} {
		if !strings.Contains(strings.ReplaceAll(string(text), "| 4 |", "| 4.00 |"), part) {
			t.Errorf("the document lacks %q:\n%s", part, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Error("what was measured before is still there")
	}
	table, _ := os.ReadFile(filepath.Join(o.out, "runs.csv"))
	if rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll(); err != nil || len(rows) != 10 || rows[1][0] != "abc" {
		t.Errorf("CSV %v, %v", rows, err)
	}
	chart, err := os.ReadFile(filepath.Join(o.out, "backlog.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(chart)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
	if err := os.WriteFile(doc, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.renew(doc); err == nil {
		t.Error("a document without marks was changed")
	}
}

// TestBesideTable: the worst run counts for what arrived, the median for what it cost; the
// table says with what it was made, and goes between marks of its own.
func TestBesideTable(t *testing.T) {
	b := &book{commit: "abc", machine: "a machine", command: "make bench-peers", versions: "lighterman 1, promtail v3", beside: true}
	s := scenario{name: "backlog", title: "much"}
	for i, lost := range []float64{0, 7, 0} {
		b.enter(entry{"promtail", s, i, values{"lost": lost, "cpu_s_per_gib": 40 + float64(i), "requests": 5}})
		b.enter(entry{"lighterman", s, i, values{"lost": 0, "cpu_s_per_gib": 3}})
	}
	doc := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(doc, []byte(measuredBegin+"other\n"+measuredEnd+besideBegin+"old\n"+besideEnd), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.renew(doc); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(doc)
	want := measuredBegin + "other\n" + measuredEnd + besideBegin + `
Commit abc. a machine.
lighterman 1, promtail v3. Command: ` + "`make bench-peers`" + `.

**backlog**: much

| | lost | CPU s/GiB |
|---|---:|---:|
| lighterman | 0 | 3 |
| promtail | 7 | 41 |

` + besideEnd
	if string(text) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

func TestSummary(t *testing.T) {
	b := &book{machine: "a machine", command: "make bench-peers", versions: "lighterman 1, promtail v3", beside: true}
	for _, name := range []string{"backlog", "stages"} {
		s := scenario{name: name}
		b.enter(entry{"lighterman", s, 0, values{"lost": 0, "changed": 0, "cpu_s_per_gib": 3, "peak_mib": 100}})
		if name == "backlog" {
			b.enter(entry{"promtail", s, 0, values{"lost": 7, "changed": 0, "retimed": 2, "lines_per_s": 40}})
		}
	}
	var out strings.Builder
	b.writeSummary(&out)
	want := `a machine; lighterman 1, promtail v3. ` + "`make bench-peers`" + `

| | lighterman | promtail |
|---|---|---|
| backlog | all arrived; 3 CPU s/GiB, 100 MiB | **7 lost, 2 other time**; 40 lines/s |
| stages | all arrived; 3 CPU s/GiB, 100 MiB |  |
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}
