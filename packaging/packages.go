package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // the formats that nfpm.Get knows
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages writes a package of each format for each platform.
func (r *release) packages(builds []build) error {
	recipe, err := os.ReadFile(filepath.Join(r.root, "packaging", "nfpm.yaml"))
	if err != nil {
		return err
	}
	for _, b := range builds {
		values := map[string]string{
			"ARCH": b.nfpm, "VERSION": r.version, "ROOT": r.root, "BINARY": b.binary, "COPYRIGHT": b.copyright,
			"FILES": filepath.Join(r.root, "packaging", "files"), "SHARED": filepath.Join(r.built, "shared"),
		}
		// nfpm itself expands some of its fields only.
		text := os.Expand(string(recipe), func(name string) string { return values[name] })
		for _, format := range []string{"deb", "rpm", "apk"} {
			if err := r.pack(text, format); err != nil {
				return fmt.Errorf("cannot make the %s for %s: %w", format, b.dir, err)
			}
		}
	}
	return nil
}

func (r *release) pack(recipe, format string) error {
	config, err := nfpm.Parse(strings.NewReader(recipe))
	if err != nil {
		return err
	}
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info.MTime = r.time
	if format == "apk" { // which has one line for it
		info.Description, _, _ = strings.Cut(info.Description, "\n")
	}
	info = nfpm.WithDefaults(info)
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := packager.Package(info, &out); err != nil {
		return err
	}
	data := out.Bytes()
	if format == "apk" {
		if data, err = settled(data, r.time); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(r.out, packager.ConventionalFileName(info)), data, 0o644)
}
