package redact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Handler wraps the handler at the root of a log.
func (s *Scrubber) Handler(next slog.Handler) slog.Handler { return &handler{next, s} }

type handler struct {
	slog.Handler
	scrubber *Scrubber
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.scrubber.Scrub(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.scrubber.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	scrubbed := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		scrubbed = append(scrubbed, h.scrubber.attr(a))
	}
	return &handler{h.Handler.WithAttrs(scrubbed), h.scrubber}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.scrubber}
}

func (s *Scrubber) attr(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, s.Scrub(v.String()))
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, inner := range v.Group() {
			group = append(group, s.attr(inner))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		if v.Any() == nil {
			return a
		}
		text := fmt.Sprintf("%+v", v.Any())
		if scrubbed := s.Scrub(text); scrubbed != text {
			return slog.String(a.Key, scrubbed)
		}
		return slog.Attr{Key: a.Key, Value: v}
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

// Error returns an error whose text has no secrets. What it wraps can be asked for.
func (s *Scrubber) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if scrubbed := s.Scrub(text); scrubbed != text {
		return &scrubbedError{scrubbed, err}
	}
	return err
}

type scrubbedError struct {
	text string
	err  error
}

// Error implements error.
func (e *scrubbedError) Error() string { return e.text }

// Is keeps errors.Is working without handing the wrapped error out, which would be
// printed whole.
func (e *scrubbedError) Is(target error) bool { return errors.Is(e.err, target) }
