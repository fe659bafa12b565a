package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// sum is the size of a hash, in bytes.
const sum = sha256.Size

// Bounds of a file of tokens.
const (
	maxFile   = 1 << 20
	maxTokens = 1000
	// leastToken is the least length of a token, in bytes.
	leastToken = 16
)

// readTokens reads a bearer token on each line. Blank lines, and those that begin with #, are
// none. No token is in an error.
func readTokens(path string) (all [][sum]byte, err error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		token := strings.TrimSpace(line)
		switch {
		case token == "" || token[0] == '#':
			continue
		case len(token) < leastToken:
			return nil, fmt.Errorf("%s:%d: the token is too short to be one: expected at least %d letters, such as openssl rand -hex 32 makes", path, number, leastToken)
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, fmt.Errorf("%s:%d: a token has no blanks and nothing but ASCII: expected one on a line", path, number)
		case len(all) == maxTokens:
			return nil, fmt.Errorf("%s: more than %d tokens", path, maxTokens)
		}
		all = append(all, sha256.Sum256([]byte(token)))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no token in it", path)
	}
	return all, nil
}

// FirstToken returns the first token of a file, to ask a listener with.
func FirstToken(path string) (string, error) {
	if _, err := readTokens(path); err != nil {
		return "", err
	}
	text, err := readFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if token := strings.TrimSpace(line); token != "" && token[0] != '#' {
			return token, nil
		}
	}
	return "", fmt.Errorf("%s: there is no token in it", path)
}

// known reports whether a token is among others. It takes as long for each.
func known(tokens [][sum]byte, token string) bool {
	given := sha256.Sum256([]byte(token))
	found := 0
	for i := range tokens {
		found |= subtle.ConstantTimeCompare(tokens[i][:], given[:])
	}
	return found == 1
}

// readFile reads a file of bounded size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}

// bucket bounds how often something is done: once in an interval, and so many times at once.
type bucket struct {
	mu sync.Mutex
	// full is when there will be room for all at once again; mu guards it.
	full time.Time
}

// take reports whether it may be done now.
func (b *bucket) take(every time.Duration, burst int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full.Before(now) {
		b.full = now
	}
	if b.full.Sub(now) > time.Duration(max(burst, 1)-1)*every {
		return false
	}
	b.full = b.full.Add(every)
	return true
}
