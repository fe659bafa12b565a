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
	mux.HandleFunc("/healthz", answer("healthy", "not healthy", living(s.live, healthPatience), func(whole string, verdicts []Verdict) string { return report(whole, "", verdicts) }))
	mux.HandleFunc("/readyz", answer("ready", "not ready", s.ready, func(whole string, verdicts []Verdict) string { return report(whole, s.warning(), verdicts) }))
	mux.HandleFunc("/status.json", s.serve200("application/json", s.writeJSON))
	if s.pages != nil {
		mux.Handle("/", s.pages)
	}
	mux.HandleFunc(reloadPath, s.serveReload)
	return guard(s.protect(mux), s.hosts)
}

// answer reports conditions in words: 200 when all hold, 503 otherwise. They are looked at once for
// all who wait, and nobody waits who is gone.
func answer(good, bad string, conditions []condition, words func(whole string, verdicts []Verdict) string) http.HandlerFunc {
	shared := newPicture(func() ([]byte, error) {
		verdicts, ok := judge(conditions)
		if !ok {
			return []byte(words(bad, verdicts)), nil
		}
		return []byte(words(good, verdicts)), nil
	})
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := shared.get(r.Context())
		if err != nil {
			return // nobody reads it
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if bytes.HasPrefix(body, []byte(bad)) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write(body)
	}
}

// State is what the pages and /status.json show.
type State struct {
	Healthy    bool      `json:"healthy"`
	Ready      bool      `json:"ready"`
	Conditions []Verdict `json:"conditions"`
	// Warning is what is wrong and makes nothing unready; absent for nothing.
	Warning string `json:"warning,omitempty"`
	Snapshot
}

// State returns how all stands now, safe to show.
func (s *Server) State() State {
	live, healthy := judge(living(s.live, pagePatience))
	ready, isReady := judge(s.ready)
	return State{Healthy: healthy, Ready: isReady, Conditions: append(live, ready...), Warning: s.warning(), Snapshot: s.snapshot()}
}

func (s *Server) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s.State())
}

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
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := shared.get(r.Context())
		if r.Context().Err() != nil {
			return // nobody reads it
		}
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
