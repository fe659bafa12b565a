package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// settled returns an .apk with its control part in one order and of one time. nfpm writes
// the scripts in any order, with the times of their files. An .apk is two archives one
// behind the other, control and data; the first has the sum of the second, and nothing has
// the sum of the first.
func settled(apk []byte, at time.Time) ([]byte, error) {
	rest := bytes.NewReader(apk)
	z, err := gzip.NewReader(rest)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	var control []entry
	for in := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		control = append(control, entry{h.Name, h.Mode, data})
	}
	const info = ".PKGINFO" // apk wants it first
	if !slices.ContainsFunc(control, func(e entry) bool { return e.name == info }) {
		return nil, fmt.Errorf("the package has no %s", info)
	}
	slices.SortFunc(control, func(a, b entry) int {
		switch info {
		case a.name:
			return -1
		case b.name:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	var cut bytes.Buffer
	t := tar.NewWriter(&cut)
	for _, e := range control {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: at, Format: tar.FormatUSTAR, Uname: "root", Gname: "root"}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(e.data); err != nil {
			return nil, err
		}
	}
	// Without the end that an archive has: it goes on with the data.
	if err := t.Flush(); err != nil {
		return nil, err
	}
	first, err := zipped(cut.Bytes())
	if err != nil {
		return nil, err
	}
	return append(first, apk[len(apk)-rest.Len():]...), nil
}
