package loki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// authority is a certificate authority in a directory of files.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), next: 1}
	template := a.template("test authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.cert, a.key = a.sign(t, "ca", template)
	return a
}

func (a *authority) template(name string) *x509.Certificate {
	a.next++
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// sign makes file.pem and file.key; the first certificate signs itself.
func (a *authority) sign(t *testing.T, file string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, a.file(file+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, a.file(file+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue makes the certificate of a server or client.
func (a *authority) issue(t *testing.T, file, name string, dns ...string) {
	t.Helper()
	template := a.template(name)
	template.DNSNames = dns
	if len(dns) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	a.sign(t, file, template)
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// serve starts a server with a certificate for the names, 127.0.0.1 without.
func (a *authority) serve(t *testing.T, clients *authority, dns ...string) *server {
	t.Helper()
	a.issue(t, "server", "server", dns...)
	cert, err := tls.LoadX509KeyPair(a.file("server.pem"), a.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := newUnstarted(t, nil)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		s.TLS.ClientCAs, s.TLS.ClientAuth = clients.pool(), tls.RequireAndVerifyClientCert
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

func TestServerCertificate(t *testing.T) {
	good, other := newAuthority(t), newAuthority(t)
	s := good.serve(t, nil)
	named := good.serve(t, nil, "loki.example")
	for _, test := range []struct {
		name  string
		url   string
		tls   TLS
		words string // of the error; none is expected without
	}{
		{"its authority", s.URL, TLS{CAFile: good.file("ca.pem")}, ""},
		{"another authority", s.URL, TLS{CAFile: other.file("ca.pem")}, "certificate signed by unknown authority"},
		{"the system's authorities", s.URL, TLS{}, "certificate signed by unknown authority"},
		{"not verified", s.URL, TLS{InsecureSkipVerify: true}, ""},
		{"another name", named.URL, TLS{CAFile: good.file("ca.pem")}, "127.0.0.1"},
		{"the name asked for", named.URL, TLS{CAFile: good.file("ca.pem"), ServerName: "loki.example"}, ""},
		{"not the name asked for", s.URL, TLS{CAFile: good.file("ca.pem"), ServerName: "loki.example"}, "loki.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newClient(t, test.url, func(c *Config) { c.TLS = test.tls }).Push(t.Context(), batch(1))
			if test.words == "" {
				accepted(t, out)
				return
			}
			retried(t, out, true, "cannot push to Loki", test.words)
		})
	}
}

func TestClientCertificate(t *testing.T) {
	ca, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	s := ca.serve(t, clients)
	trust := func(c *Config) { c.TLS.CAFile = ca.file("ca.pem") }
	refuses := func(out logs.Outcome) {
		t.Helper()
		// The server's reason is lost at times, when it closes before we have sent all.
		retried(t, out, out.Misconfigured, "cannot push to Loki")
	}
	refuses(newClient(t, s.URL, trust).Push(t.Context(), batch(1)))

	strangers.issue(t, "client", "stranger")
	refuses(newClient(t, s.URL, func(c *Config) {
		trust(c)
		c.TLS.CertFile, c.TLS.KeyFile = strangers.file("client.pem"), strangers.file("client.key")
	}).Push(t.Context(), batch(1)))

	clients.issue(t, "client", "first")
	c := newClient(t, s.URL, func(c *Config) {
		trust(c)
		c.TLS.CertFile, c.TLS.KeyFile = clients.file("client.pem"), clients.file("client.key")
	})
	sends := func(name string) {
		t.Helper()
		accepted(t, c.Push(t.Context(), batch(1)))
		if got := s.last(t).TLS.PeerCertificates[0].Subject.CommonName; got != name {
			t.Errorf("got the certificate of %q, want %q", got, name)
		}
	}
	sends("first")
	clients.issue(t, "client", "renewed")
	sends("first") // the connection lives
	c.Close()
	sends("renewed")

	write(t, clients.file("client.pem"), "half a certificate")
	c.Close()
	sends("renewed") // what was there before serves meanwhile
	clients.issue(t, "client", "mended")
	c.Close()
	sends("mended")
}

func TestTLSFiles(t *testing.T) {
	ca := newAuthority(t)
	write(t, ca.file("empty"), "")
	for _, test := range []struct {
		name string
		tls  TLS
		want string
	}{
		{"no CA", TLS{CAFile: ca.file("missing")}, "cannot read the CA certificates"},
		{"empty CA", TLS{CAFile: ca.file("empty")}, "holds no PEM certificate"},
		{"no certificate", TLS{CertFile: ca.file("missing"), KeyFile: ca.file("ca.key")}, "cannot read the client certificate"},
		{"no key", TLS{CertFile: ca.file("ca.pem"), KeyFile: ca.file("empty")}, "cannot read the client certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(Config{URL: address(t, "https://loki.example"), TLS: test.tls})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestSchemes: a wrong scheme must not cost a line.
func TestSchemes(t *testing.T) {
	ca := newAuthority(t)
	s := ca.serve(t, nil)
	plain := newServer(t, nil)
	// The server may close before it has read all, and its word is lost then.
	out := newClient(t, strings.Replace(s.URL, "https", "http", 1), nil).Push(t.Context(), batch(3))
	retried(t, out, out.Misconfigured)
	retried(t, newClient(t, strings.Replace(plain.URL, "http", "https", 1), nil).Push(t.Context(), batch(3)), true, "HTTP response to HTTPS client")
}

func TestHTTP2(t *testing.T) {
	ca := newAuthority(t)
	one := ca.serve(t, nil)
	two := newUnstarted(t, nil)
	two.EnableHTTP2 = true
	two.TLS = &tls.Config{Certificates: one.TLS.Certificates, MinVersion: tls.VersionTLS12}
	two.StartTLS()
	c := newClient(t, two.URL, func(c *Config) { c.TLS.CAFile = ca.file("ca.pem") })
	for range 3 {
		accepted(t, c.Push(t.Context(), batch(3)))
	}
	if r := two.last(t); r.ProtoMajor != 2 || r.Header.Get("Accept-Encoding") != "" {
		t.Errorf("%s, %v", r.Proto, r.Header)
	}
}

// TestD9AuthoritiesRenewed: other authorities are taken up while we run, in place of a file
// and behind a link; what cannot be read changes nothing and is told of once.
func TestD9AuthoritiesRenewed(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	one, two := first.serve(t, nil), second.serve(t, nil)
	dir := t.TempDir()
	copyOf := func(name string, a *authority) {
		t.Helper()
		content, err := os.ReadFile(a.file("ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(content))
	}
	link := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "ca.pem")); err != nil {
			t.Fatal(err)
		}
	}
	copyOf("1", first)
	copyOf("2", second)
	link("1")
	var told bytes.Buffer
	clientOf := func(s *server) *Client {
		return newClient(t, s.URL, func(c *Config) {
			c.TLS.CAFile, c.Log = filepath.Join(dir, "ca.pem"), slog.New(slog.NewTextHandler(&told, nil))
		})
	}
	toOne, toTwo := clientOf(one), clientOf(two)
	push := func(trusted, not *Client) {
		t.Helper()
		accepted(t, trusted.Push(t.Context(), batch(1)))
		retried(t, not.Push(t.Context(), batch(1)), true, "certificate signed by unknown authority", "tls-ca-file")
	}
	push(toOne, toTwo)
	link("2")
	push(toTwo, toOne)
	copyOf("2", first) // in place
	push(toOne, toTwo)

	told.Reset()
	for _, bad := range []string{"", "-----BEGIN CERTIFICATE-----\nMIIB", "nonsense"} {
		write(t, filepath.Join(dir, "2"), bad)
		toOne.Close()
		for range 3 {
			accepted(t, toOne.Push(t.Context(), batch(1)))
		}
	}
	if err := os.Remove(filepath.Join(dir, "2")); err != nil {
		t.Fatal(err)
	}
	accepted(t, toOne.Push(t.Context(), batch(1)))
	if n := strings.Count(told.String(), "level=WARN"); n != 1 {
		t.Errorf("told of %d times:\n%s", n, told.String())
	}
	link("1")
	copyOf("1", second)
	push(toTwo, toOne)
}

// TestD9SecretFiles: a password or token file that is torn, empty or gone leaves what was
// read before; the next content is taken up.
func TestD9SecretFiles(t *testing.T) {
	s := newServer(t, nil)
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "one")
	var told bytes.Buffer
	c := newClient(t, s.URL, func(c *Config) { c.BearerTokenFile, c.Log = file, slog.New(slog.NewTextHandler(&told, nil)) })
	sends := func(token string) {
		t.Helper()
		accepted(t, c.Push(t.Context(), batch(1)))
		if got := s.last(t).Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("got %q, want %q", got, token)
		}
	}
	sends("one")
	write(t, file, "\n")
	sends("one")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	sends("one")
	sends("one")
	write(t, file, "two")
	sends("two")
	if n := strings.Count(told.String(), "level=WARN"); n != 1 || strings.Contains(told.String(), "one\n") {
		t.Errorf("told of %d times:\n%s", n, told.String())
	}
}

// TestD9ReadableAgain: that a file cannot be read is told each time that this begins, also
// when it comes back as it was.
func TestD9ReadableAgain(t *testing.T) {
	dir := t.TempDir()
	path, away := filepath.Join(dir, "in", "file"), filepath.Join(dir, "away")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, "text")
	var told bytes.Buffer
	f := ofFile(path, slog.New(slog.NewTextHandler(&told, nil)), textOf)
	read := func() {
		t.Helper()
		if text, err := f.get(); err != nil || *text != "text" {
			t.Errorf("read %v, %v", text, err)
		}
	}
	read()
	for range 2 {
		// With its directory, so that nothing of the file itself changes.
		if err := os.Rename(filepath.Dir(path), away); err != nil {
			t.Fatal(err)
		}
		read()
		read()
		if err := os.Rename(away, filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		read()
	}
	if text := told.String(); strings.Count(text, "cannot be read any more") != 2 || strings.Count(text, "can be read again") != 2 {
		t.Errorf("logged %s", text)
	}
}
