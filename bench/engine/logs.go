package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/logs"
)

// follower sends one log, as frames with timestamps, the way the engine does.
type follower struct {
	file       *os.File
	to         http.ResponseWriter
	since      int64
	timestamps bool
	decoder    jsonfile.Decoder
	buf, out   []byte
}

func (e *Engine) logs(w http.ResponseWriter, r *http.Request) {
	c := e.container(w, r)
	if c == nil {
		return
	}
	file, err := os.Open(e.path(c))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = file.Close() }()
	query := r.URL.Query()
	f := &follower{file: file, to: w, since: unix(query.Get("since")), timestamps: isTrue(query.Get("timestamps"))}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	f.run(r.Context(), isTrue(query.Get("follow")), e.pollInterval)
}

func isTrue(text string) bool { return text == "1" || text == "true" }

// unix reads seconds with a fraction as nanoseconds; 0 when there are none.
func unix(text string) int64 {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, _ := strconv.ParseInt(whole, 10, 64)
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return seconds*int64(time.Second) + nanos
}

func (f *follower) run(ctx context.Context, follow bool, poll time.Duration) {
	chunk := make([]byte, 64<<10)
	for {
		n, err := f.file.Read(chunk)
		f.buf = append(f.buf, chunk[:n]...)
		if !f.send() {
			return
		}
		switch {
		case err == nil:
		case err != io.EOF || !follow:
			return
		default:
			select {
			case <-time.After(poll):
			case <-ctx.Done():
				return
			}
		}
	}
}

// send sends the whole lines; it is false when nobody listens any more.
func (f *follower) send() bool {
	f.out = f.out[:0]
	for {
		end := bytes.IndexByte(f.buf, '\n')
		if end < 0 {
			break
		}
		var r logs.Record
		if _, _, err := f.decoder.Decode(f.buf[:end], &r); err == nil && r.Time >= f.since {
			f.frame(r)
		}
		f.buf = f.buf[end+1:]
	}
	if len(f.out) == 0 {
		return true
	}
	_, err := f.to.Write(f.out)
	return err == nil && http.NewResponseController(f.to).Flush() == nil
}

// frame appends {type, 0, 0, 0, length}, and the timestamp with nine digits.
func (f *follower) frame(r logs.Record) {
	start := len(f.out)
	f.out = append(f.out, byte(r.Stream)+1, 0, 0, 0, 0, 0, 0, 0)
	if f.timestamps {
		f.out = time.Unix(0, r.Time).UTC().AppendFormat(f.out, "2006-01-02T15:04:05.000000000Z ")
	}
	f.out = append(f.out, r.Text...)
	binary.BigEndian.PutUint32(f.out[start+4:], uint32(len(f.out)-start-8))
}
