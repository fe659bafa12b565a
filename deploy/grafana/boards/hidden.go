package boards

// NotShown are metrics that are on no panel, and why.
var NotShown = map[string]string{
	"lighterman_inotify_events_total": "how often files change says nothing about how they are read",
}
