package sample

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/rehearsal"
	"github.com/lighterman/lighterman/internal/suggest"
)

// The log options of the local driver, and of the engine's cache, where nobody has set them;
// json-file has one file without a bound.
const (
	localSize  = "20m"
	localFiles = "5"
)

// stored is what is known of the files of a container's log, nothing where it has none.
func stored(ctx context.Context, c *logs.Container, route logs.Route) (out suggest.Storage) {
	if route.Kind != logs.File {
		return out
	}
	if out.Driver = c.Driver; c.Driver != "json-file" && c.Driver != "local" {
		out.Prefix = "cache-"
	}
	size, files := c.DriverOptions[out.Prefix+"max-size"], c.DriverOptions[out.Prefix+"max-file"]
	if c.Driver != "json-file" {
		size, files = cmp.Or(size, localSize), cmp.Or(files, localFiles)
	}
	out.MaxSize, _ = units.FromHumanSize(size) // 0 where there is none, or no size
	out.MaxFile, _ = strconv.Atoi(cmp.Or(files, "1"))
	names, err := beneath.Names(filepath.Dir(route.Path))
	if err != nil {
		return suggest.Storage{}
	}
	oldest, number := route.Path, 0
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(filepath.Dir(route.Path), name))
		rest, is := strings.CutPrefix(name, filepath.Base(route.Path))
		if err != nil || !is || !info.Mode().IsRegular() {
			continue
		}
		suffix, compressed := strings.CutSuffix(strings.TrimPrefix(rest, "."), ".gz")
		n, err := strconv.Atoi(suffix)
		if rest != "" && (err != nil || n < 1) {
			continue
		}
		out.Files++
		if compressed {
			out.Bytes += max(out.MaxSize, info.Size())
		} else {
			out.Bytes += info.Size()
		}
		if n > number {
			oldest, number = filepath.Join(filepath.Dir(route.Path), name), n
		}
	}
	out.Oldest = firstTime(ctx, oldest)
	return out
}

// firstTime is the time of the first record of a file in Unix nanoseconds, 0 where it has none.
func firstTime(ctx context.Context, path string) (at int64) {
	f, _, err := beneath.OpenRegular(path)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found, err := rehearsal.Read(ctx, rehearsal.Source{From: f}, func(l rehearsal.Line) {
		if at == 0 {
			at = l.Time
		}
		cancel()
	})
	if found.Format == rehearsal.Plain || err != nil && at == 0 {
		return 0
	}
	return at
}
