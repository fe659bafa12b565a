package page

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/status/history"
	"github.com/lighterman/lighterman/internal/status/tap"
)

// overview is how all goes.
type overview struct {
	Version  string           `json:"version"`
	Ready    bool             `json:"ready"`
	Healthy  bool             `json:"healthy"`
	Problems []status.Problem `json:"problems"`
	Coverage status.Coverage  `json:"coverage"`
	History  history.Plots    `json:"history"`
}

// overviewView is what is drawn of it.
type overviewView struct {
	overview
	State    *status.State
	Plots    []plot
	Outputs  []outputRow
	Uptime   string
	Pending  int64
	Accounts total
	Still    string
}

// total is what has become of the lines of all containers.
type total struct{ Read, Sent, Joined, Dropped, Rejected, Pending int64 }

func (p *Pages) overview(of *request) shown {
	s := &of.state
	list := status.NewList(status.Running, "", *s)
	data := overview{
		Version: s.Version, Ready: s.Ready, Healthy: s.Healthy, Problems: append([]status.Problem{}, s.Problems()...), Coverage: list.Coverage,
		History: history.Reduce(p.history.All(), status.LatencyBounds(), of.now, stepOf, steps),
	}
	view := overviewView{overview: data, State: s, Plots: plotsOf(&data.History), Uptime: since(s.Started, of.now), Outputs: outputRows(s), Still: ask{Still: of.Still}.query()}
	for i := range s.Containers {
		if a := s.Containers[i].Account; a != nil {
			view.Accounts.Read += a.Read
			view.Accounts.Sent += a.Sent
			view.Accounts.Joined += a.Joined
			view.Accounts.Dropped += a.DroppedLines()
			view.Accounts.Rejected += a.Rejected
			view.Accounts.Pending += a.Pending
		}
	}
	return shown{title: "Overview", data: data, view: view, refresh: 10}
}

// containersView is a page of containers.
type containersView struct {
	ask
	Rows []row
	// Found is how many there are that were asked for, of All; First and Last are those shown.
	Found, All, First, Last int
	Before, After           string
	Heads                   []head
	Routes                  []string
	Clear                   string
}

// head is the head of a column, which sorts by it.
type head struct {
	Name, To string
	// Sorted is "ascending" or "descending" where it is sorted by this one.
	Sorted string
	Number bool
}

// row is one container.
type row struct {
	Name, To, ID, Driver, Route               string
	Unreadable                                bool
	Lag, Unread, Lines, Dropped, Refused, Why string
	// Trouble says what is wrong; empty for nothing.
	Trouble []string
}

func (p *Pages) containers(of *request) shown {
	all := of.state.Containers
	found := of.choose(all)
	data := status.NewList(status.Running, "", of.state)
	data.Containers = found
	pages := max(1, (len(found)+of.Rows-1)/of.Rows)
	at := min(of.Page, pages)
	first, last := (at-1)*of.Rows, min(at*of.Rows, len(found))
	view := containersView{ask: of.ask, Found: len(found), All: len(all), First: first + 1, Last: last, Routes: routes, Heads: of.heads(), Clear: "/containers" + ask{Still: of.Still}.query()}
	still := ask{Still: of.Still}.query()
	for i := range found[first:last] {
		view.Rows = append(view.Rows, rowOf(&found[first+i], still))
	}
	turn := func(to int) string {
		other := of.ask
		other.Page = to
		return "/containers" + other.query()
	}
	if at > 1 {
		view.Before = turn(at - 1)
	}
	if at < pages {
		view.After = turn(at + 1)
	}
	return shown{title: "Containers", data: data, view: view, refresh: 10}
}

// heads are the columns of containers.
func (a ask) heads() []head {
	out := []head{
		{Name: "Container", To: "name"}, {Name: "Route", To: "route"}, {Name: "Lag", To: "lag", Number: true}, {Name: "Unread", To: "unread", Number: true},
		{Name: "Lines", To: "lines", Number: true}, {Name: "Dropped", To: "dropped", Number: true}, {Name: "Refused", To: "refused", Number: true}, {Name: "Why"},
	}
	for i := range out {
		h := &out[i]
		if h.To == "" {
			continue
		}
		other, own := a, cmp.Or(a.Sort, "name") == h.To
		other.Page, other.Sort = 1, h.To
		if h.To == "name" {
			other.Sort = ""
		}
		other.Down = h.Number // what is much comes first
		if own {
			other.Down = !a.Down
			h.Sorted = "ascending"
			if a.Down {
				h.Sorted = "descending"
			}
		}
		h.To = "/containers" + other.query()
	}
	return out
}

func rowOf(c *status.Container, query string) row {
	r := row{
		Name: visible(c.Name), To: "/containers/" + url.PathEscape(c.ID) + query, ID: visible(shortID(c.ID)), Driver: visible(c.Driver), Route: c.Route,
		Unreadable: c.Route == "unreadable", Lag: dash, Unread: dash, Lines: dash, Dropped: dash, Refused: dash, Why: visible(c.Reason),
	}
	if c.Behind() {
		r.Trouble = append(r.Trouble, "more than a minute behind")
	}
	if r.Unreadable {
		r.Trouble, r.Why = append(r.Trouble, "cannot be read: "+r.Why), ""
	}
	if c.LagSeconds != nil {
		r.Lag = duration(*c.LagSeconds)
	}
	if c.LagBytes != nil {
		r.Unread = status.Bytes(*c.LagBytes)
	}
	if c.Lines != nil && !r.Unreadable {
		r.Lines = whole(int64(*c.Lines)) //nolint:gosec // a number of lines
	}
	if c.Account != nil && !r.Unreadable {
		r.Dropped = whole(c.Account.DroppedLines())
	}
	if c.Refused != nil && !r.Unreadable {
		r.Refused = whole(int64(*c.Refused)) //nolint:gosec // a number of lines
	}
	if c.LastError != "" {
		r.Trouble = append(r.Trouble, "error: "+visible(c.LastError))
	}
	if f := c.LastRefusal; f != nil {
		r.Trouble = append(r.Trouble, "refused as "+visible(f.Reason)+": "+visible(f.Cure))
	}
	for _, text := range c.Remarks {
		r.Trouble = append(r.Trouble, visible(text))
	}
	return r
}

// containerView is what is drawn of one container.
type containerView struct {
	status.Detail
	row
	Accounts []share100
	// Shown reports whether lines and labels are shown, Seen are those that were delivered
	// since somebody looks, and Busy is set where too many look.
	Shown bool
	Seen  tap.Seen
	Busy  string
	Back  string
}

// share100 is a part of the lines that were read.
type share100 struct {
	Name, What string
	Lines      int64
	Percent    float64
}

// container is one with its lines, in JSON.
type container struct {
	status.Detail
	// Lines are null where they are not shown.
	Lines *tap.Seen `json:"lines"`
}

func (p *Pages) container(of *request) shown {
	i := slices.IndexFunc(of.state.Containers, func(c status.Container) bool { return c.ID == of.id })
	if i < 0 {
		found := ids(of.state.Containers, of.id)
		if len(found) != 1 {
			return shown{title: "No such container", code: http.StatusNotFound, data: problem{"there is no such container, or it is not collected"}, view: containerView{Back: "/containers"}}
		}
		i = found[0]
	}
	c := &of.state.Containers[i]
	d, _ := p.config.Detail(c.ID)
	d = d.Clean()
	d.Container = *c
	view := containerView{row: rowOf(c, ""), Shown: p.config.Private(), Back: "/containers" + ask{Still: of.Still}.query()}
	data := container{}
	if view.Shown {
		d.Labels, d.Metadata = append([]status.StreamLabels{}, d.Labels...), append([]status.Attribute{}, d.Metadata...)
		seen, err := p.config.Tap.Look(c.ID, of.now)
		if err != nil {
			view.Busy = err.Error()
		} else {
			data.Lines, view.Seen = &seen, seen
			view.Seen.Lines = slices.Clone(seen.Lines)
			slices.Reverse(view.Seen.Lines)
		}
	} else {
		d.Labels, d.Metadata, d.Tenant = nil, nil, ""
	}
	view.Detail, data.Detail = d, d
	view.Accounts = accounts(c.Account)
	refresh := 10
	if view.Shown {
		refresh = 2
	}
	return shown{title: visible(c.Name), data: data, view: view, refresh: refresh}
}

// ids are where containers are whose ID begins with a text that is long enough.
func ids(all []status.Container, begin string) (out []int) {
	for i := range all {
		if len(begin) >= 12 && strings.HasPrefix(all[i].ID, begin) {
			out = append(out, i)
		}
	}
	return out
}

// accounts says what has become of lines.
func accounts(a *status.Account) (out []share100) {
	if a == nil || a.Read == 0 {
		return nil
	}
	add := func(name, what string, n int64) {
		out = append(out, share100{name, what, n, 100 * float64(n) / float64(a.Read)})
	}
	add("sent", "Loki has them", a.Sent)
	if a.Joined > 0 {
		add("joined", "part of another line’s entry, as in a stack trace", a.Joined)
	}
	for _, rule := range slices.Sorted(maps.Keys(a.Dropped)) {
		add("dropped by "+visible(rule), "by a stage of the configuration", a.Dropped[rule])
	}
	if a.Rejected > 0 {
		add("refused", "Loki will never take them", a.Rejected)
	}
	add("pending", "read, and not acknowledged yet", a.Pending)
	return out
}

// outputRow is what is drawn of an output.
type outputRow struct {
	status.OutputState
	Title  string
	Filled float64
	// Local is set where it goes to no Loki.
	Local bool
}

func outputRows(s *status.State) (out []outputRow) {
	for i, o := range append([]status.OutputState{s.Output}, s.Outputs...) {
		r := outputRow{OutputState: o, Title: visible(o.Name)}
		switch {
		case i > 0 || o.Name != "":
		case o.To == status.StandardOutput:
			r.Title, r.Local = "Standard output", true
		case len(s.Outputs) > 0:
			r.Title = "First output (loki-url)"
		default:
			r.Title = "Loki"
		}
		if o.MemoryBytes > 0 {
			r.Filled = 100 * float64(o.BufferedBytes) / float64(o.MemoryBytes)
		}
		out = append(out, r)
	}
	return out
}

// outputList is the JSON of outputs.
type outputList struct {
	Outputs []status.OutputState `json:"outputs"`
}

func (p *Pages) outputs(of *request) shown {
	return shown{title: "Outputs", data: outputList{append([]status.OutputState{of.state.Output}, of.state.Outputs...)}, view: outputRows(&of.state), refresh: 5}
}

// configurationView is what is drawn of the configuration.
type configurationView struct {
	status.Configuration
	ask
	Groups         []group
	ShowAll, Given string
}

// group is a group of settings.
type group struct {
	Title string
	Lines []setting
}

// setting is a line of YAML, and where it comes from.
type setting struct {
	Text, From string
	Default    bool
}

func (p *Pages) configuration(of *request) shown {
	if !p.config.Private() {
		return shown{title: "Configuration", private: true}
	}
	c := p.config.Configuration()
	c.Problems, c.Restart = append([]string{}, c.Problems...), append([]string{}, c.Restart...)
	all, given := of.ask, of.ask
	all.Set, given.Set = false, true
	view := configurationView{Configuration: c, ask: of.ask, Groups: groups(c.Text, of.Set), ShowAll: "/configuration" + all.query(), Given: "/configuration" + given.query()}
	return shown{title: "Configuration", data: c, view: view, refresh: 30}
}

// groups takes the text of a configuration apart. Defaults are left out if only what was set
// is wanted.
func groups(text string, set bool) (out []group) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		title, is := strings.CutPrefix(line, "# ")
		switch {
		case line == "":
		case is && !strings.Contains(title, ":"):
			out = append(out, group{Title: title})
		default:
			if len(out) == 0 {
				out = append(out, group{Title: "Settings"})
			}
			s := setting{Text: visible(line)}
			if at := strings.LastIndex(line, "  # "); at >= 0 {
				s.Text, s.From = visible(line[:at]), visible(line[at+len("  # "):])
			}
			s.Default = strings.HasPrefix(s.From, "default")
			if !set || !s.Default {
				of := &out[len(out)-1]
				of.Lines = append(of.Lines, s)
			}
		}
	}
	return slices.DeleteFunc(out, func(g group) bool { return len(g.Lines) == 0 })
}

// messageList is the JSON of messages.
type messageList struct {
	Messages []status.Message `json:"messages"`
}

// messagesView is what is drawn of messages.
type messagesView struct {
	ask
	Messages []status.Message
	Levels   []string
}

func (p *Pages) messages(of *request) shown {
	if !p.config.Private() {
		return shown{title: "Messages", private: true}
	}
	all := append([]status.Message{}, p.config.Messages.Last(of.least())...)
	view := messagesView{ask: of.ask, Messages: all}
	for _, l := range levels {
		view.Levels = append(view.Levels, l.Word)
	}
	return shown{title: "Messages", data: messageList{all}, view: view, refresh: 5}
}
