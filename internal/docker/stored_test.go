package docker

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
	if _, err := Stored(root, id); err == nil {
		t.Error("read a container that is not there")
	}
	write("config.v2.json", `{"ID":"`+id+`","Name":"/web","LogPath":"/p","Config":{"Image":"i","Labels":{"a":"b"},"Tty":true},
		"State":{"Running":false,"StartedAt":"0001-01-01T00:00:00Z"}}`)
	if _, err := Stored(root, id); err == nil {
		t.Error("read a container without its host configuration")
	}
	write("hostconfig.json", `{"LogConfig":{"Type":"json-file","Config":{"max-size":"1k"}}}`)
	c, err := Stored(root, id)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != id || c.Name != "web" || c.Image != "i" || c.Labels["a"] != "b" || !c.TTY || c.Driver != "json-file" ||
		c.DriverOptions["max-size"] != "1k" || c.Running || !c.StartedAt.IsZero() || c.LogPath != "/p" {
		t.Errorf("got %+v", c)
	}
	for name, text := range map[string]string{
		"another ID": `{"ID":"x","Name":"/web"}`, "no name": `{"ID":"` + id + `"}`, "torn": `{"ID":"`, "another type": `{"ID":1}`,
	} {
		write("config.v2.json", text)
		if _, err := Stored(root, id); err == nil {
			t.Errorf("%s: read it", name)
		}
	}
	for _, id := range []string{"", "../../etc", strings.Repeat("/", 64), strings.Repeat("A", 64)} {
		if _, err := Stored(root, id); err == nil {
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
	go func() { _, err := Stored(root, id); done <- err }()
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
		"huge":      func() error { return os.WriteFile(path, bytes.Repeat([]byte("["), maxStored+1), 0o600) },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := Stored(root, id); err == nil {
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
