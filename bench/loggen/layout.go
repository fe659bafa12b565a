package loggen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Layout is a data root of Docker's with containers that log to json-files.
type Layout struct {
	// Root is the data root: the logs are in Root/containers.
	Root string
	// Containers are numbered from 0 on.
	Containers int
}

// Name returns the name of container number i.
func Name(i int) string { return fmt.Sprintf("bench-%05d", i) }

// ID returns the ID of container number i.
func ID(i int) string {
	sum := sha256.Sum256([]byte(Name(i)))
	return hex.EncodeToString(sum[:])
}

// Dir returns the directory of container number i.
func (l *Layout) Dir(i int) string { return filepath.Join(l.Root, "containers", ID(i)) }

// Log returns the path of the live log file of container number i.
func (l *Layout) Log(i int) string { return filepath.Join(l.Dir(i), ID(i)+"-json.log") }

// Create makes the directories of containers, running since a moment, with empty
// logs.
func Create(root string, containers int, since time.Time) (*Layout, error) {
	l := &Layout{Root: root, Containers: containers}
	for i := range containers {
		if err := l.create(i, since); err != nil {
			return nil, fmt.Errorf("cannot make container: %w", err)
		}
	}
	return l, nil
}

func (l *Layout) create(i int, since time.Time) error {
	if err := os.MkdirAll(l.Dir(i), 0o710); err != nil {
		return err
	}
	f, err := os.OpenFile(l.Log(i), os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(l.Dir(i), "hostconfig.json"), hostConfig()); err != nil {
		return err
	}
	return writeJSON(filepath.Join(l.Dir(i), "config.v2.json"), l.config(i, since))
}

// stop notes that a container has ended, as Docker does.
func (l *Layout) stop(i int, since time.Time) error {
	config := l.config(i, since)
	state, ok := config["State"].(object)
	if !ok {
		return errors.New("a configuration without a state")
	}
	state["Running"], state["Pid"], state["FinishedAt"] = false, 0, time.Now().UTC().Format(time.RFC3339Nano)
	return writeJSON(filepath.Join(l.Dir(i), "config.v2.json"), config)
}

// Rotate renames the log of each container, as Docker does with one that has its largest
// size, and begins a new one.
func (l *Layout) Rotate() error {
	for i := range l.Containers {
		err := os.Rename(l.Log(i), l.Log(i)+".1")
		if err == nil {
			err = os.WriteFile(l.Log(i), nil, 0o640)
		}
		if err != nil {
			return fmt.Errorf("cannot rotate log: %w", err)
		}
	}
	return nil
}

type object = map[string]any

func hostConfig() object {
	return object{
		"LogConfig":     object{"Type": "json-file", "Config": object{}},
		"RestartPolicy": object{"Name": "always", "MaximumRetryCount": 0},
		"AutoRemove":    false,
		"NetworkMode":   "none",
	}
}

// config has the fields that Docker's own file has and an agent may look at.
func (l *Layout) config(i int, since time.Time) object {
	service := fmt.Sprintf("service-%d", i%20)
	return object{
		"ID":      ID(i),
		"Name":    "/" + Name(i),
		"Created": since.UTC().Format(time.RFC3339Nano),
		"Path":    "/app",
		"Args":    []string{},
		"Driver":  "overlay2",
		"LogPath": l.Log(i),
		"Image":   "sha256:" + strings.Repeat("ab", sha256.Size),
		"State": object{
			"Running": true, "Paused": false, "Restarting": false, "Dead": false, "Pid": 1, "ExitCode": 0,
			"StartedAt": since.UTC().Format(time.RFC3339Nano), "FinishedAt": "0001-01-01T00:00:00Z",
		},
		"Config": object{
			"Hostname": ID(i)[:12], "Image": "bench/app:1", "Tty": false, "Env": []string{"PATH=/bin"},
			"Labels": map[string]string{"com.docker.compose.project": "bench", "com.docker.compose.service": service},
		},
		"RestartCount":           0,
		"HasBeenStartedBefore":   true,
		"HasBeenManuallyStopped": false,
	}
}

// writeJSON writes a file as Docker does: under another name, then renamed.
func writeJSON(path string, value object) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), ".tmp-"+filepath.Base(path))
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
