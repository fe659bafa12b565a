package journalfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

// wanted is what every entry of the files that these tests read has.
const wanted = "CONTAINER_ID_FULL=0123456789012345678901234567890123456789012345678901234567890123"

// text is longer than what journald leaves uncompressed.
var text = strings.Repeat("a line that is so long that it is compressed ", 20)

// made makes a journal file of 300 entries, of which a third has wanted.
func made(t testing.TB, env ...string) []byte {
	t.Helper()
	d := journald.Start(t, env...)
	c, other := d.Container(t, wanted[len("CONTAINER_ID_FULL="):]), d.Container(t, strings.Repeat("f", 64))
	for i := range 100 {
		c.Line("stdout", fmt.Sprint("line ", i))
		other.Line("stderr", "another's")
		other.Line("stdout", text)
	}
	var content []byte
	wait.For(t, waits, "journald to write 300 entries", func() bool {
		var err error
		if content, err = os.ReadFile(filepath.Join(d.Run(), journald.MachineID, "system.journal")); err != nil {
			t.Fatal(err)
		}
		f, err := Open(bytes.NewReader(content))
		if err != nil {
			return false
		}
		s, err := f.State()
		return err == nil && s.Entries >= 300 && len(messages(t, f, wanted)) == 100
	})
	return content
}

// messages reads the messages of all entries that have data.
func messages(t testing.TB, f *File, data string) (out []string) {
	t.Helper()
	var c Cache
	at, err := f.Find(&c, []byte(data))
	if err != nil || at == 0 {
		return nil
	}
	n, err := f.Count(at)
	if err != nil {
		t.Fatal(err)
	}
	k := Entries(at)
	for ; k.Taken() < n; k.Advance() {
		e, err := f.Entry(&c, &k)
		if err != nil {
			t.Fatal(err)
		}
		fields, err := f.Fields(&c, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range fields {
			got, err := f.Payload(&c, field, MaxPayload)
			if err != nil {
				t.Fatal(err)
			}
			if message, ok := bytes.CutPrefix(got, []byte("MESSAGE=")); ok {
				out = append(out, string(message))
			}
		}
	}
	return out
}

func TestReal(t *testing.T) {
	for name, env := range map[string]string{"compact": "SYSTEMD_JOURNAL_COMPACT=1", "regular": "SYSTEMD_JOURNAL_COMPACT=0", "lookup3": "SYSTEMD_JOURNAL_KEYED_HASH=0"} {
		t.Run(name, func(t *testing.T) {
			f, err := Open(bytes.NewReader(made(t, env)))
			if err != nil {
				t.Fatal(err)
			}
			if f.compact != (name != "regular") || f.keyed != (name != "lookup3") {
				t.Errorf("compact %v, keyed %v", f.compact, f.keyed)
			}
			got := messages(t, f, wanted)
			for i, m := range got {
				if want := fmt.Sprint("line ", i); m != want {
					t.Fatalf("message %d is %q", i, m)
				}
			}
			if others := messages(t, f, "CONTAINER_ID_FULL="+strings.Repeat("f", 64)); len(others) != 200 || !slices.Contains(others, text) {
				t.Errorf("%d messages of the other", len(others))
			}
			if got := messages(t, f, "CONTAINER_ID_FULL=none"); got != nil {
				t.Errorf("%q of nobody", got)
			}
			seekAll(t, f)
		})
	}
}

// seekAll looks for every entry by its number.
func seekAll(t *testing.T, f *File) {
	t.Helper()
	var c Cache
	at, err := f.Find(&c, []byte(wanted))
	if err != nil {
		t.Fatal(err)
	}
	var all []uint64
	for k := Entries(at); k.Taken() < 100; k.Advance() {
		e, err := f.Entry(&c, &k)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Seqnum)
	}
	for i, seqnum := range append(all, all[99]+1) {
		k := Entries(at)
		if err := f.Seek(&c, &k, 100, func(e Entry) bool { return e.Seqnum < seqnum }); err != nil || int(k.Taken()) != i {
			t.Errorf("entry %d is found at %d (%v)", i, k.Taken(), err)
		}
	}
}

// TestCompression: data that was made to be compressed by LZ4 is read, and of XZ it
// is said.
func TestCompression(t *testing.T) {
	plain := written(false)
	f, err := Open(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	message := "MESSAGE=" + strings.Repeat("x", 400)
	var c Cache
	at, err := f.Find(&c, []byte(message))
	if err != nil || at == 0 {
		t.Fatalf("no message (%v)", err)
	}
	var compressor lz4.Compressor
	block := make([]byte, lz4.CompressBlockBound(len(message)))
	n, err := compressor.CompressBlock([]byte(message), block)
	if err != nil || n == 0 {
		t.Fatal(err)
	}
	for by, want := range map[byte]error{compressedLZ4: nil, compressedXZ: ErrUnsupported, compressedLZ4 | compressedZstd: ErrCorrupt} {
		packed := bytes.Clone(plain)
		packed[at+1] = by
		binary.LittleEndian.PutUint64(packed[at+8:], uint64(f.payload()+8+n))
		payload := packed[at+uint64(f.payload()):]
		binary.LittleEndian.PutUint64(payload, uint64(len(message)))
		copy(payload[8:], block[:n])
		again, err := Open(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		var c Cache
		got, err := again.Payload(&c, at, MaxPayload)
		if !errors.Is(err, want) || err == nil && string(got) != message {
			t.Errorf("compression %d: %q, %v", by, got, err)
		}
	}
}

// TestHashes: known results of both.
func TestHashes(t *testing.T) {
	var key logs.ID128
	var data []byte
	for i := range key {
		key[i] = byte(i)
		if i < 15 {
			data = append(data, byte(i))
		}
	}
	// The example of the paper on SipHash.
	if got := sipHash(key, data); got != 0xa129ca6149be45e5 {
		t.Errorf("SipHash is %x", got)
	}
	// The examples in the source of lookup3.
	for in, want := range map[string]uint64{"": 0xdeadbeefdeadbeef, "Four score and seven years ago": 0x17770551ce7226e6} {
		if got := lookup3([]byte(in)); got != want {
			t.Errorf("lookup3 of %q is %x, want %x", in, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := written(false)
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   error
	}{
		"empty":           {func([]byte) []byte { return nil }, ErrNotYet},
		"zeros":           {func(b []byte) []byte { return make([]byte, len(b)) }, ErrNotYet},
		"half a header":   {func(b []byte) []byte { return b[:100] }, ErrNotYet},
		"another file":    {func(b []byte) []byte { b[0]++; return b }, ErrCorrupt},
		"newer":           {func(b []byte) []byte { b[headerIncompatible] |= 0x80; return b }, ErrUnsupported},
		"no table yet":    {func(b []byte) []byte { copy(b[headerHashTable:], make([]byte, 8)); return b }, ErrNotYet},
		"table in header": {func(b []byte) []byte { copy(b[headerHashTable:], []byte{8, 0, 0}); return b }, ErrCorrupt},
		"small header":    {func(b []byte) []byte { copy(b[headerHeaderSize:], []byte{8, 0}); return b }, ErrCorrupt},
	} {
		if _, err := Open(bytes.NewReader(c.change(bytes.Clone(good)))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzFile: no file makes reading panic, hang, or need much memory. The input is a
// list of changes to a sound file: an offset, and eight bytes to write there.
func FuzzFile(f *testing.F) {
	for _, compact := range []bool{false, true} {
		good := written(compact)
		whole := uint32(len(good))
		f.Add([]byte(nil), whole, compact)
		f.Add(patch(headerHashTable, 4096), whole, compact)
		for _, offset := range places(f, good) {
			f.Add(patch(offset, 0), whole, compact)
			f.Add(patch(offset, ^uint64(0)), whole, compact)
			f.Add(patch(offset, offset&^7), whole, compact)
			f.Add([]byte(nil), uint32(offset), compact)
		}
	}
	f.Fuzz(func(_ *testing.T, changes []byte, size uint32, compact bool) {
		content := written(compact)
		for ; len(changes) >= 12; changes = changes[12:] {
			copy(content[int(binary.LittleEndian.Uint32(changes))%len(content):], changes[4:12])
		}
		content = content[:min(int(size), len(content))]
		file, err := Open(bytes.NewReader(content))
		if err != nil {
			return
		}
		readAll(file)
	})
}

func patch(offset, value uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, uint32(offset)), value)
}

// places are where a small change does most.
func places(t testing.TB, good []byte) []uint64 {
	file, err := Open(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	var c Cache
	data, err := file.Find(&c, []byte(wanted))
	if err != nil || data == 0 {
		t.Fatalf("no entries in the sample (%v)", err)
	}
	k := Entries(data)
	k.Advance()
	if _, err := file.Entry(&c, &k); err != nil {
		t.Fatal(err)
	}
	first, err := file.reference(&c, data, typeData, dataFirstEntry)
	if err != nil {
		t.Fatal(err)
	}
	return []uint64{
		data, data + 8, data + dataNextHash, data + dataFirstEntry, data + dataArray, data + dataCount,
		k.array, k.array + 8, k.array + arrayNext, k.array + arrayItems, first, first + 8, first + entryItems,
	}
}

// readAll does all that can be done with a file, and bears with what it says.
func readAll(f *File) {
	var c Cache
	readChain(f, &c, All())
	if at, err := f.Find(&c, []byte(wanted)); err == nil && at != 0 {
		readChain(f, &c, Entries(at))
	}
}

func readChain(f *File, c *Cache, k Cursor) {
	n, err := f.Count(k.Data())
	if err != nil {
		return
	}
	seek := k
	_ = f.Seek(c, &seek, n, func(e Entry) bool { return e.Seqnum < 1<<20 })
	for i := 0; k.Taken() < n && i < 1000; k.Advance() {
		i++
		e, err := f.Entry(c, &k)
		if err != nil {
			continue
		}
		fields, _ := f.Fields(c, e, nil)
		for _, field := range fields {
			_, _ = f.Payload(c, field, 100)
			_, _ = f.Payload(c, field, MaxPayload)
		}
	}
}

// TestSample: what the tests of broken files begin with is a sound one.
func TestSample(t *testing.T) {
	for _, compact := range []bool{false, true} {
		f, err := Open(bytes.NewReader(written(compact)))
		if err != nil {
			t.Fatal(err)
		}
		if got := messages(t, f, wanted); len(got) != samples || got[samples-1] != fmt.Sprint("line ", samples-1) {
			t.Errorf("compact %v: messages %q", compact, got)
		}
	}
}
