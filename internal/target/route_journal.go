package target

import (
	"fmt"

	"github.com/lighterman/lighterman/internal/logs"
)

// journal chooses the journal unless that is not wanted or not possible. It comes
// before the cache that an engine keeps which was built without reading the journal:
// that is there only once the container has started, and has other timestamps, so
// going over from one to the other could cost or repeat lines.
func (p Policy) journal(c *logs.Container) logs.Route {
	if api, ok := p.notByFile(c); ok {
		return api
	}
	switch err := p.Journal(c); {
	case err == nil:
		return logs.Route{Kind: logs.Journal, Reason: "the host's journal can be read"}
	case p.withoutAPI() != "":
		return logs.Route{Reason: fmt.Sprintf("%s, and the journal cannot be read: %v", p.withoutAPI(), err), Fallback: true}
	default:
		return logs.Route{Kind: logs.API, Reason: fmt.Sprintf("the journal cannot be read here: %v", err), Fallback: true}
	}
}
