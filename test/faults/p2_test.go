package faults

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
)

// asUser runs lighterman as a user who owns nothing.
func asUser(t *testing.T, uid uint32, args ...string) (stderr string, code int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir, err := os.MkdirTemp("", "lighterman-p2-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(carrier.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lighterman")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, NoSetGroups: false}}
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// keyPair writes a certificate for a name, and its key.
func keyPair(t *testing.T, dir, name string, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	der2, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(dir, name+file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write(".pem", "CERTIFICATE", der), write(".key", "EC PRIVATE KEY", der2)
}

// TestP2CheckTries: check names whatever run would stumble over, with the setting, and
// its exit code says so; a configuration without fault gives 0.
func TestP2CheckTries(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	cert, key := keyPair(t, dir, "a", time.Now().Add(time.Hour))
	_, other := keyPair(t, dir, "b", time.Now().Add(time.Hour))
	oldCert, oldKey := keyPair(t, dir, "c", time.Now().Add(-time.Hour))
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	root := dataroot.New(t)
	root.Add(t, dataroot.Spec{Name: "web"}).Append(t, dataroot.JSON(noon, "x"))
	sound := []string{"check", "--docker-host", "none", "--docker-root", root.Dir, "--loki-url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--state-dir"}
	for _, c := range []struct {
		args []string
		want string // empty where all is well
	}{
		{append(sound, filepath.Join(dir, "state", "deep")), ""},
		{append(sound, dir, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-file", cert), ""},
		{append(sound, dir, "--loki-username", "u", "--loki-password-file", file("password", "secret\n")), ""},
		{append(sound, file("plain", "x")), "state-dir: "},
		{append(sound, filepath.Join(dir, "plain", "x")), "state-dir: "},
		{append(sound, open), "state-dir: others may write to it"},
		{append(sound, dir, "--tls-ca-file", missing), "tls-ca-file: "},
		{append(sound, dir, "--tls-ca-file", file("text", "no certificate")), "tls-ca-file: "},
		{append(sound, dir, "--tls-ca-file", pipe), "tls-ca-file: "},
		{append(sound, dir, "--tls-cert-file", cert, "--tls-key-file", other), "tls-cert-file: it does not go with tls-key-file"},
		{append(sound, dir, "--tls-cert-file", cert, "--tls-key-file", missing), "tls-key-file: "},
		{append(sound, dir, "--tls-cert-file", oldCert, "--tls-key-file", oldKey), "was valid until"},
		{append(sound, dir, "--loki-username", "u", "--loki-password-file", missing), "loki-password-file: "},
		{append(sound, dir, "--loki-username", "u", "--loki-password-file", file("blank", " \n")), "loki-password-file: "},
		{append(sound, dir, "--loki-bearer-token-file", dir), "loki-bearer-token-file: "},
		{append(sound, dir, "--listen", "192.0.2.1:9"), "listen: "},
		{append(sound, dir, "--docker-root", missing), "docker-host: none: "},
		{append(sound, dir, "--docker-host", "unix://"+missing), "docker-host: there is no socket"},
		{append(sound, dir, "--docker-host", "unix://"+file("socket", "")), "docker-host: cannot connect"},
		{append(sound, dir, "--journal-dir", missing), "journal-dir: "},
		{append(sound, dir, "--hold-dir", filepath.Join(root.Containers(), "hold")), "hold-dir: "},
	} {
		stdout, stderr, code := carrier.Run(t, c.args...)
		switch {
		case c.want == "" && code != 0, c.want != "" && (code != 1 || !strings.Contains(stderr, c.want)):
			t.Errorf("%q: exit code %d, want %q:\n%s", c.args[8:], code, c.want, stderr)
		case !strings.Contains(stdout, "loki-url: http://127.0.0.1:1"):
			t.Errorf("%q: no configuration", c.args[8:])
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("check has made the state directory")
	}
}

// TestP2Permissions: what another user may not do is named, with the cure.
func TestP2Permissions(t *testing.T) {
	dir, err := os.MkdirTemp("", "lighterman-p2-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	secret := filepath.Join(dir, "secret")
	if err := errors.Join(os.Chmod(socket, 0o660), os.WriteFile(secret, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	stderr, code := asUser(t, 12345, "check", "--docker-host", "unix://"+socket, "--loki-url", "http://127.0.0.1:1", "--listen", "off",
		"--state-dir", dir, "--loki-bearer-token-file", secret, "--docker-root", "/proc/1/cwd")
	for _, want := range []string{"docker-host: user 12345 may not use " + socket, "usermod -aG docker", "state-dir: ", "loki-bearer-token-file: ", "let user 12345 read it", "docker-root: "} {
		if !strings.Contains(stderr, want) || code != 1 {
			t.Errorf("exit code %d, no %q in\n%s", code, want, stderr)
		}
	}
}

// TestP2CheckLive: with --live the engine and Loki are asked, and no line is sent.
func TestP2CheckLive(t *testing.T) {
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	refusing := fakeloki.Start(t, func(*http.Request, []fakeloki.Entry) (int, string) { return http.StatusUnauthorized, "no" })
	args := []string{"check", "--live", "--docker-host", "none", "--docker-root", root.Dir, "--state-dir", t.TempDir(), "--listen", "off", "--loki-url"}
	for url, want := range map[string]string{loki.URL: "", refusing.URL: "loki-url: ", "http://127.0.0.1:1": "loki-url: "} {
		_, stderr, code := carrier.Run(t, append(args, url)...)
		if (code != 0) != (want != "") || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d:\n%s", url, code, stderr)
		}
	}
	if n := len(loki.Lines()); n != 0 {
		t.Errorf("%d lines were sent", n)
	}
	_, stderr, code := carrier.Run(t, "check", "--live", "--docker-host", "tcp://127.0.0.1:1", "--docker-root", root.Dir, "--listen", "off")
	if code != 1 || !strings.Contains(stderr, "docker-host: ") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
}
