package compare

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

func write(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Repeat("x", size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMeter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	m := meter{path: path}
	m.look() // there is none yet
	write(t, path, 1000)
	m.look()
	want := func(what string, grown int64, atLeast bool) {
		t.Helper()
		m.look()
		if m.grown != grown || m.atLeast != atLeast {
			t.Errorf("%s: grown by %d, at least: %v; want %d, %v", what, m.grown, m.atLeast, grown, atLeast)
		}
	}
	want("what was there does not count", 0, false)
	write(t, path, 50)
	want("written", 50, false)
	write(t, path, 7)
	must(t, os.Rename(path, path+".1"))
	want("in the middle of a rotation", 50, false)
	write(t, path, 20)
	want("rotated", 77, false)
	if got := stored(path); got != 1077 {
		t.Errorf("%d bytes are stored, want 1077", got)
	}
	must(t, os.Truncate(path, 5))
	want("truncated", 82, true)
	m.atLeast = false
	must(t, os.Rename(path, path+".1"))
	write(t, path, 1)
	must(t, os.Rename(path+".1", path+".2")) // twice between two looks
	want("rotated away", 83, true)
	must(t, os.Remove(path))
	must(t, os.Symlink("/etc/passwd", path))
	want("a symbolic link is not looked at", 83, true)
}

// host is a look at containers of every kind.
func host(t *testing.T) *Survey {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, size int) logs.Route {
		path := filepath.Join(dir, name)
		write(t, path, size)
		return logs.Route{Kind: logs.File, Path: path}
	}
	api, nobody := logs.Route{Kind: logs.API}, logs.Route{Reason: "it stores nothing"}
	web := file("web", 100)
	candidates := []Candidate{
		{&logs.Container{Name: "web", ID: "1", Driver: "json-file", Running: true}, map[string]logs.Route{"hybrid": web, "stream": api, "file": web}},
		{&logs.Container{Name: "old", ID: "2", Driver: "json-file"}, map[string]logs.Route{"hybrid": file("old", 5000), "stream": api, "file": api}},
		{&logs.Container{Name: "unit", ID: "3", Driver: "journald", Running: true}, map[string]logs.Route{"hybrid": api, "stream": api, "file": nobody}},
		{&logs.Container{Name: "mute", ID: "4", Driver: "none", Running: true}, map[string]logs.Route{"hybrid": nobody, "stream": nobody, "file": nobody}},
	}
	candidates[1].Routes["file"] = candidates[1].Routes["hybrid"]
	look := New([]string{"hybrid", "file", "stream"}, candidates)
	look.began = look.began.Add(-10 * time.Second)
	write(t, web.Path, 2000)
	return look.Survey()
}

func TestSurvey(t *testing.T) {
	s := host(t)
	want := []Mode{
		{Mode: "hybrid", Files: 2, API: 1, Running: 1, Unreadable: 1, Goroutines: 3, Descriptors: 3, DockerdStreams: 1, Unknown: 1},
		{Mode: "file", Files: 2, Unreadable: 2, Descriptors: 2},
		{Mode: "stream", API: 3, Running: 2, Unreadable: 1, Goroutines: 6, Descriptors: 2, DockerdStreams: 2, Unknown: 1, DockerdRereads: 7100},
	}
	for i, m := range s.Modes {
		growth := m.DockerdBytesPerSecond
		m.DockerdBytesPerSecond = 0
		if m != want[i] {
			t.Errorf("got %+v, want %+v", m, want[i])
		}
		// 2,000 bytes in a little more than 10 s.
		if through := m.Mode == "stream"; through != (growth > 100 && growth <= 200) || !through && growth != 0 {
			t.Errorf("%s: %v bytes/s go through dockerd", m.Mode, growth)
		}
	}
	if c := s.Containers[0]; c.Name != "mute" || c.Reason != "it stores nothing" || c.File {
		t.Errorf("got %+v", c)
	}
	if c := s.Containers[3]; c.Name != "web" || c.StoredBytes != 2100 || c.Reason != "" {
		t.Errorf("got %+v", c)
	}
}

func TestText(t *testing.T) {
	s := host(t)
	used := 3.25
	s.Measured = &Measured{Mode: "hybrid", Seconds: 10, Lines: map[string]int64{"file": 100}, Bytes: map[string]int64{"file": 20480}, CPU: 1.5, DockerdCPU: &used, RSS: 20 << 20, Goroutines: 21, Descriptors: 14}
	ages := Ages{}
	for i := range 100_000 {
		ages.Add(time.Duration(i%100) * time.Millisecond)
	}
	ages.Add(-time.Second)
	ages.Fill(s.Measured)
	if m := s.Measured; m.Age50 < 45 || m.Age50 > 54 || m.Age95 < 90 || m.Age95 > 98 || m.AgeMax != 99 {
		t.Errorf("ages %+v", m)
	}
	var text bytes.Buffer
	must(t, s.WriteText(&text))
	for _, want := range []string{
		"4 containers", "containers covered 3 of 4 2 of 4 3 of 4", "json-file 2 (50.0 %)", "mute cannot be read by anybody: it stores nothing",
		"most of it: web ", "file: 10.0 lines/s, 2 KiB/s", "dockerd 3.2 %", "RSS 20 MiB", "growth not known from less than 30 s",
	} {
		// However wide the columns are.
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
			t.Errorf("there is no %q in\n%s", want, text.String())
		}
	}
	encoded, err := json.Marshal(s)
	must(t, err)
	var back Survey
	must(t, json.Unmarshal(encoded, &back))
}

func TestHostileNames(t *testing.T) {
	s := &Survey{Containers: []Container{{Name: "a\x1b[2Jb\n", Reason: "r"}}}
	var text bytes.Buffer
	must(t, s.WriteText(&text))
	if strings.ContainsRune(text.String(), 0x1b) || !strings.Contains(text.String(), "a?[2Jb?") {
		t.Errorf("%q", text.String())
	}
}

func TestGrowthOf(t *testing.T) {
	var points []Point
	for i := range 10 {
		points = append(points, Point{At: time.Duration(i) * time.Minute, Value: float64(3 * i)})
	}
	if g := GrowthOf(points); !g.Known || g.PerMinute < 2.999 || g.PerMinute > 3.001 {
		t.Errorf("got %+v", g)
	}
	if g := GrowthOf(points[:4]); g.Known {
		t.Errorf("of four points: %+v", g)
	}
	// JSON has no number for what is not known.
	if _, err := json.Marshal(GrowthOf(nil)); err != nil {
		t.Error(err)
	}
}

// TestP8ShortLook: what a start does in its first seconds is no growth per minute.
func TestP8ShortLook(t *testing.T) {
	series := func(seconds int) (points []Point) {
		for i := range seconds * 4 { // four looks a second
			points = append(points, Point{At: time.Duration(i) * time.Second / 4, Value: float64(i)})
		}
		return points
	}
	for seconds, known := range map[int]bool{4: false, 10: false, 20: false, 24: true, 48: true} {
		if g := GrowthOf(series(seconds)); g.Known != known {
			t.Errorf("%d s: %+v", seconds, g)
		}
	}
}

// TestP8Journal: what is read from the journal is no file of Docker's.
func TestP8Journal(t *testing.T) {
	from := logs.Route{Kind: logs.Journal}
	s := New([]string{"hybrid"}, []Candidate{{&logs.Container{Name: "unit", ID: "1", Driver: "journald", Running: true}, map[string]logs.Route{"hybrid": from}}}).Survey()
	if m := s.Modes[0]; m.Journal != 1 || m.Files != 0 || m.Covered() != 1 || m.Descriptors != 0 {
		t.Errorf("got %+v", m)
	}
	var text bytes.Buffer
	must(t, s.WriteText(&text))
	if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), "by journal 1 by API 0") {
		t.Errorf("%s", text.String())
	}
}
