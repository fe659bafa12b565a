package config

import (
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/document"
)

// invalid is the error of a value that is not what was expected. It shows the
// value: errors of secrets must not be made with it.
func invalid(text, expected string) error {
	return fmt.Errorf("invalid value %s: expected %s", document.Quote(text), expected)
}

// printable refuses what can be in no value: it would break headers, paths
// and the effective configuration. The error does not show the value.
func printable(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("is not valid UTF-8")
	}
	if i := strings.IndexFunc(text, breaks); i >= 0 {
		r, _ := utf8.DecodeRuneInString(text[i:])
		return fmt.Errorf("must not contain the control character %U", r)
	}
	return nil
}

// breaks reports whether a rune can end a line or steer a terminal.
func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func parseText[T ~string](text string) (T, error) { return T(text), nil }

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, invalid(text, kindBool.expected)
	}
	return text == "true", nil
}

func parseLogLevel(text string) (level slog.Level, err error) {
	if !slices.Contains(strings.Split(kindLevel.placeholder, "|"), text) {
		return level, invalid(text, kindLevel.expected)
	}
	return level, level.UnmarshalText([]byte(text))
}

// parseUsername refuses what basic authentication cannot carry. The value is
// not shown: what follows the colon is likely a password.
func parseUsername(text string) (string, error) {
	if strings.Contains(text, ":") {
		return "", fmt.Errorf("must not contain a colon; the password goes into loki-password-file")
	}
	return text, nil
}

// tenant is what Loki takes as the name of one.
var tenant = regexp.MustCompile(`^[a-zA-Z0-9!\-_.*'()]{0,150}$`)

func parseTenant(text string) (string, error) {
	if !tenant.MatchString(text) || text == "." || text == ".." {
		return "", invalid(text, "at most 150 letters, digits and !-_.*'()")
	}
	return text, nil
}

// checkPattern compiles a pattern by itself, so that it can neither break out of the anchors
// it gets nor have an error that shows them.
func checkPattern(text string) error {
	if _, err := regexp.Compile(text); err != nil {
		return fmt.Errorf("invalid pattern %q: %s", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

func parsePattern(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, fmt.Errorf("expected a pattern, found nothing")
	}
	if err := checkPattern(text); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// parseHost takes a host name or address without a port.
func parseHost(text string) (string, error) {
	if text == "" || strings.ContainsAny(text, "/:*? ") && net.ParseIP(text) == nil {
		return "", invalid(text, "a host name without scheme and port, such as lighterman")
	}
	return text, nil
}

// parseSender takes UID, or UID/PROGRAM, where the program is named as the kernel does:
// with up to 15 letters.
func parseSender(text string) (Sender, error) {
	if text == "any" {
		return Sender{Any: true}, nil
	}
	const longest = 15
	number, program, ok := strings.Cut(text, "/")
	uid, err := strconv.ParseUint(number, 10, 32)
	if err != nil || ok && program == "" || len(program) > longest {
		return Sender{}, invalid(text, `"any", or a user's number, if need be with the name of a program of up to 15 letters, such as 0/dockerd`)
	}
	return Sender{UID: uint32(uid), Program: program}, nil
}

func parseLabelMatch(text string) (LabelMatch, error) {
	key, value, exact := strings.Cut(text, "=")
	if key == "" {
		return LabelMatch{}, invalid(text, "key or key=value")
	}
	return LabelMatch{Key: key, Value: value, AnyValue: !exact}, nil
}
