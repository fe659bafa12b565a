package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1" // apk's own sums
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAPK: the package for Alpine is what apk takes, which is not to be had here: a part that
// says what it is, with the scripts, and without the end that an archive has; behind it the
// files, each with its sum, and the sum of them all in the first part.
func TestAPK(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(only(t, made(t, "0.1.0"), ours("apk")))
	if err != nil {
		t.Fatal(err)
	}
	rest := bytes.NewReader(data)
	z, err := gzip.NewReader(rest)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	control, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(control); n%512 != 0 || bytes.Equal(control[n-512:], make([]byte, 512)) {
		t.Errorf("the first part, of %d bytes, has the end of an archive", n)
	}
	parts := bytes.Clone(data[len(data)-rest.Len():])
	headers, texts := unpacked(t, bytes.NewReader(control))
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
	}
	if want := []string{".PKGINFO", ".post-deinstall", ".post-install", ".post-upgrade", ".pre-deinstall"}; !slices.Equal(names, want) {
		t.Errorf("the first part has %q", names)
	}
	for line := range strings.Lines(texts[0]) {
		if !strings.Contains(line, " = ") {
			t.Errorf("apk understands no line such as %q", line)
		}
	}
	if want := fmt.Sprintf("datahash = %x\n", sha256.Sum256(parts)); !strings.Contains(texts[0], want) || !strings.Contains(texts[0], "pkgver = 0.1.0\n") {
		t.Errorf("no %q in\n%s", want, texts[0])
	}

	z, err = gzip.NewReader(bytes.NewReader(parts))
	if err != nil {
		t.Fatal(err)
	}
	headers, texts = unpacked(t, z)
	found := make(map[string]bool)
	for i, h := range headers {
		if h.Typeflag != tar.TypeReg {
			continue
		}
		found[h.Name] = true
		if sum := fmt.Sprintf("%x", sha1.Sum([]byte(texts[i]))); h.PAXRecords["APK-TOOLS.checksum.SHA1"] != sum {
			t.Errorf("%s has the sum %s, and says %q", h.Name, sum, h.PAXRecords)
		}
		if h.Uid != 0 || h.ModTime.Unix() != 1700000000 {
			t.Errorf("%s is of user %d and time %v", h.Name, h.Uid, h.ModTime)
		}
	}
	for _, want := range []string{"usr/bin/lighterman", "etc/init.d/lighterman", "etc/lighterman/config.yaml", "usr/share/man/man1/lighterman.1.gz"} {
		if !found[want] {
			t.Errorf("%s is not in it", want)
		}
	}
}

// unpacked reads an archive to its end.
func unpacked(t testing.TB, from io.Reader) (headers []*tar.Header, texts []string) {
	t.Helper()
	for in := tar.NewReader(from); ; {
		h, err := in.Next()
		if err == io.EOF {
			return headers, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		headers, texts = append(headers, h), append(texts, string(text))
	}
}
