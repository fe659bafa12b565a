package target

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// localFrame is a record of the local driver.
func localFrame(text string) string {
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "stderr")
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), 1_700_000_000_000_000_000)
	b = protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), text)
	size := string(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	return size + string(b) + size
}

// TestD3FirstByte: only what is surely of another format is refused. All else is read,
// whatever a log begins with.
func TestD3FirstByte(t *testing.T) {
	const record = `{"log":"x\n","stream":"stdout","time":"2025-11-07T12:00:00.123Z"}` + "\n"
	const cri = "2025-11-07T12:00:00.123456789+01:00 stdout F x\n"
	frame := localFrame("x")
	zeros, garbage := strings.Repeat("\x00", 10000), strings.Repeat("no record. ", 10000)
	for _, test := range []struct{ name, json, frames string }{
		{"plain", record, frame},
		{"empty", "", ""},
		{"emptied by echo", "\n" + record, "\n" + frame},
		{"emptied by echo, nothing since", "\n", "\n"},
		{"from the middle of a record", record[20:] + record, frame[9:] + frame},
		{"from the middle of a long one", garbage + record[20:] + record, garbage + frame},
		{"the middle of one only", record[20:], frame[9:]},
		{"the beginning of one only", record[:5], frame[:3]},
		{"zeros", zeros, zeros},
		{"a zero", "\x00", "\x00"},
		{"zeros before", zeros + record, zeros + frame},
		{"garbage", garbage, garbage},
		{"garbage before", "x" + record, "x" + frame},
		{"a byte order mark", "\ufeff" + record, "\ufeff" + frame},
		{"spaces", "   " + record, "   " + frame},
		{"CR LF", "\r\n" + record, "\r\n" + frame},
		{"no line feed", strings.TrimSuffix(record, "\n"), frame + "\n"},
		{"Docker's lines that quote CRI's", cri + record, cri + frame},
		{"other JSON", `{"time":"2025-11-07T12:00:00.123Z","stream":"stdout"}` + "\n", "{}"},
		{"a line that says what CRI's do", `{"log":"` + cri, "2025-11-07 stdout F"},
	} {
		for driver, content := range map[string]string{"json-file": test.json, "local": test.frames, "syslog": test.frames} {
			p := host(t, &content)
			c := &logs.Container{ID: "id", Driver: driver, StartedAt: time.Now()}
			if got := p.Decide(c); got.Kind != logs.File {
				t.Errorf("%s of %s: %+v", test.name, driver, got)
			}
		}
	}
	for driver, contents := range map[string][]string{
		"json-file": {cri, "torn\n" + cri, "2025-11-07T12:00:00Z stderr P x\n", frame, frame[9:] + frame},
		"local":     {cri, "torn\n" + cri, record, record[20:] + record},
	} {
		for _, content := range contents {
			p := host(t, &content)
			c := &logs.Container{ID: "id", Driver: driver, StartedAt: time.Now()}
			if got := p.Decide(c); got.Kind != logs.API || !strings.Contains(got.Reason, "the file does not hold") {
				t.Errorf("%q of %s: %+v", content, driver, got)
			}
		}
	}
}
