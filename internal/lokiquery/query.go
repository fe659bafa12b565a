package lokiquery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query asks for entries.
type Query struct {
	// Selector is one of LogQL, such as {container="web"}.
	Selector string
	// From and To are Unix nanoseconds; To is the first that is not asked for.
	From, To int64
	// Limit is how many entries are asked for at once; 0 for as many as any Loki gives.
	Limit int
	// Backward asks for the last ones instead of the first.
	Backward bool
}

// usualLimit is what Loki gives at once unless it is told otherwise.
const usualLimit = 5000

// window bounds the time of one query: Loki's own bound is 30 days and an hour.
const window = int64(7 * 24 * time.Hour)

// Streams returns the labels of the streams that have, or may have, entries of that time.
// Without a selector these are all.
func (c *Client) Streams(ctx context.Context, selector string, from, to int64) ([]map[string]string, error) {
	values := url.Values{"start": {strconv.FormatInt(from, 10)}, "end": {strconv.FormatInt(to, 10)}}
	if selector != "" {
		values.Set("match[]", selector)
	}
	answer, err := c.get(ctx, "/loki/api/v1/series", values)
	var out []map[string]string
	if err == nil {
		out, err = decodeStreams(answer)
	}
	switch {
	case errors.Is(err, errLarge):
		return nil, fmt.Errorf("cannot list the streams: %w; choose some with a selector", err)
	case err != nil:
		return nil, fmt.Errorf("cannot list the streams: %w", err)
	}
	return out, nil
}

// Page returns the entries of a query, up to its limit, in the order of time.
func (c *Client) Page(ctx context.Context, q Query) ([]Entry, error) {
	limit := q.Limit
	if limit == 0 {
		limit = usualLimit
	}
	out, _, err := c.page(ctx, q, limit)
	return out, err
}

// Entries returns all entries of a query in the order of time. Only a page of them is held.
func (c *Client) Entries(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for start := q.From; start < q.To; {
			end := q.To
			if end-start > window {
				end = start + window
			}
			part := q
			part.From, part.To = start, end
			if !c.each(ctx, part, yield) {
				return
			}
			start = end
		}
	}
}

// each passes on the entries of a query, and reports whether to continue.
func (c *Client) each(ctx context.Context, q Query, yield func(Entry, error) bool) bool {
	usual := q.Limit
	if usual == 0 {
		usual = usualLimit
	}
	// full is the largest page that had but one time, 0 for none.
	for limit, full := usual, 0; ; {
		got, asked, err := c.page(ctx, q, limit)
		switch {
		case errors.Is(err, errLarge) && limit/4 > full:
			limit /= 4
			continue
		case errors.Is(err, errLarge) && full > 0:
			err = fmt.Errorf("%w for the entries at %s alone", err, stamp(q.From))
		case err == nil && full > 0 && asked <= full:
			err = fmt.Errorf("there are more than %d entries at %s, and Loki gives no more at once: raise its max_entries_limit_per_query", full, stamp(q.From))
		}
		if err != nil {
			yield(Entry{}, fmt.Errorf("cannot read %s: %w", q.Selector, err))
			return false
		}
		whole := len(got)
		if whole == asked { // there may be more at the last time
			q.From = got[whole-1].Time
			whole = slices.IndexFunc(got, func(e Entry) bool { return e.Time == q.From })
		}
		for _, e := range got[:whole] {
			if !yield(e, nil) {
				return false
			}
		}
		switch {
		case len(got) < asked:
			return true
		case whole == 0:
			limit, full = 2*asked, asked
		default:
			limit, full = min(usual, 2*limit), 0
		}
	}
}

// stamp is a time for people.
func stamp(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }

// page asks for one page, which may be smaller than was wished.
func (c *Client) page(ctx context.Context, q Query, limit int) (out []Entry, asked int, err error) {
	for {
		if asked = limit; c.most > 0 {
			asked = min(limit, c.most)
		}
		values := url.Values{
			"query": {q.Selector}, "limit": {strconv.Itoa(asked)}, "direction": {"forward"},
			"start": {strconv.FormatInt(q.From, 10)}, "end": {strconv.FormatInt(q.To, 10)},
		}
		if q.Backward {
			values.Set("direction", "backward")
		}
		answer, err := c.get(ctx, "/loki/api/v1/query_range", values)
		if most := allowed(err); most > 0 && most < asked {
			c.most = most
			continue
		}
		if err == nil {
			out, err = decodeEntries(answer)
		}
		if err != nil {
			return nil, asked, err
		}
		// What is not of this time would have us ask for ever.
		if n := len(out); n > asked || n > 0 && (out[0].Time < q.From || out[n-1].Time >= q.To) {
			return nil, asked, fmt.Errorf("it has answered with what was not asked for: %d entries instead of %d, or of another time", n, asked)
		}
		return out, asked, nil
	}
}

// Selector returns the selector of a stream with exactly these labels, where other streams
// may have those of others, too.
func Selector(labels map[string]string, others []string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	for _, name := range others {
		if _, has := labels[name]; !has {
			parts = append(parts, name+`=""`)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
