package peer

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metrics are sums over labels, by the metric's name.
type Metrics map[string]float64

// Metrics asks the collector for its metrics; there are none when its
// description names no address. Asking costs the collector something.
func (a *Agent) Metrics() (Metrics, error) {
	out := make(Metrics)
	if a.metrics == "" {
		return out, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.metrics, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true // no connection of ours among its descriptors
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		// A label's value may hold spaces; a sample has no timestamp here.
		at := strings.LastIndexByte(lines.Text(), ' ')
		name, _, _ := strings.Cut(lines.Text()[:max(at, 0)], "{")
		if n, err := strconv.ParseFloat(lines.Text()[at+1:], 64); err == nil {
			out[name] += n
		}
	}
	return out, lines.Err()
}
