package dashboard

// The names of figures that must not grow, and of others that are plotted.
const (
	Goroutines = "goroutines"
	FDs        = "fds"
	Watches    = "inotify_watches"
	Heap       = "heap_mib"
	Threads    = "threads"
	Journals   = "journal_files"
	RSS        = "rss_mib"
	P95        = "p95_ms"
)

// Figure is what a name stands for.
type Figure struct {
	Name, Title, Unit string
	// Dockerd tells that it is the engine's, not the collector's.
	Dockerd bool
	// Leak tells that its growth counts as a leak, Slow that only a soak is long
	// enough to tell: a heap comes to rest after minutes.
	Leak, Slow bool
}

// Figures are all, in the order of tables and plots.
var Figures = []Figure{
	{Name: Goroutines, Title: "Goroutines", Leak: true},
	{Name: FDs, Title: "File descriptors", Leak: true},
	{Name: Watches, Title: "Inotify watches", Leak: true, Slow: true},
	{Name: Heap, Title: "Heap in use", Unit: "MiB", Leak: true, Slow: true},
	{Name: RSS, Title: "RSS", Unit: "MiB"},
	{Name: P95, Title: "Latency, P95", Unit: "ms"},
	{Name: Goroutines, Title: "dockerd: goroutines", Dockerd: true, Leak: true},
	{Name: FDs, Title: "dockerd: FDs without journals", Dockerd: true, Leak: true},
	{Name: Journals, Title: "dockerd: journal files open", Dockerd: true},
	{Name: Threads, Title: "dockerd: threads", Dockerd: true},
}

// Of returns a mode's growth of the figure.
func (f Figure) Of(m *Mode) (g Growth, measured bool) {
	if f.Dockerd {
		g, measured = m.Dockerd[f.Name]
	} else {
		g, measured = m.Growth[f.Name]
	}
	return g, measured
}

// SeriesOf returns a mode's measurements of the figure.
func (f Figure) SeriesOf(m *Mode) Series {
	if f.Dockerd {
		return m.DockerdSeries[f.Name]
	}
	return m.Series[f.Name]
}

// found tells whether any mode has the figure.
func (f Figure) found(modes []*Mode) bool {
	for _, m := range modes {
		if len(f.SeriesOf(m)) > 0 {
			return true
		}
	}
	return false
}
