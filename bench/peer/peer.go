package peer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Peer describes a collector: a file in bench/peers. Texts are templates over a
// Place.
type Peer struct {
	Name string
	// Program is looked for on PATH; --program NAME=PATH names another.
	Program string
	Args    []string
	Env     []string
	// Files are written to the work directory before the start.
	Files map[string]string
	// Metrics is the URL of Prometheus metrics; it may be empty.
	Metrics string
	// Ready is the URL that answers 200 once it is ready; it may be empty.
	Ready string
	// NoTimes tells that it does not keep the records' timestamps.
	NoTimes bool `yaml:"no-times"`
	// Module is the Go module whose version is the program's, as the program itself
	// was built from; without, the program is called with the arguments of Version, and
	// the first line of what it prints is it.
	Module  string
	Version []string
	// Variants are arguments that a scenario of that name adds. A scenario that
	// needs one leaves out who has none.
	Variants map[string][]string
}

// Load reads the descriptions in a directory.
func Load(dir string) ([]*Peer, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var out []*Peer
	for _, path := range paths {
		p, err := load(path)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func load(path string) (*Peer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read peer: %w", err)
	}
	p := &Peer{Name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("cannot read peer %q: %w", path, err)
	}
	if p.Program == "" {
		return nil, fmt.Errorf("cannot read peer %q: no program", path)
	}
	return p, nil
}

// prepare writes a peer's files.
func (p *Peer) prepare(at *Place) error {
	for name, text := range p.Files {
		filled, err := at.Fill(text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(at.Work, name), []byte(filled), 0o644); err != nil {
			return fmt.Errorf("cannot prepare %s: %w", p.Name, err)
		}
	}
	return nil
}
