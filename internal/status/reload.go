package status

import (
	"context"
	"io"
	"net/http"
)

// reloadPath is where a reload of the configuration is asked for.
const reloadPath = "/-/reload"

// Reload sets what reloads the configuration: it returns what was done, or why nothing was. It
// can be asked for only where the listener is Protected: over a unix socket, where the kernel
// says who may, or by whoever has authenticated. It must be called before Run.
func (s *Server) Reload(reload func(ctx context.Context) (string, error)) { s.reload = reload }

// reloads reports whether a request asks for a reload.
func reloads(r *http.Request) bool { return r.URL.Path == reloadPath && r.Method == http.MethodPost }

// mayReload reports whether a reload can be asked for.
func (s *Server) mayReload() bool {
	return s.reload != nil && s.Protected()
}

// serveReload reloads the configuration.
func (s *Server) serveReload(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "a reload is asked for with POST", http.StatusMethodNotAllowed)
		return
	case !s.mayReload():
		http.Error(w, "a reload cannot be asked for at an address that anybody can reach: listen on a unix socket (--listen unix:PATH), set web-config-file or listen-token-file, or send the signal SIGHUP", http.StatusForbidden)
		return
	case r.Header.Get("Origin") != "":
		// A browser sends the password that it knows along with what any page asks for.
		http.Error(w, "a reload cannot be asked for by a web page", http.StatusForbidden)
		return
	}
	said, err := s.reload(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, said+"\n")
}
