package journald

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// Program is where Debian has it.
const Program = "/lib/systemd/systemd-journald"

// MachineID is that of the namespace.
const MachineID = "0123456789abcdef0123456789abcdef"

// Journald is one, with its namespace.
type Journald struct {
	// Holder keeps the namespace: `nsenter --mount --target HOLDER` enters it.
	Holder int

	env  []string
	cmd  *exec.Cmd
	gone chan struct{}
}

// prepare makes a /run of its own, with the identity and settings for tests.
const prepare = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
echo $0 >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
if [ -d /var/log/journal ]; then mount -t tmpfs tmpfs /var/log/journal; fi
printf '[Journal]\nRateLimitIntervalSec=0\nForwardToSyslog=no\nReadKMsg=no\nAudit=no\n' >/run/systemd/journald.conf.d/test.conf
touch /run/ready
exec sleep infinity`

// Start starts a journald with further environment, such as SYSTEMD_JOURNAL_COMPACT=0.
// It is gone when the test ends.
func Start(t testing.TB, env ...string) *Journald {
	t.Helper()
	need.Root(t)
	need.Program(t, "unshare")
	need.Program(t, "nsenter")
	need.Program(t, Program)
	if _, err := os.Stat("/etc/machine-id"); err != nil {
		if err := os.WriteFile("/etc/machine-id", nil, 0o444); err != nil { // something to mount on
			t.Fatal(err)
		}
	}
	holder := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", prepare, MachineID)
	holder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &strings.Builder{}
	holder.Stderr = out
	holder.WaitDelay = 10 * time.Second
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	j := &Journald{Holder: holder.Process.Pid, env: env}
	t.Cleanup(func() {
		j.Kill9(t)
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	wait.For(t, time.Minute, "a namespace for journald", func() bool {
		_, err := os.Stat(j.path("run/ready"))
		return err == nil
	})
	j.Up(t)
	return j
}

func (j *Journald) path(name string) string {
	return filepath.Join("/proc", fmt.Sprint(j.Holder), "root", name)
}

// Dirs returns the directories that lighterman reads by default, as seen from here.
func (j *Journald) Dirs() []string { return []string{j.Var(), j.Run()} }

// Run returns the directory of what does not outlive a boot.
func (j *Journald) Run() string { return j.path("run/log/journal") }

// Var returns the directory of what does.
func (j *Journald) Var() string { return j.path("var/log/journal") }

// Files returns the paths of all journal files.
func (j *Journald) Files(t testing.TB) (all []string) {
	t.Helper()
	for _, dir := range j.Dirs() {
		files, err := filepath.Glob(filepath.Join(dir, MachineID, "*.journal*"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	return all
}

// Up starts journald again after Kill9.
func (j *Journald) Up(t testing.TB) {
	t.Helper()
	j.cmd = exec.Command("nsenter", "--mount", "--target", fmt.Sprint(j.Holder), Program)
	j.cmd.Env = append(os.Environ(), j.env...)
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	j.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		_ = cmd.Wait()
		close(gone)
	}(j.cmd, j.gone)
	wait.For(t, time.Minute, "journald to accept", func() bool {
		conn, err := j.dial()
		if err == nil {
			_ = conn.Close()
		}
		return err == nil && len(j.Files(t)) > 0
	})
}

// Kill9 kills journald and waits until it is gone.
func (j *Journald) Kill9(t testing.TB) {
	t.Helper()
	if j.cmd == nil {
		return
	}
	_ = j.cmd.Process.Kill()
	wait.Closed(t, time.Minute, "the end of journald, which was killed", j.gone)
	j.cmd = nil
}

func (j *Journald) dial() (*net.UnixConn, error) {
	return net.DialUnix("unixgram", nil, &net.UnixAddr{Name: j.path("run/systemd/journal/socket"), Net: "unixgram"})
}

// Rotate makes journald begin new files, and waits until it has.
func (j *Journald) Rotate(t testing.TB) {
	t.Helper()
	before := len(j.Files(t))
	j.signal(t, syscall.SIGUSR2)
	wait.For(t, time.Minute, "journald to rotate", func() bool { return len(j.Files(t)) > before })
}

// Flush makes journald go on in /var, and waits until it does.
func (j *Journald) Flush(t testing.TB) {
	t.Helper()
	j.signal(t, syscall.SIGUSR1)
	wait.For(t, time.Minute, "journald to flush", func() bool {
		_, run := os.Stat(filepath.Join(j.Run(), MachineID))
		_, err := os.Stat(filepath.Join(j.Var(), MachineID, "system.journal"))
		return err == nil && run != nil
	})
}

func (j *Journald) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := j.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Field is a field of an entry.
type Field struct{ Name, Value string }

// send sends an entry in journald's native protocol.
func send(conn *net.UnixConn, fields []Field) error {
	var b []byte
	for _, f := range fields {
		b = append(append(b, f.Name...), '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(f.Value)))
		b = append(append(b, f.Value...), '\n')
	}
	_, err := conn.Write(b)
	return err
}

// Sender sends the lines of one container as Docker's driver does.
type Sender struct {
	ID   string
	t    testing.TB
	conn *net.UnixConn
}

// Container makes a sender.
func (j *Journald) Container(t testing.TB, id string) *Sender {
	t.Helper()
	conn, err := j.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Sender{ID: id, t: t, conn: conn}
}

// Line sends a line, or a part of one with further fields.
func (s *Sender) Line(stream, text string, more ...Field) {
	s.t.Helper()
	priority := "6"
	if stream == "stderr" {
		priority = "3"
	}
	err := send(s.conn, append([]Field{
		{"MESSAGE", text}, {"PRIORITY", priority}, {"CONTAINER_ID", s.ID[:12]}, {"CONTAINER_ID_FULL", s.ID},
		{"CONTAINER_NAME", "c"}, {"CONTAINER_TAG", s.ID[:12]}, {"SYSLOG_IDENTIFIER", s.ID[:12]}, {"IMAGE_NAME", "i"},
	}, more...))
	if err != nil {
		s.t.Fatal(err)
	}
}

// Long sends a line in parts of a size.
func (s *Sender) Long(stream, text, part string, size int) {
	s.t.Helper()
	for n := 1; ; n++ {
		piece := text[:min(size, len(text))]
		text = text[len(piece):]
		last := len(text) == 0
		more := []Field{{"CONTAINER_PARTIAL_ID", part}, {"CONTAINER_PARTIAL_ORDINAL", fmt.Sprint(n)}, {"CONTAINER_PARTIAL_LAST", fmt.Sprint(last)}}
		if !last {
			more = append(more, Field{"CONTAINER_PARTIAL_MESSAGE", "true"})
		}
		s.Line(stream, piece, more...)
		if last {
			return
		}
	}
}

// Other sends entries that are no container's.
type Other struct {
	t    testing.TB
	conn *net.UnixConn
}

// Other makes a sender.
func (j *Journald) Other(t testing.TB) *Other {
	t.Helper()
	conn, err := j.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Other{t: t, conn: conn}
}

// Send sends an entry with these fields.
func (o *Other) Send(fields ...Field) {
	o.t.Helper()
	if err := send(o.conn, fields); err != nil {
		o.t.Fatal(err)
	}
}
