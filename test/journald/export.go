package journald

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Entry is what journald has stored at once: a line, or a part of one.
type Entry struct {
	// Time is when journald received it, in Unix nanoseconds.
	Time   int64
	Stream string
	Text   string
	// Part says which line it is a part of; empty when it is a whole one. More
	// tells that it is not the last part.
	Part string
	More bool
}

// Entries returns what journalctl, a program of systemd's own, reads of a container,
// in the host's journal or in the directories given.
func Entries(id string, dirs ...string) ([]Entry, error) {
	args := []string{"--all", "--output=export", "--quiet", "CONTAINER_ID_FULL=" + id}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*", "*.journal*"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			args = append(args, "--file="+file)
		}
	}
	out, err := exec.Command("journalctl", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("cannot run journalctl: %w", err)
	}
	var all []Entry
	input := bufio.NewReader(bytes.NewReader(out))
	for {
		fields, err := fieldsOf(input)
		if _, ok := fields["MESSAGE"]; ok {
			all = append(all, entryOf(fields))
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read what journalctl says: %w", err)
		}
	}
}

func entryOf(fields map[string]string) Entry {
	micros, _ := strconv.ParseInt(fields["__REALTIME_TIMESTAMP"], 10, 64)
	e := Entry{Time: micros * 1000, Stream: "stdout", Text: fields["MESSAGE"], Part: fields["CONTAINER_PARTIAL_ID"]}
	if fields["PRIORITY"] == "3" {
		e.Stream = "stderr"
	}
	e.More = fields["CONTAINER_PARTIAL_MESSAGE"] == "true"
	return e
}

// fieldsOf reads an entry of the journal's export format: NAME=value, or NAME
// and on the next lines a 64-bit little-endian size and as many bytes; a blank
// line ends it.
func fieldsOf(input *bufio.Reader) (map[string]string, error) {
	fields := map[string]string{}
	for {
		text, err := input.ReadString('\n')
		if err != nil {
			return fields, err
		}
		text = strings.TrimSuffix(text, "\n")
		if text == "" {
			return fields, nil
		}
		if name, value, ok := strings.Cut(text, "="); ok {
			fields[name] = value
			continue
		}
		var size uint64
		if err := binary.Read(input, binary.LittleEndian, &size); err != nil {
			return fields, err
		}
		value := make([]byte, size+1)
		if _, err := io.ReadFull(input, value); err != nil {
			return fields, err
		}
		fields[text] = string(value[:size])
	}
}
