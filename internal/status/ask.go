package status

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Question is what a lighterman that runs may be asked with Ask.
type Question string

// The questions.
const (
	Healthy Question = "/healthz"
	Ready   Question = "/readyz"
)

const (
	// askTimeout is less than what Docker allows a health check, 30 s, so that it is us who
	// say what is wrong.
	askTimeout = 5 * time.Second
	// maxAnswer bounds the text of an answer, in bytes.
	maxAnswer = 64 << 10
)

// Ask asks a question. It returns the answer in words, and whether it is yes.
func (c Client) Ask(ctx context.Context, q Question) (answer string, yes bool, err error) {
	fail := func(err error) (string, bool, error) {
		return "", false, fmt.Errorf("cannot ask the lighterman at %s: %w", c.Listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := c.get(ctx, string(q))
	if err != nil {
		return fail(err)
	}
	defer func() { _ = got.Body.Close() }()
	if err := locked(got); err != nil {
		return fail(err)
	}
	if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusServiceUnavailable {
		return fail(fmt.Errorf("%w: it answers %s", errStranger, got.Status))
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return fail(err)
	}
	yes = got.StatusCode == http.StatusOK
	text := string(body)
	if !answers(text, yes) {
		return fail(errStranger)
	}
	return legible(text), yes, nil
}

// answers reports whether a text is one that answer writes: its first line is known.
func answers(text string, yes bool) bool {
	first, _, _ := strings.Cut(text, "\n")
	if yes {
		return first == "healthy" || first == "ready"
	}
	return first == "not healthy" || first == "not ready"
}

// legible makes what comes from outside fit for a terminal: a line at a time, since an
// answer has several.
func legible(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = bounded(line)
	}
	return strings.Join(lines, "\n") + "\n"
}
