package status

import (
	"net"
	"net/http"
	"os"
	"strings"
)

// guard wraps a handler: it sets the headers that keep a browser from doing
// anything with an answer but showing it, lets reading methods only pass, and
// checks the Host header.
func guard(next http.Handler, allowed hosts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !reloads(r):
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		case !allowed.allow(r.Host):
			http.Error(w, "lighterman answers to addresses and to this machine's own name only, not to the host name that was "+
				"asked for; name it with --listen-hosts", http.StatusMisdirectedRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hosts are the names that requests may be made under, in lower case. A page of another
// site can make its own name resolve to any address that a browser reaches, and then
// read answers as its own (DNS rebinding); the name it asked for gives it away. An address
// has no such page. Nil allows all.
type hosts map[string]bool

// plainNames stands for all names without a dot, which no web page of others has. A unix socket
// answers to them, for whoever calls it as he likes; no more than that, since it may have been
// forwarded to a port, which web pages get to.
const plainNames = "*"

// newHosts allows the host of the address that is listened on, this machine's name and
// whatever else is named.
func newHosts(listen string, allowed []string) hosts {
	h := make(hosts)
	if _, unix := socketOf(listen); unix {
		h[plainNames] = true
	}
	if name, _, err := net.SplitHostPort(listen); err == nil {
		h[normal(name)] = true
	}
	if name, err := os.Hostname(); err == nil {
		h[normal(name)] = true
	}
	for _, name := range allowed {
		h[normal(name)] = true
	}
	return h
}

// allow reports whether a Host header names this machine. Clients of HTTP/1.0 send none;
// browsers always do.
func (h hosts) allow(host string) bool {
	if h == nil {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = normal(host)
	return h[plainNames] && !strings.Contains(host, ".") || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || h[host] || net.ParseIP(host) != nil
}

// normal writes a host as it is compared.
func normal(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}
