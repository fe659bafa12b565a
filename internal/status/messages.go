package status

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// keptMessages is how many messages are kept, and maxMessage how long one with its
	// attributes may be, in bytes: half a megabyte in all.
	keptMessages = 256
	maxMessage   = 2 << 10
)

// Message is one of lighterman's own.
type Message struct {
	Time  time.Time  `json:"time"`
	Level slog.Level `json:"level"`
	Text  string     `json:"message"`
	// Attributes are what it is about, in their order.
	Attributes []Attribute `json:"attributes"`
}

// Attribute is a name and a value, which is bounded.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Messages keeps the last messages of a log. Its methods may be called from any goroutine.
type Messages struct {
	mu sync.Mutex // guards the fields below
	// kept grow up to keptMessages; then next is the oldest.
	kept []Message
	next int
}

// Handler returns a handler that keeps what goes to another one. What must not be shown is
// to be taken out before.
func (m *Messages) Handler(next slog.Handler) slog.Handler { return &keeper{Handler: next, of: m} }

// Last returns the messages of a level at least, the newest first.
func (m *Messages) Last(least slog.Level) []Message {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	all := append(slices.Clone(m.kept[m.next:]), m.kept[:m.next]...)
	m.mu.Unlock()
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(one Message) bool { return one.Level < least })
}

func (m *Messages) add(one Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.kept) < keptMessages {
		m.kept = append(m.kept, one)
		return
	}
	m.kept[m.next] = one
	m.next = (m.next + 1) % keptMessages
}

// keeper is a handler that keeps messages.
type keeper struct {
	slog.Handler
	of *Messages
	// group is what names begin with, and attributes are those that all messages have.
	group      string
	attributes []Attribute
}

// Handle implements slog.Handler.
func (k *keeper) Handle(ctx context.Context, r slog.Record) error {
	one := Message{Time: r.Time.UTC(), Level: r.Level, Text: bounded(r.Message), Attributes: slices.Clone(k.attributes)}
	r.Attrs(func(a slog.Attr) bool {
		one.Attributes = appendAttribute(one.Attributes, k.group, a)
		return true
	})
	room := maxMessage
	for i, a := range one.Attributes {
		if room -= len(a.Name) + len(a.Value); room < 0 {
			one.Attributes = append(one.Attributes[:i], Attribute{"…", "there are more"})
			break
		}
	}
	k.of.add(one)
	return k.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (k *keeper) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *k
	out.Handler, out.attributes = k.Handler.WithAttrs(attrs), slices.Clone(k.attributes)
	for _, a := range attrs {
		out.attributes = appendAttribute(out.attributes, k.group, a)
	}
	return &out
}

// WithGroup implements slog.Handler.
func (k *keeper) WithGroup(name string) slog.Handler {
	out := *k
	out.Handler, out.group = k.Handler.WithGroup(name), k.group+bounded(name)+"."
	return &out
}

func appendAttribute(to []Attribute, group string, a slog.Attr) []Attribute {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		for _, inner := range v.Group() {
			to = appendAttribute(to, group+a.Key+".", inner)
		}
		return to
	}
	if a.Key == "" {
		return to
	}
	text := v.String()
	if list, ok := v.Any().([]string); ok {
		text = strings.Join(list, ", ")
	}
	return append(to, Attribute{bounded(group + a.Key), bounded(text)})
}
