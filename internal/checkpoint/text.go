package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// maxText bounds a text that is kept, in bytes.
const maxText = 8 << 20

// ReadText reads a text that is kept in a state directory; nil when there is none.
func ReadText(dir, name string) ([]byte, error) {
	text, err := readOwn(filepath.Join(dir, name), maxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// WriteText keeps a text in a state directory. It is on disk as a whole when this returns,
// and where that fails the one before is.
func WriteText(dir, name string, text []byte) error {
	fresh := filepath.Join(dir, name+".new")
	f, err := create(fresh, 0)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(fresh, filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return syncDir(dir)
}
