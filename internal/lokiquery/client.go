package lokiquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/loki"
)

// Client asks one Loki. It is for one goroutine at a time.
type Client struct {
	loki *loki.Client
	// pause is the time between two requests, and next when the next one may begin.
	pause time.Duration
	next  time.Time
	// most is the largest page that Loki gives; 0 as long as it has not said so.
	most int
	// first is the wait before the first repetition.
	first time.Duration
	// patience is how long one that has answered before is asked on, and waiting is told of it;
	// answered says that it has.
	patience time.Duration
	waiting  func(error)
	answered bool
}

// Patient has a Loki that has answered once be asked for so long before a question is given up.
// waiting is told now and then why there is no answer yet.
func (c *Client) Patient(patience time.Duration, waiting func(error)) {
	c.patience, c.waiting = patience, waiting
}

// New makes a client that asks at most so often in a second. It does not connect.
func New(config loki.Config, perSecond float64) (*Client, error) {
	to, err := loki.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{loki: to, pause: time.Duration(float64(time.Second) / perSecond), first: 200 * time.Millisecond}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.loki.Close() }

const (
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 32 << 20
	// maxComplaint bounds what is read of an answer that is none.
	maxComplaint = 4 << 10
	// tries is how often a request is made before it is given up, in half a minute.
	tries = 8
	// longest bounds the wait between two tries, and longestAsked that which Loki asks for.
	longest, longestAsked = 10 * time.Second, time.Minute
	// often is how often it is said that there is no answer yet, and soon when first where
	// there has never been one: the address may be wrong.
	often, soon = 30 * time.Second, 2 * time.Second
)

var errLarge = fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)

// refusal is an answer that is none.
type refusal struct {
	status int
	text   string
	wait   time.Duration
}

func (r *refusal) Error() string {
	return fmt.Sprintf("Loki answers %d %s: %s", r.status, http.StatusText(r.status), r.text)
}

// again reports whether it may be otherwise in a while.
func (r *refusal) again() bool {
	return r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || r.status/100 == 5
}

// get asks, again and again where that may help, and returns the answer.
func (c *Client) get(ctx context.Context, path string, values url.Values) (answer []byte, err error) {
	wait, began := c.first, time.Now()
	said := began
	if !c.answered {
		said = began.Add(soon - often)
	}
	for try := 1; ; try++ {
		if err := c.await(ctx); err != nil {
			return nil, err
		}
		answer, again, err := c.once(ctx, path, values)
		switch {
		case err == nil || ctx.Err() != nil:
			c.answered = c.answered || err == nil
			return answer, errors.Join(err, ctx.Err())
		case !again:
			return nil, err
		case try >= tries && (!c.answered || time.Since(began) >= c.patience):
			return nil, fmt.Errorf("%w (asked %d times)", err, try)
		case c.waiting != nil && time.Since(said) >= often:
			said = time.Now()
			c.waiting(err)
		}
		var r *refusal
		pause := wait
		if errors.As(err, &r) {
			pause = max(wait, r.wait)
		}
		c.next = time.Now().Add(pause)
		wait = min(2*wait, longest)
	}
}

// await waits until the next request may begin.
func (c *Client) await(ctx context.Context) error {
	timer := time.NewTimer(time.Until(c.next))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.next = time.Now().Add(c.pause)
	return nil
}

func (c *Client) once(ctx context.Context, path string, values url.Values) (answer []byte, again bool, err error) {
	response, again, err := c.loki.Ask(ctx, path, values)
	if err != nil {
		return nil, again, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxComplaint)) // what there is of it
		r := &refusal{status: response.StatusCode, text: strings.ToValidUTF8(strings.TrimSpace(string(text)), "\uFFFD")}
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			r.wait = min(time.Duration(min(seconds, 3600))*time.Second, longestAsked)
		}
		return nil, r.again(), r
	}
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, true, fmt.Errorf("cannot read Loki's answer: %w", err)
	case len(answer) > maxAnswer:
		return nil, false, errLarge
	}
	return answer, false, nil
}

// tooMany is what Loki says of a page that is larger than it gives.
var tooMany = regexp.MustCompile(`max entries limit per query exceeded, limit > max_entries_limit\w* \((\d+) > (\d+)\)`)

// allowed returns how large a page may be, where an error says that it was too large.
func allowed(err error) int {
	var r *refusal
	if !errors.As(err, &r) || r.status != http.StatusBadRequest {
		return 0
	}
	said := tooMany.FindStringSubmatch(r.text)
	if said == nil {
		return 0
	}
	n, err := strconv.Atoi(said[2])
	if err != nil {
		return 0
	}
	return n
}
