package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/test/lines"
)

// runAccount writes lines that say when they were written, and keeps count of
// them in a file, until SIGTERM. A container that is started again goes on with
// the numbers where it was.
func runAccount(ctx context.Context, o *options) error {
	dir, number, _ := strings.Cut(o.account, ":")
	container, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("cannot read -account: %w", err)
	}
	written, err := line.OpenWritten(filepath.Join(dir, number))
	if err != nil {
		return err
	}
	w, start := newWriter(0), time.Now()
	var text []byte
	for i := 0; ; i++ {
		pause(ctx, o.until(start, i))
		if ctx.Err() != nil {
			return written.Close()
		}
		k := written.Lines()
		text = line.AppendHeader(text[:0], line.Header{Written: time.Now().UnixNano(), Container: container, Number: k})
		text = append(text, lines.Text(o.tag, lines.Pattern(o.pattern), k)...)
		if err := w.line(lines.Stream(o.streams, k), string(text)); err != nil {
			return err
		}
		if err := written.Add(text); err != nil {
			return err
		}
	}
}
