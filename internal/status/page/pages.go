package page

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/history"
	"github.com/lighterman/lighterman/internal/status/tap"
)

// Config says where what is shown comes from. All of it may be called from several
// goroutines.
type Config struct {
	// Host is what the machine is called.
	Host string
	// State is how all stands, Sample the same for plots, and Detail what is known of one
	// container besides.
	State  func() status.State
	Sample func() history.Sample
	Detail func(id string) (status.Detail, bool)
	// Configuration is what is in force.
	Configuration func() status.Configuration
	Messages      *status.Messages
	Tap           *tap.Tap
	// Private reports whether what the host keeps from other users may be shown: lines of
	// containers, their labels, the configuration, our own messages.
	Private func() bool
	Log     *slog.Logger
}

// Pages answers requests for pages.
type Pages struct {
	config  Config
	mux     *http.ServeMux
	history *history.Ring
	shared  share
	// slow is a state that took long to learn, and serves until a time. Both belong to whoever
	// makes an answer.
	slow  status.State
	until time.Time
}

const (
	// sampleEvery is how often a sample is taken, and stepOf and steps what a plot has: an hour.
	sampleEvery = 10 * time.Second
	stepOf      = 30 * time.Second
	steps       = 120
	// samples are an hour and the ones before it that its first rates need.
	samples = int(steps*stepOf/sampleEvery) + 3
)

// New makes the pages. It starts nothing.
func New(config Config) *Pages {
	p := &Pages{config: config, mux: http.NewServeMux(), history: history.NewRing(samples), shared: newShare()}
	p.page("overview", "/{$}", "/overview.json", p.overview)
	p.page("containers", "/containers", "/containers.json", p.containers)
	p.page("container", "/containers/{id}", "", p.container)
	p.page("outputs", "/outputs", "/outputs.json", p.outputs)
	p.page("configuration", "/configuration", "/configuration.json", p.configuration)
	p.page("messages", "/messages", "/messages.json", p.messages)
	for _, a := range assets {
		p.mux.HandleFunc(a.path, a.serve)
	}
	return p
}

// Run takes samples until ctx is done.
func (p *Pages) Run(ctx context.Context) error {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		p.history.Add(p.config.Sample())
		p.config.Tap.Forget(time.Now())
		p.shared.forget(time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// request is one for a page.
type request struct {
	ask
	path string
	// id is a container's; empty where the page is of none.
	id    string
	state status.State
	now   time.Time
}

// shown is what a page shows: data is what its JSON has, view what its template draws.
type shown struct {
	title string
	data  any
	view  any
	// refresh is after how many seconds it is worth while to look again; 0 for never.
	refresh int
	// code is 200 where it is 0.
	code int
	// private is set where nothing is shown, as everybody may look.
	private bool
}

// page adds a page and its JSON.
func (p *Pages) page(name, path, asJSON string, show func(*request) shown) {
	handle := func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		id, named := strings.CutSuffix(id, ".json")
		wantsJSON := named || r.URL.Path == asJSON || prefersJSON(r)
		if len(r.URL.RawQuery) > 1<<10 {
			http.Error(w, "this query is too long", http.StatusRequestURITooLong)
			return
		}
		ask := asked(r.URL.Query()).of(name, wantsJSON)
		kind := name + "\x00" + strconv.FormatBool(wantsJSON)
		a := p.shared.take(r.Context(), kind, kind+"\x00"+id+"\x00"+ask.query(), func() *answer {
			of := &request{ask: ask, path: strings.TrimSuffix(r.URL.Path, ".json"), id: id, state: p.state(), now: time.Now()}
			return p.answer(name, of, show(of), wantsJSON)
		})
		if a == nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many pages are being read or waited for; try again", http.StatusServiceUnavailable)
			return
		}
		defer p.shared.giveBack(a)
		w.Header().Set("Content-Type", a.kind)
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.code)
		_, _ = w.Write(a.body)
	}
	p.mux.HandleFunc(path, handle)
	if asJSON != "" {
		p.mux.HandleFunc(asJSON, handle)
	}
}

// slowState is the time from which on a state is slow to learn, as where the collector does not
// answer whether it lives: it serves all who have waited meanwhile.
const slowState = 200 * time.Millisecond

// state is how all stands now. Nobody changes it.
func (p *Pages) state() status.State {
	began := time.Now()
	if began.Before(p.until) {
		return p.slow
	}
	s := p.config.State()
	p.slow, p.until = status.State{}, time.Time{}
	if took := time.Since(began); took > slowState {
		p.slow, p.until = s, time.Now().Add(min(took, maxFresh))
	}
	return s
}

// prefersJSON reports whether a request names JSON before HTML.
func prefersJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	at := strings.Index(accept, "application/json")
	html := strings.Index(accept, "text/html")
	return at >= 0 && (html < 0 || at < html)
}

// cure says how what is private can be seen.
const cure = "listen on a unix socket (--listen unix:PATH), set web-config-file or listen-token-file so that whoever asks is asked who he is, or say listen-private: always where every user of this host may see it"

// answer makes the answer to a request.
func (p *Pages) answer(name string, of *request, s shown, asJSON bool) *answer {
	out := &answer{kind: "text/html; charset=utf-8", code: max(s.code, http.StatusOK)}
	var body bytes.Buffer
	var err error
	if asJSON {
		out.kind = "application/json"
		if s.private {
			out.code, s.data = http.StatusForbidden, problem{"this is not shown to everybody: " + cure}
		}
		encoder := json.NewEncoder(&body)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(s.data)
	} else {
		if s.private {
			name = "private"
		}
		err = templates.ExecuteTemplate(&body, name, p.frame(of, s))
	}
	if err != nil {
		p.config.Log.Error("cannot make a page", "page", name, "error", err)
		return &answer{kind: "text/plain; charset=utf-8", code: http.StatusInternalServerError, body: []byte("cannot make this page; the log says why\n")}
	}
	out.body = body.Bytes()
	if asJSON {
		out.body = escaped(out.body)
	}
	return out
}

// problem is the JSON of what cannot be shown.
type problem struct {
	Problem string `json:"problem"`
}

// frame is what all pages have.
type frame struct {
	Title, Host, Version string
	Ready                bool
	// Problems is how many there are.
	Problems int
	Parts    []part
	Now      time.Time
	// Refresh is the time in seconds after which the page is shown anew, 0 for never, Turn the
	// address that turns that on or off, and Hidden what a form takes along of it.
	Refresh int
	Turn    string
	Still   bool
	JSON    string
	Cure    string
	View    any
}

// part is a part of the pages.
type part struct {
	Name, To string
	// Here is set on the page itself, and Within on one below it.
	Here, Within bool
}

func (p *Pages) frame(of *request, s shown) frame {
	f := frame{
		Title: s.title, Host: visible(p.config.Host), Version: of.state.Version, Ready: of.state.Ready, Problems: len(of.state.Problems()),
		Now: of.now, Still: of.Still, View: s.view, Cure: cure,
	}
	still := ask{Still: of.Still}.query()
	for _, one := range []part{{Name: "Overview", To: "/"}, {Name: "Containers", To: "/containers"}, {Name: "Outputs", To: "/outputs"}, {Name: "Configuration", To: "/configuration"}, {Name: "Messages", To: "/messages"}} {
		one.Here, one.Within = of.path == one.To, one.To != "/" && strings.HasPrefix(of.path, one.To+"/")
		one.To += still
		f.Parts = append(f.Parts, one)
	}
	path := (&url.URL{Path: of.path}).EscapedPath()
	if s.refresh > 0 {
		turned := of.ask
		turned.Still = !of.Still
		f.Turn = path + turned.query()
		if !of.Still {
			f.Refresh = s.refresh
		}
	}
	f.JSON = path + ".json" + of.query()
	if of.path == "/" {
		f.JSON = "/overview.json"
	}
	return f
}
