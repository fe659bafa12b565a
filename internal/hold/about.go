package hold

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// aboutName is the file beside the links of a container that keeps what Describe was
// told, and newAboutName is the next one while it is written.
const (
	aboutName    = "about"
	newAboutName = "about.new"
)

// maxAbout bounds what is read of it, in bytes.
const maxAbout = 256 << 10

// Describe keeps about beside the links, for as long as there are any: what the log
// is delivered with, when nothing else is left of a container.
func (h *Hold) Describe(id string, about []byte) {
	b := h.known(id)
	if b == nil || h.config.Dir == nil {
		return
	}
	b.turn.Lock()
	defer b.turn.Unlock()
	b.kept = b.kept && bytes.Equal(b.about, about)
	h.mu.Lock()
	b.about = about
	h.mu.Unlock()
	b.describe()
}

// About returns what Describe was told of a container, by this process or an earlier
// one; nil when nothing is known.
func (h *Hold) About(id string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b := h.boxes[id]; b != nil {
		return b.about
	}
	return nil
}

// describe writes about, where there are links and it is not there yet. The turn is held.
func (b *Box) describe() {
	if len(b.about) == 0 || len(b.about) > maxAbout || b.kept || !b.linked() {
		return
	}
	err := b.hold.config.Dir.describe(b.id, b.about)
	b.kept = err == nil
	if err == nil {
		return
	}
	h := b.hold
	h.mu.Lock()
	// The next link tries again; it would say the same.
	said, log := h.undescribed != nil && h.undescribed.Error() == err.Error(), b.log
	h.undescribed = err
	h.mu.Unlock()
	if !said {
		log.Warn("cannot write labels to hold-dir, they are kept in the state directory only", "error", err)
	}
}

// describe replaces what is kept about a container. It is not synced: it has to
// survive a crash of ours, and after one of the machine the positions are there.
func (d *Dir) describe(id string, about []byte) error {
	box, err := d.box(id)
	if err != nil {
		return err
	}
	defer func() { _ = box.Close() }()
	// Never into what has that name already.
	if err := unix.Unlinkat(int(box.Fd()), newAboutName, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "remove", Path: filepath.Join(d.path, id, newAboutName), Err: err}
	}
	fd, err := unix.Openat(int(box.Fd()), newAboutName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(d.path, id, newAboutName), Err: err}
	}
	f := os.NewFile(uintptr(fd), newAboutName)
	_, err = f.Write(about)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = unix.Renameat(int(box.Fd()), newAboutName, int(box.Fd()), aboutName)
	}
	if err != nil {
		_ = unix.Unlinkat(int(box.Fd()), newAboutName, 0)
		return fmt.Errorf("cannot write %s: %w", filepath.Join(d.path, id, aboutName), err)
	}
	return nil
}

// about reads what is kept about a container; nil when there is nothing to be read.
func (d *Dir) about(id string) []byte {
	f, err := d.open(id, aboutName)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxAbout+1))
	if err != nil || len(text) > maxAbout {
		return nil
	}
	return text
}
