package dataroot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Root is a data root.
type Root struct{ Dir string }

// New makes an empty one, which goes with the test.
func New(t testing.TB) *Root {
	t.Helper()
	return In(t, t.TempDir())
}

// In is New in an empty directory.
func In(t testing.TB, dir string) *Root {
	t.Helper()
	r := &Root{Dir: dir}
	if err := os.Mkdir(r.Containers(), 0o710); err != nil {
		t.Fatal(err)
	}
	return r
}

// Containers is the directory of containers.
func (r *Root) Containers() string { return filepath.Join(r.Dir, "containers") }

// Args are the arguments that make a lighterman read this root and nothing else, from
// the beginning.
func (r *Root) Args(more ...string) []string {
	return append([]string{"--docker-host", "none", "--docker-root", r.Dir, "--journal-dir", "none", "--since", "beginning"}, more...)
}

// Spec is a container to be. The zero value is one that runs and logs to json-file.
type Spec struct {
	Name, Driver string
	Labels, Opts map[string]string
	Stopped, TTY bool
}

// Container is one container's directory.
type Container struct {
	ID, Name, Dir string
	// Log is the path of the live log file.
	Log string
}

// Add makes a container with an empty log.
func (r *Root) Add(t testing.TB, s Spec) *Container {
	t.Helper()
	sum := sha256.Sum256([]byte(s.Name))
	id := hex.EncodeToString(sum[:])
	c := &Container{ID: id, Name: s.Name, Dir: filepath.Join(r.Containers(), id)}
	driver := s.Driver
	if driver == "" {
		driver = "json-file"
	}
	logPath := ""
	switch driver {
	case "json-file":
		c.Log = filepath.Join(c.Dir, id+"-json.log")
		logPath = c.Log
	case "local":
		c.Log = filepath.Join(c.Dir, "local-logs", "container.log")
	default:
		c.Log = filepath.Join(c.Dir, "container-cached.log")
	}
	if err := os.MkdirAll(filepath.Dir(c.Log), 0o710); err != nil {
		t.Fatal(err)
	}
	c.Append(t)
	object := func(name string, v any) {
		t.Helper()
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(t, name, string(text))
	}
	opts := s.Opts
	if opts == nil {
		opts = map[string]string{}
	}
	labels := s.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	object("hostconfig.json", map[string]any{"LogConfig": map[string]any{"Type": driver, "Config": opts}})
	state := map[string]any{"Running": !s.Stopped, "Pid": 1, "StartedAt": "2026-01-02T03:04:05Z"}
	if s.Stopped {
		state["Pid"] = 0
		state["FinishedAt"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	object("config.v2.json", map[string]any{
		"ID": id, "Name": "/" + s.Name, "LogPath": logPath, "Created": "2026-01-02T03:04:04Z", "State": state,
		"Config": map[string]any{"Image": "test:1", "Labels": labels, "Tty": s.TTY},
	})
	return c
}

// Write replaces a file in the container's directory, by renaming as the engine does.
func (c *Container) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(c.Dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Append writes to the live log with one system call, and makes the file if it is not there.
func (c *Container) Append(t testing.TB, records ...string) {
	t.Helper()
	f, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, r := range records {
		all = append(all, r...)
	}
	if _, err := f.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// JSON is a record of the json-file driver, with its line feed. text is the line,
// without one.
func JSON(at time.Time, text string) string {
	quoted, err := json.Marshal(text + "\n")
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{\"log\":%s,\"stream\":\"stdout\",\"time\":%q}\n", quoted, at.UTC().Format(time.RFC3339Nano))
}

// Frame is a record of the local driver and of the engine's cache.
func Frame(at time.Time, text string) string {
	var b []byte
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, "stdout")
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(at.UnixNano()))
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	b = protowire.AppendString(b, text)
	size := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	return string(size) + string(b) + string(size)
}
