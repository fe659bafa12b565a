// Packaging makes the files of a release from binaries that scripts/release has built:
// archives, packages for Debian, Fedora and Alpine, images, lists of what is in them, and
// checksums. What it writes depends on nothing but its input.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lighterman/lighterman/packaging/licence"
)

// release is what the files are made of.
type release struct {
	// root is the checkout; built has a binary for each platform, in a directory of its
	// name, and in shared what all have; out is where the files go.
	root, built, out string
	version          string
	// revision is the commit.
	revision string
	// time is that of the commit, and that of every file.
	time time.Time
}

// build is the binary of one platform.
type build struct {
	platform
	binary string
	// copyright is the file with the licences of what is in it.
	copyright string
	modules   []licence.Module
}

// platform is what a binary runs on.
type platform struct {
	// dir is its directory, as scripts/release calls it; nfpm its name there.
	dir, nfpm string
	// arch and variant are its names in images.
	arch, variant string
}

var platforms = []platform{
	{dir: "linux_amd64", nfpm: "amd64", arch: "amd64"},
	{dir: "linux_arm64", nfpm: "arm64", arch: "arm64"},
	{dir: "linux_armv7", nfpm: "arm7", arch: "arm", variant: "v7"},
	{dir: "linux_riscv64", nfpm: "riscv64", arch: "riscv64"},
}

func main() {
	var r release
	var epoch int64
	flag.StringVar(&r.root, "root", "..", "checkout")
	flag.StringVar(&r.built, "built", "", "directory of the binaries")
	flag.StringVar(&r.out, "out", "", "directory for the files")
	flag.StringVar(&r.version, "version", "", "version, such as 0.1.0")
	flag.StringVar(&r.revision, "revision", "", "commit")
	flag.Int64Var(&epoch, "epoch", 0, "time of the commit, in seconds")
	flag.Parse()
	r.time = time.Unix(epoch, 0).UTC()
	if err := r.make(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// make writes all files.
func (r *release) make() error {
	builds, err := r.builds()
	if err != nil {
		return err
	}
	steps := []func([]build) error{r.archives, r.packages, r.images, r.boms, r.checksums}
	for _, step := range steps {
		if err := step(builds); err != nil {
			return err
		}
	}
	return nil
}

// builds finds the binaries.
func (r *release) builds() (all []build, err error) {
	own, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	for _, p := range platforms {
		b := build{platform: p, binary: filepath.Join(r.built, p.dir, "lighterman"), copyright: filepath.Join(r.built, p.dir, "copyright")}
		if _, err := os.Stat(b.binary); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if b.modules, err = licence.Of(b.binary, r.root); err != nil {
			return nil, err
		}
		if err := os.WriteFile(b.copyright, []byte(licence.Copyright(string(own), b.modules)), 0o644); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no binary is below %q", r.built)
	}
	return all, nil
}

// file is the path of a file of the release, whose name ends so.
func (r *release) file(end string) string {
	return filepath.Join(r.out, "lighterman_"+r.version+"_"+strings.TrimPrefix(end, "_"))
}
