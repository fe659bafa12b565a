package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive, or a directory, whose name ends in a slash.
type entry struct {
	name string
	mode int64
	data []byte
}

// from is an entry with what is in a file.
func from(name string, mode int64, file string) (entry, error) {
	data, err := os.ReadFile(file)
	return entry{name, mode, data}, err
}

// writeTar writes entries as root's, of one time, in their order.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: at, Format: tar.FormatPAX}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(e.data); err != nil {
			return err
		}
	}
	return t.Close()
}

// zipped compresses, without name and time.
func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// archives writes a .tar.gz for each platform, for those who install by hand.
func (r *release) archives(builds []build) error {
	for _, b := range builds {
		top := fmt.Sprintf("lighterman_%s_%s/", r.version, b.dir)
		files, shared := filepath.Join(r.root, "packaging", "files"), filepath.Join(r.built, "shared")
		entries := []entry{{name: top, mode: 0o755}}
		for _, f := range []struct {
			name string
			mode int64
			file string
		}{
			{"lighterman", 0o755, b.binary},
			{"copyright", 0o644, b.copyright},
			{"README.md", 0o644, filepath.Join(r.root, "README.md")},
			{"CHANGELOG.md", 0o644, filepath.Join(r.root, "CHANGELOG.md")},
			{"config.yaml", 0o644, filepath.Join(files, "config.yaml")},
			{"lighterman.service", 0o644, filepath.Join(files, "lighterman.service")},
			{"lighterman.1.gz", 0o644, filepath.Join(shared, "lighterman.1.gz")},
			{"lighterman-config.5.gz", 0o644, filepath.Join(shared, "lighterman-config.5.gz")},
			{"lighterman.bash", 0o644, filepath.Join(shared, "lighterman.bash")},
			{"lighterman.zsh", 0o644, filepath.Join(shared, "lighterman.zsh")},
			{"lighterman.fish", 0o644, filepath.Join(shared, "lighterman.fish")},
		} {
			e, err := from(top+f.name, f.mode, f.file)
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		var plain bytes.Buffer
		if err := writeTar(&plain, entries, r.time); err != nil {
			return err
		}
		data, err := zipped(plain.Bytes())
		if err != nil {
			return err
		}
		if err := os.WriteFile(r.file(b.dir+".tar.gz"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// checksums writes SHA256SUMS, as sha256sum -c takes it.
func (r *release) checksums([]build) error {
	const name = "SHA256SUMS"
	files, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var lines []string
	for _, f := range files {
		if f.Name() == name || !f.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.out, f.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), f.Name()))
	}
	slices.Sort(lines)
	return os.WriteFile(filepath.Join(r.out, name), []byte(strings.Join(lines, "")), 0o644)
}
