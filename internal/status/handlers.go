package status

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many scrapes are answered at the same time.
const maxScrapes = 4

func (s *Server) handler(bound net.Addr) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.log.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
	}))
	mux.HandleFunc("/healthz", answer("healthy", "not healthy", func() []condition { return s.live }))
	mux.HandleFunc("/readyz", answer("ready", "not ready", func() []condition { return s.ready }))
	mux.HandleFunc("/status.json", s.serveJSON)
	mux.HandleFunc("/{$}", s.servePage)
	return guard(mux, bound)
}

// answer reports conditions: 200 when all hold, 503 otherwise.
func answer(good, bad string, conditions func() []condition) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		verdicts, ok := judge(conditions())
		whole, code := good, http.StatusOK
		if !ok {
			whole, code = bad, http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, report(whole, verdicts))
	}
}

// state is what the status page and /status.json show.
type state struct {
	Healthy    bool      `json:"healthy"`
	Ready      bool      `json:"ready"`
	Conditions []verdict `json:"conditions"`
	Snapshot
}

func (s *Server) state() state {
	live, healthy := judge(s.live)
	ready, isReady := judge(s.ready)
	return state{Healthy: healthy, Ready: isReady, Conditions: append(live, ready...), Snapshot: s.snapshot()}
}

func (s *Server) serveJSON(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetIndent("", "  ")
	s.send(w, "application/json", &body, encoder.Encode(s.state()))
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	s.send(w, "text/html; charset=utf-8", &body, page.Execute(&body, s.state()))
}

// send sends a body that was made whole before, or says that it could not be.
func (s *Server) send(w http.ResponseWriter, kind string, body *bytes.Buffer, err error) {
	if err != nil {
		s.log.Error("cannot make the status page", "error", err)
		http.Error(w, "cannot make this page; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body.Bytes())
}
