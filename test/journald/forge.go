package journald

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/lighterman/lighterman/test/need"
)

// Forge sends an entry n times as another user and from another program, logger(1), as
// anybody may: the fields are whatever they say. Values are on one line.
func (j *Journald) Forge(t testing.TB, uid, n int, fields ...Field) {
	t.Helper()
	need.Program(t, "setpriv")
	need.Program(t, "logger")
	var in bytes.Buffer
	for _, f := range fields {
		fmt.Fprintf(&in, "%s=%s\n", f.Name, f.Value)
	}
	// The entry is read once and sent n times.
	const script = `f=$(mktemp) && cat >"$f" && chmod 644 "$f" && i=0
while [ $i -lt $2 ]; do setpriv --reuid $1 --clear-groups logger --journald="$f" || exit 1; i=$((i+1)); done
rm "$f"`
	cmd := exec.Command("nsenter", "--mount", "--target", fmt.Sprint(j.Holder), "sh", "-c", script, "forge", strconv.Itoa(uid), strconv.Itoa(n))
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot forge entries: %v: %s", err, out)
	}
}
