package status

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/test/wait"
)

// served runs a server and returns where it listens.
func served(t *testing.T, addr string, c access.Config, open bool) (s *Server, at string) {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	a, err := access.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	s = New(addr, nil, slog.New(slog.DiscardHandler))
	s.Protect(a, open)
	pages := http.NewServeMux()
	pages.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a-name") })
	s.Pages(pages)
	s.Ready("sink", func() error { return errors.New("a-name-that-tells") })
	listener, remove, err := s.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, listener); remove() }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, listener.Addr().String()
}

// certificate makes a certificate that signs itself, and writes it and its key.
func certificate(t *testing.T, dir, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: made}, key: {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(made)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return cert, key, pool
}

// get asks, and returns what it is told.
func (c client) get(t *testing.T, url string) (code int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	transport := &http.Transport{TLSClientConfig: c.tls.Clone(), DisableKeepAlives: true, ForceAttemptHTTP2: c.tls != nil}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

type client struct {
	user, password string
	tls            *tls.Config
}

// TestBeyondLoopback: beyond loopback nothing but health is served without authentication,
// and no word more than whether all is well.
func TestBeyondLoopback(t *testing.T) {
	token := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(token, []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		addr      string
		access    access.Config
		open      bool
		code      int
		terse     bool
		protected bool
	}{
		"loopback":             {"127.0.0.1:0", access.Config{}, false, 200, false, false},
		"beyond":               {"0.0.0.0:0", access.Config{}, false, 403, true, false},
		"beyond, told to":      {"0.0.0.0:0", access.Config{}, true, 200, false, false},
		"beyond, with tokens":  {"0.0.0.0:0", access.Config{TokenFile: token}, false, 401, true, true},
		"loopback with tokens": {"127.0.0.1:0", access.Config{TokenFile: token}, false, 401, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, at := served(t, test.addr, test.access, test.open)
			_, port, _ := net.SplitHostPort(at)
			base := "http://127.0.0.1:" + port
			for _, path := range []string{"/", "/metrics", "/status.json", "/healthz/../metrics", "/anything"} {
				want := test.code
				if path == "/anything" && want == 200 {
					want = 404
				}
				if path == "/healthz/../metrics" && want == 200 {
					want = 307
				}
				if code, body, err := (client{}).get(t, base+path); err != nil || code != want || code >= 400 && strings.Contains(body, "a-name") {
					t.Errorf("%s: %d %v, want %d: %.80s", path, code, err, want, body)
				}
			}
			code, body, err := client{}.get(t, base+"/readyz")
			if err != nil || code != 503 || strings.Contains(body, "a-name-that-tells") == test.terse || !strings.HasPrefix(body, "not ready\n") {
				t.Errorf("/readyz: %d %v: %s", code, err, body)
			}
			if code, body, err := (client{}).get(t, base+"/healthz"); err != nil || code != 200 || !strings.HasPrefix(body, "healthy\n") {
				t.Errorf("/healthz: %d %v: %s", code, err, body)
			}
			if s.Protected() != test.protected {
				t.Errorf("protected: %v", s.Protected())
			}
		})
	}
}

// TestTLS: with real TLS, a password, a certificate that is renewed, and one that clients
// need.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, pool := certificate(t, dir, "server")
	hash, err := bcrypt.GenerateFromPassword([]byte("wonder"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	web := filepath.Join(dir, "web.yaml")
	text := fmt.Sprintf("tls_server_config:\n  cert_file: server.pem\n  key_file: %s\nbasic_auth_users:\n  alice: %s\n", key, hash)
	if err := os.WriteFile(web, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, at := served(t, "127.0.0.1:0", access.Config{WebFile: web}, false)
	trusting := &tls.Config{RootCAs: pool}
	for name, test := range map[string]struct {
		url    string
		client client
		code   int
	}{
		"right":    {"https://" + at, client{"alice", "wonder", trusting}, 200},
		"wrong":    {"https://" + at, client{"alice", "Wonder", trusting}, 401},
		"nobody":   {"https://" + at, client{tls: trusting}, 401},
		"no TLS":   {"http://" + at, client{"alice", "wonder", nil}, 400},
		"stranger": {"https://" + at, client{"alice", "wonder", &tls.Config{RootCAs: x509.NewCertPool()}}, 0},
		"old TLS":  {"https://" + at, client{"alice", "wonder", &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}}, 0},
	} {
		code, _, err := test.client.get(t, test.url+"/metrics")
		if code != test.code || (err != nil) != (test.code == 0) {
			t.Errorf("%s: %d %v, want %d", name, code, err, test.code)
		}
	}
	ls := Client{Listen: at, TLS: trusting, Authorization: "Basic YWxpY2U6d29uZGVy"}
	if state, err := ls.Fetch(t.Context()); err != nil || state.Ready {
		t.Errorf("ls: %v", err)
	}
	ls.Authorization = ""
	if _, err := ls.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "--token-file") {
		t.Errorf("ls without a password: %v", err)
	}

	_, _, renewed := certificate(t, dir, "server")
	_ = cert
	wait.For(t, 20*time.Second, "the new certificate", func() bool {
		code, _, _ := client{"alice", "wonder", &tls.Config{RootCAs: renewed}}.get(t, "https://"+at+"/metrics")
		return code == 200
	})
}

// TestClientCertificates: without the right certificate nobody gets in, and none is as good
// as a password.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	_, _, pool := certificate(t, dir, "server")
	good, goodKey, _ := certificate(t, dir, "scraper")
	bad, badKey, _ := certificate(t, dir, "other")
	web := filepath.Join(dir, "web.yaml")
	text := "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_ca_file: scraper.pem\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [scraper]\n"
	if err := os.WriteFile(web, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, at := served(t, "127.0.0.1:0", access.Config{WebFile: web}, false)
	with := func(cert, key string) client {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return client{tls: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}}
	}
	if code, _, err := with(good, goodKey).get(t, "https://"+at+"/metrics"); code != 200 || !s.Protected() {
		t.Errorf("%d %v", code, err)
	}
	for _, c := range []client{with(bad, badKey), {tls: &tls.Config{RootCAs: pool}}} {
		if code, _, err := c.get(t, "https://"+at+"/metrics"); err == nil {
			t.Errorf("let in: %d", code)
		}
	}
	// Whoever was connected before a certificate was asked for has shown none.
	a, err := access.Open(access.Config{WebFile: web})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []*tls.ConnectionState{nil, {}} {
		if v := a.Decide(&http.Request{TLS: shown}); v != access.Denied {
			t.Errorf("verdict %d on a connection without a certificate", v)
		}
	}
}

// TestSocket: a unix socket is for its owner and group; what nobody answers at is removed, and
// nothing else.
func TestSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lm.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	old := syscall.Umask(0)
	s, _ := served(t, "unix:"+path, access.Config{}, false)
	syscall.Umask(old)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != os.ModeSocket|socketMode || !s.Protected() {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if state, err := Fetch(t.Context(), "unix:"+path); err != nil || len(state.Conditions) != 1 {
		t.Errorf("ls: %v", err)
	}
	second := New("unix:"+path, nil, slog.New(slog.DiscardHandler))
	if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody answers") {
		t.Errorf("a second one: %v", err)
	}
	if _, err := Fetch(t.Context(), "unix:"+path); err != nil {
		t.Errorf("the first one is gone: %v", err)
	}
	for name, make := range map[string]func(path string) error{
		"file": func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"link": func(path string) error { return os.Symlink("/nowhere", path) },
		"dir":  func(path string) error { return os.Mkdir(path, 0o700) },
		"fifo": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		other := filepath.Join(dir, name)
		if err := make(other); err != nil {
			t.Fatal(err)
		}
		if err := New("unix:"+other, nil, slog.New(slog.DiscardHandler)).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is no socket") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(other); err != nil {
			t.Errorf("%s was removed", name)
		}
	}
	if _, err := Fetch(t.Context(), "unix:"+filepath.Join(dir, "none")); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".lm*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestSocketGoes: at the end the socket is removed, unless it is another's by now.
func TestSocketGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lm.sock")
	for _, replaced := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		s := New("unix:"+path, nil, slog.New(slog.DiscardHandler))
		go func() { done <- s.Run(ctx) }()
		wait.For(t, 10*time.Second, "the socket", func() bool { _, err := Fetch(ctx, "unix:"+path); return err == nil })
		if replaced {
			if err := os.Rename(path, path+".old"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); (err == nil) != replaced {
			t.Errorf("replaced %v: %v", replaced, err)
		}
	}
}
