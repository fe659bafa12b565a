package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// MaxSize bounds a file, in bytes: a real one is a thousandth of this.
const MaxSize = 1 << 20

// maxDepth bounds how deeply a part is nested that is kept as it is: a real one has five
// levels.
const maxDepth = 32

// Pos is a place in a file, and the path of what is there, such as relabel_configs[2].regex.
// The path of the file itself is empty.
type Pos struct {
	File         string
	Line, Column int
	Path         string
}

// String returns the place as file:line:column.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error returns an error that begins with the place and the path.
func (p Pos) Error(text string) error {
	if p.Path == "" {
		return fmt.Errorf("%s: %s", p, text)
	}
	return fmt.Errorf("%s: %s: %s", p, p.Path, text)
}

// maxProblems is where reading a file ends that is something else.
const maxProblems = 1000

// problem is what is wrong at a place.
type problem struct {
	at  Pos
	err error
}

// Parse returns the root of a file, whose name is for errors. It is not there when the file
// is empty, or cannot be read at all: then the errors say why. What is wrong with a file that
// can be read is for Problems to say.
func Parse(name string, data []byte) (root Value, there bool, errs []error) {
	if err := checkBytes(name, data); err != nil {
		return root, false, []error{err}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return root, false, nil
	case err != nil:
		return root, false, []error{syntaxError(name, data, err)}
	}
	root = Later(Pos{File: name}, doc.Content[0])
	switch err := decoder.Decode(&second); {
	case err == nil:
		root.child(&second, "").Fail("second document: expected only one")
	case !errors.Is(err, io.EOF):
		errs = append(errs, syntaxError(name, data, err))
	}
	if n := root.Node; n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" {
		return root, false, errs
	}
	return root, root.plain(), errs
}
