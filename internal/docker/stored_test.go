package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// keepAll keeps all labels.
func keepAll(string) bool { return true }

func TestStored(t *testing.T) {
	root, id := t.TempDir(), strings.Repeat("0a", 32)
	dir := filepath.Join(root, "containers", id)
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Stored(root, id, keepAll); err == nil {
		t.Error("read a container that is not there")
	}
	write("config.v2.json", `{"ID":"`+id+`","Name":"/web","LogPath":"/p","Config":{"Image":"i","Labels":{"a":"b"},"Tty":true},
		"State":{"Running":false,"StartedAt":"0001-01-01T00:00:00Z"}}`)
	if _, err := Stored(root, id, keepAll); err == nil {
		t.Error("read a container without its host configuration")
	}
	write("hostconfig.json", `{"LogConfig":{"Type":"json-file","Config":{"max-size":"1k"}}}`)
	c, err := Stored(root, id, keepAll)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != id || c.Name != "web" || c.Image != "i" || c.Labels["a"] != "b" || !c.TTY || c.Driver != "json-file" ||
		c.DriverOptions["max-size"] != "1k" || c.Running || !c.StartedAt.IsZero() {
		t.Errorf("got %+v", c)
	}
	for name, text := range map[string]string{
		"another ID": `{"ID":"x","Name":"/web"}`, "no name": `{"ID":"` + id + `"}`, "torn": `{"ID":"`, "another type": `{"ID":1}`,
	} {
		write("config.v2.json", text)
		if _, err := Stored(root, id, keepAll); err == nil {
			t.Errorf("%s: read it", name)
		}
	}
	for _, id := range []string{"", "../../etc", strings.Repeat("/", 64), strings.Repeat("A", 64)} {
		if _, err := Stored(root, id, keepAll); err == nil {
			t.Errorf("%q was taken for an ID", id)
		}
	}
}

// TestStoredOfAStranger: what is no file of the engine's is not read; a pipe would
// keep us waiting for ever, and with us all events.
func TestStoredOfAStranger(t *testing.T) {
	root, id := t.TempDir(), strings.Repeat("0a", 32)
	dir := filepath.Join(root, "containers", id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.v2.json")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	done := make(chan error, 1)
	go func() { _, err := Stored(root, id, keepAll); done <- err }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a pipe was read")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("reading a pipe does not end")
	}
	for name, make := range map[string]func() error{
		"directory": func() error { return os.Mkdir(path, 0o700) },
		"link":      func() error { return os.Symlink("/etc/passwd", path) },
		"huge": func() error {
			return errors.Join(os.WriteFile(path, []byte("{"), 0o600), os.Truncate(path, maxStored+1))
		},
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := Stored(root, id, keepAll); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestFirstTime(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	text := at.Format("2006-01-02T15:04:05.000000000Z") + " a line"
	for _, c := range []struct {
		head string
		tty  bool
		want int64
		bad  bool
	}{
		{head: "\x01\x00\x00\x00\x00\x00\x00\x25" + text, want: at.UnixNano()},
		{head: text, tty: true, want: at.UnixNano()},
		{}, {tty: true}, {head: "\x01\x00"}, {head: text, bad: true}, {head: "no time", tty: true, bad: true},
	} {
		got, err := firstTime([]byte(c.head), c.tty)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q: %d, %v", c.head, got, err)
		}
	}
}

// TestCutLabelsAreBounded: a label that is too long, and comes again and again in one file,
// is told of once; one that is short in the end is not told of.
func TestCutLabelsAreBounded(t *testing.T) {
	long := strings.Repeat("x", logs.MaxLabelValue+1)
	var labels strings.Builder
	for range 1000 {
		labels.WriteString(`"a":"` + long + `","b":"` + long + `",`)
	}
	var f facts
	if err := f.read(sift.New(strings.NewReader(`{"Config":{"Labels":{`+labels.String()+`"b":"short"}}}`), maxStored), keepAll); err != nil {
		t.Fatal(err)
	}
	if len(f.cut) != 1 || !strings.HasPrefix(f.container("x").Problem, "label a is longer") {
		t.Errorf("%d are cut: %.200q", len(f.cut), f.container("x").Problem)
	}
}
