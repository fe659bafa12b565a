package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// View is what a state directory had when it was looked at.
type View struct {
	Records map[string]Record
	// Born is when the directory was first used; zero where nothing has used it.
	Born time.Time
}

// Look reads a state directory without its lock, beside the process that uses it, and
// writes nothing. Unlike Open it takes files whoever owns them: nothing follows from what
// they have but what is said of it.
func Look(dir string) (*View, error) {
	out := &View{Records: make(map[string]Record)}
	info, err := os.Lstat(filepath.Join(dir, bornName))
	switch {
	case err == nil:
		out.Born = info.ModTime()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot read the state directory %q: %w", dir, err)
	}
	var all [copies]contents
	var problems error
	// The newer one first: what is renamed meanwhile is then seen at least once.
	for i, name := range names {
		data, err := readAny(filepath.Join(dir, name), maxFileSize)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = errors.Join(problems, err)
			}
			continue
		}
		all[i] = decode(data)
		if all[i].records == nil {
			problems = errors.Join(problems, fmt.Errorf("%s: %w", name, all[i].problem))
		}
	}
	best := newest(all)
	if best < 0 && problems != nil {
		return nil, fmt.Errorf("cannot read positions from %q: %w", dir, problems)
	}
	if best >= 0 {
		for id, r := range all[best].records {
			out.Records[id] = r.export(id)
		}
	}
	return out, nil
}

// LookText reads a text of a state directory as Look does; nil when there is none.
func LookText(dir, name string) ([]byte, error) {
	text, err := readAny(filepath.Join(dir, name), maxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// readAny reads a regular file of at most limit bytes, of whatever owner.
func readAny(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB, which lighterman never writes", path, limit>>20)
	}
	return data, err
}
