package hostfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lighterman/lighterman/internal/beneath"
)

// tree is the file system as one scan sees it: each directory is read once, and no link is
// followed.
type tree struct {
	listings map[string]listing
	// left is how many more names are read.
	left int
}

type listing struct {
	entries []fs.DirEntry
	err     error
}

// namesMost bounds the names that one scan reads: a glob may lead anywhere.
const namesMost = 200_000

var errTooMany = errors.New("the globs lead over too many names, the rest is not looked at: name the directories more closely")

func newTree() *tree { return &tree{listings: make(map[string]listing), left: namesMost} }

// read returns what is in a directory; with an error that is not all.
func (t *tree) read(dir string) ([]fs.DirEntry, error) {
	l, known := t.listings[dir]
	if !known {
		l.entries, l.err = t.list(dir)
		t.listings[dir] = l
	}
	return l.entries, l.err
}

func (t *tree) list(dir string) ([]fs.DirEntry, error) {
	if t.left <= 0 {
		return nil, errTooMany
	}
	f, err := beneath.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	entries, err := f.ReadDir(t.left)
	if errors.Is(err, io.EOF) {
		err = nil // it is empty
	}
	if t.left -= len(entries); t.left <= 0 {
		err = errTooMany
	}
	return entries, err
}

// below is what lies in a directory, for package doublestar.
type below struct {
	tree *tree
	root string
}

func (b below) path(name string) string { return filepath.Join(b.root, name) }

// Open implements fs.FS. Nothing is opened by it.
func (b below) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// Stat implements fs.StatFS. A link is not followed.
func (b below) Stat(name string) (fs.FileInfo, error) { return os.Lstat(b.path(name)) }

// ReadDir implements fs.ReadDirFS. The tree keeps what could not be read.
func (b below) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, _ := b.tree.read(b.path(name))
	return entries, nil
}

// glob calls found with the path below base of everything that a pattern names, links included.
func (t *tree) glob(base, pattern string, found func(name string, d fs.DirEntry)) error {
	return doublestar.GlobWalk(below{t, base}, pattern, func(name string, d fs.DirEntry) error {
		if !d.IsDir() {
			found(name, d)
		}
		return nil
	}, doublestar.WithNoFollow())
}

// split divides a pattern at the directory before its first wildcard.
func split(pattern string) (base, rest string) {
	base, rest = doublestar.SplitPattern(filepath.Clean(pattern))
	return base, rest
}

// existing returns the directory, or the nearest above it that there is.
func existing(dir string) string {
	for dir != "/" {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// ends reports whether the last part of a pattern says what a file is called, in full or by
// its ending.
func ends(pattern string) bool {
	last := filepath.Base(pattern)
	tail := last[strings.LastIndexAny(last, "*?]}")+1:]
	return strings.Trim(tail, ".") != ""
}
