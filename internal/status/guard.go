package status

import (
	"net"
	"net/http"
	"strings"
)

// guard wraps a handler: it sets the headers that keep a browser from doing
// anything with an answer but showing it, lets reading methods only pass, and
// checks the Host header on a loopback address.
func guard(next http.Handler, bound net.Addr) http.Handler {
	loopback := isLoopback(bound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		case loopback && !isLocalHost(r.Host):
			http.Error(w, "this address answers to localhost and loopback addresses only, not to the host name that was "+
				"asked for; to serve under other names choose another address with --listen", http.StatusMisdirectedRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// isLocalHost tells whether a Host header names this machine. A page of another
// site can make its own name resolve to 127.0.0.1 and then read answers as its
// own (DNS rebinding); the name it asked for gives it away. Clients of HTTP/1.0
// send none; browsers always do.
func isLocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
