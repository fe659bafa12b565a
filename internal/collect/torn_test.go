package collect

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// localFrame is a record as the local driver writes it.
func localFrame(at int, text string) []byte {
	m := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "stdout")
	m = protowire.AppendVarint(protowire.AppendTag(m, 2, protowire.VarintType), uint64(began+at))
	m = protowire.AppendString(protowire.AppendTag(m, 3, protowire.BytesType), text)
	size := uint32(len(m))
	return binary.BigEndian.AppendUint32(append(binary.BigEndian.AppendUint32(nil, size), m...), size)
}

// TestTornFrameAtTheEndOfARun: a full disk has torn a frame. What lies behind it, within
// the length that it announces, is delivered when the container has stopped, and before
// all of it is forgotten with the container.
func TestTornFrameAtTheEndOfARun(t *testing.T) {
	for name, after := range map[string]*logs.Container{"stopped": stopped("a", "local"), "removed": nil} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			path := filepath.Join(h.root, "containers", "1", "local-logs", "container.log")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			torn := localFrame(2, strings.Repeat("x", logs.PartSize))[:4096]
			content := slices.Concat(localFrame(1, "one"), torn, localFrame(3, "two"), localFrame(4, "three"))
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			h.set("1", running("a", "local"))
			h.start()
			h.await("a stdout 1 one")
			if after == nil {
				if err := os.RemoveAll(filepath.Join(h.root, "containers", "1")); err != nil {
					t.Fatal(err)
				}
			}
			h.set("1", after)
			h.await("a stdout 1 one", "a stdout 3 two", "a stdout 4 three")
		})
	}
}
