package status

import (
	"net"
	"net/http"
	"strings"

	"github.com/lighterman/lighterman/internal/access"
)

// protection is what stands between the listener and who asks it.
type protection struct {
	access *access.Access
	// open has everybody be answered, although nothing else protects.
	open bool
	// beyond tells that more than this machine reaches the listener.
	beyond bool
}

// Protect sets who may ask for more than health; a nil access is for all. Beyond loopback
// nobody may who is not asked who he is, unless open is set. It must be called before Run.
func (s *Server) Protect(a *access.Access, open bool) {
	s.protection.access, s.protection.open = a, open
}

// Protected reports whether whoever asks has shown that he may: over a unix socket, whose
// mode keeps others out, or by authentication. What changes something is for these only.
func (s *Server) Protected() bool {
	_, unix := socketOf(s.addr)
	return unix || s.protection.access.Authenticates()
}

// isBeyond reports whether more than this machine reaches an address.
func isBeyond(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// protect keeps from all but health who may not ask.
func (s *Server) protect(full http.Handler) http.Handler {
	p := &s.protection
	if s.Protected() || p.open || !p.beyond {
		if !p.access.Authenticates() {
			return p.access.Guard(full, nil)
		}
		return split(p.access.Guard(full, s.health()), p.access.Guard(full, nil))
	}
	s.log.Warn("beyond loopback only /healthz and /readyz are served, as nothing asks who wants to know more", "cure", cureOpen)
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, onlyHealth+": "+cureOpen, http.StatusForbidden)
	})
	return split(p.access.Guard(s.health(), nil), p.access.Guard(refuse, nil))
}

const onlyHealth = "beyond loopback only /healthz and /readyz are served here without authentication"

const cureOpen = "set web-config-file or listen-token-file, listen on a unix socket, or say listen-unprotected: true where something else keeps others out, such as docker run -p 127.0.0.1:9177:9177"

// split has one handler for health, and one for the rest.
func split(health, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			health.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// health tells everybody how it is, and nobody why.
func (s *Server) health() http.Handler {
	terse := func(whole string, _ []Verdict) string { return whole + "\n" }
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", answer("healthy", "not healthy", living(s.live, healthPatience), terse))
	mux.HandleFunc("/readyz", answer("ready", "not ready", s.ready, terse))
	return mux
}

// socketOf returns the path of a unix socket that an address names.
func socketOf(addr string) (path string, unix bool) { return strings.CutPrefix(addr, "unix:") }
