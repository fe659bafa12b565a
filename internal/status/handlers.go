package status

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/prometheus/common/expfmt"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", s.serve200(string(textFormat), s.writeMetrics))
	mux.HandleFunc("/healthz", answer("healthy", "not healthy", &s.live, func() string { return "" }))
	mux.HandleFunc("/readyz", answer("ready", "not ready", &s.ready, s.warning))
	mux.HandleFunc("/status.json", s.serve200("application/json", s.writeJSON))
	mux.HandleFunc("/{$}", s.serve200("text/html; charset=utf-8", s.writePage))
	mux.HandleFunc(reloadPath, s.serveReload)
	return guard(s.protect(mux), s.hosts)
}

// answer reports conditions: 200 when all hold, 503 otherwise. A warning changes nothing of that.
func answer(good, bad string, conditions *[]condition, warning func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		verdicts, ok := judge(*conditions)
		whole, code := good, http.StatusOK
		if !ok {
			whole, code = bad, http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, report(whole, warning(), verdicts))
	}
}

// State is what the status page and /status.json show.
type State struct {
	Healthy    bool      `json:"healthy"`
	Ready      bool      `json:"ready"`
	Conditions []Verdict `json:"conditions"`
	// Warning is what is wrong and makes nothing unready; absent for nothing.
	Warning string `json:"warning,omitempty"`
	Snapshot
}

func (s *Server) state() State {
	live, healthy := judge(s.live)
	ready, isReady := judge(s.ready)
	return State{Healthy: healthy, Ready: isReady, Conditions: append(live, ready...), Warning: s.warning(), Snapshot: s.snapshot()}
}

func (s *Server) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s.state())
}

func (s *Server) writePage(w io.Writer) error { return page.Execute(w, s.state()) }

// textFormat is Prometheus' own, which every version of it reads.
var textFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

// writeMetrics writes what can be collected; what cannot is logged.
func (s *Server) writeMetrics(w io.Writer) error {
	families, err := s.gather()
	if err != nil {
		s.log.Error("cannot collect some of the metrics", "error", err)
	}
	encoder := expfmt.NewEncoder(w, textFormat)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

// serve200 answers with a picture, or says that it could not be made.
func (s *Server) serve200(kind string, write func(io.Writer) error) http.HandlerFunc {
	shared := newPicture(func() ([]byte, error) {
		var body bytes.Buffer
		err := write(&body)
		return body.Bytes(), err
	})
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := shared.get()
		if err != nil {
			s.log.Error("cannot make the status page", "error", err)
			http.Error(w, "cannot make this page; the log says why", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}
