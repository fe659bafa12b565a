package hold

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// find takes over what an earlier process has left, however it ended: links of
// files delivered or not, empty directories, and what is not ours, which is
// named and left alone.
func (h *Hold) find() {
	dir := h.config.Dir
	root, err := os.Open(dir.path)
	if err != nil {
		h.config.Log.Warn("cannot read hold-dir", "error", err)
		return
	}
	defer func() { _ = root.Close() }()
	ids, others, err := names(root, idPattern.MatchString)
	if err != nil {
		h.config.Log.Warn("cannot read hold-dir", "error", err)
		return
	}
	h.ignore(dir.path, slices.DeleteFunc(others, func(name string) bool { return name == ConsoleName || name == OutputsName }))
	for _, id := range ids { // nobody else knows us yet
		h.findBox(id)
	}
	if h.links > 0 {
		h.config.Log.Info("found log files that the previous run kept", "containers", len(h.boxes), "files", h.links, "bytes_only_here", h.bytes)
	}
}

// ConsoleName is the name of the directory within a hold-dir that keeps what
// standard output has not seen.
const ConsoleName = "stdout"

// OutputsName is the name of the one that has a directory for each further output.
const OutputsName = "outputs"

// findBox fills the box of one container.
func (h *Hold) findBox(id string) {
	dir, err := h.config.Dir.box(id)
	if err != nil {
		h.config.Log.Warn("ignored an entry of hold-dir", "error", err)
		return
	}
	defer func() { _ = dir.Close() }()
	list, others, err := names(dir, func(name string) bool { _, ok := numberOf(name); return ok })
	if err != nil {
		h.config.Log.Warn("cannot read hold-dir", "error", err)
		return
	}
	var files []*File
	b := &Box{hold: h, id: id, log: h.config.Log.With("id", id[:12])}
	for _, name := range list {
		var st unix.Stat_t
		err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			others = append(others, name)
			continue
		}
		number, _ := numberOf(name)
		b.next = max(b.next, number+1)
		files = append(files, &File{box: b, link: name, number: number, numbered: true})
	}
	h.ignore(filepath.Join(h.config.Dir.path, id), slices.DeleteFunc(others, isAbout))
	if len(files) == 0 {
		h.config.Dir.remove(id)
		return
	}
	slices.SortStableFunc(files, func(a, b *File) int { return cmp.Compare(a.number, b.number) })
	b.files, b.about = files, h.config.Dir.about(id)
	b.kept = b.about != nil
	h.boxes[id] = b
	h.links += len(files)
	for _, f := range slices.Clone(files) {
		f.count(false)
	}
}

func isAbout(name string) bool { return name == aboutName || name == newAboutName }

// ignore names what is not ours.
func (h *Hold) ignore(dir string, others []string) {
	if len(others) > 0 {
		h.config.Log.Warn("ignored a directory in hold-dir that lighterman did not make", "directory", dir,
			"names", others[:min(len(others), 5)], "number", len(others))
	}
}
