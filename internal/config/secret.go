package config

import (
	"log/slog"

	"github.com/lighterman/lighterman/internal/redact"
)

// Secret is a string that no formatter, logger or encoder prints.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redact.Hidden
}

// GoString returns the same placeholder for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns the same placeholder for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the same placeholder for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
