package redact

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Hidden stands where a secret was.
const Hidden = "<secret>"

// shortest is the length of a secret that is looked for by itself: a shorter one would be
// found in words. As a part of a header or of an address it is hidden all the same.
const shortest = 4

// Scrubber takes secrets out of texts. The zero value knows none, and hides only what
// shows by its form: credentials in headers, and all of an address but scheme and host.
type Scrubber struct {
	mu       sync.Mutex // guards known, of which the last is the newest
	known    []known
	replacer atomic.Pointer[strings.Replacer]
}

// known is a secret, the user name that may go with it, and the file it was read from, if
// it was.
type known struct{ file, user, secret string }

// versions is how many contents of one file stay known: what was sent with one that was
// replaced meanwhile may yet be answered.
const versions = 8

// Add makes a secret known, and the user name that may go with it.
func (s *Scrubber) Add(user, secret string) { s.AddFrom("", user, secret) }

// AddFrom is Add for what a file holds now. Of what it held before the last few stay known,
// so that a token which is renewed every hour does not take more and more memory.
func (s *Scrubber) AddFrom(file, user, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := known{file, user, secret}
	of := slices.DeleteFunc(slices.Clone(s.known), func(k known) bool { return k.file != file })
	again := slices.Contains(of, now)
	if secret == "" || again && (file == "" || of[len(of)-1] == now) {
		return
	}
	drop := now
	if !again && file != "" && len(of) >= versions {
		drop = of[0]
	}
	s.known = append(slices.DeleteFunc(s.known, func(k known) bool { return k == drop }), now)
	s.replacer.Store(replacerOf(s.known))
}

// Learn makes known what another scrubber knows.
func (s *Scrubber) Learn(other *Scrubber) {
	if other == s {
		return
	}
	other.mu.Lock()
	known := slices.Clone(other.known)
	other.mu.Unlock()
	for _, k := range known {
		s.AddFrom(k.file, k.user, k.secret)
	}
}

// AddURL makes known what is secret in an address: the password, and the values of the
// query.
func (s *Scrubber) AddURL(u *url.URL) {
	if u == nil {
		return
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.Add(u.User.Username(), password)
	}
	for _, values := range u.Query() {
		for _, value := range values {
			s.Add("", value)
		}
	}
}

// AddText is AddURL for an address as it was given, which need not be a valid one.
func (s *Scrubber) AddText(address string) {
	if u, err := url.Parse(address); err == nil {
		s.AddURL(u)
		return
	}
	if m := userText.FindStringSubmatch(address); m != nil {
		s.Add(m[1], m[2])
		if password, err := url.PathUnescape(m[2]); err == nil {
			s.Add(m[1], password)
		}
	}
}

// userText finds user and password in an address that cannot be parsed.
var userText = regexp.MustCompile(`^(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?([^:/@]*):(.*)@`)

// formsOf is what a text looks like in errors: as it is, and as encoders write it.
func formsOf(text string) []string {
	inner := func(quoted string) string { return quoted[1 : len(quoted)-1] }
	forms := []string{
		text, url.QueryEscape(text), url.PathEscape(text), url.UserPassword("", text).String()[1:], html.EscapeString(text),
		inner(strconv.Quote(text)), inner(strconv.QuoteToASCII(text)), inner(strconv.Quote(inner(strconv.Quote(text)))),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "="),
		strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(text)), "="),
	}
	if quoted, err := json.Marshal(text); err == nil {
		forms = append(forms, inner(string(quoted)))
	}
	for _, form := range forms[1:4] {
		forms = append(forms, percent.ReplaceAllStringFunc(form, strings.ToLower))
	}
	return forms
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

func replacerOf(secrets []known) *strings.Replacer {
	var all []string
	for _, k := range secrets {
		for _, form := range append(formsOf(k.secret), formsOf(k.user+":"+k.secret)...) {
			if len(form) >= shortest {
				all = append(all, form)
			}
		}
	}
	// The longest first, of which another may be a part.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(all))
	for _, form := range all {
		pairs = append(pairs, form, Hidden)
	}
	return strings.NewReplacer(pairs...)
}

var (
	// headerText finds the value of a header that has credentials, as a proxy may send it
	// back, in whatever notation.
	headerText = regexp.MustCompile(`(?i)((?:proxy-)?authorization\\?["']?\s*(?:[:=]|=>)\s*[\["'\\]*\s*)((?:basic|bearer|digest|negotiate|apikey|token)\s+)?[^\s"'\\,;\]<}]+`)
	// addressText finds addresses.
	addressText = regexp.MustCompile(`(?i)\b(https?|socks5h?|tcp|wss?)://[^\s"'<>\\` + "`" + `(){}]+`)
)

// ownPages are where our own documentation is.
const ownPages = "https://github.com/lighterman/"

// Scrub returns a text without the secrets that are known, without credentials in
// headers, and with no more of an address than scheme and host.
func (s *Scrubber) Scrub(text string) string {
	text = s.Mask(text)
	if strings.Contains(text, "://") {
		text = addressText.ReplaceAllStringFunc(text, URL)
	}
	if len(text) >= len("authorization") {
		text = headerText.ReplaceAllString(text, "${1}"+Hidden)
	}
	return text
}

// Mask returns a text without the secrets that are known, and leaves all else as it is.
func (s *Scrubber) Mask(text string) string {
	if s == nil {
		return text
	}
	if r := s.replacer.Load(); r != nil {
		return r.Replace(text)
	}
	return text
}

// Argument returns an argument of a command line that is shown to be given again: without the
// secrets that are known, and of an address without user and query. Its path is kept.
func (s *Scrubber) Argument(arg string) string {
	flag, value := "", arg
	if name, after, joined := strings.Cut(arg, "="); joined && strings.HasPrefix(name, "-") {
		flag, value = name+"=", after
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || strings.Count(value, "://") != 1 {
		return flag + s.Scrub(value)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return flag + s.Mask(u.String())
}

// String keeps the secrets out of what prints the scrubber itself.
func (s *Scrubber) String() string { return Hidden }

// GoString does the same for %#v.
func (s *Scrubber) GoString() string { return Hidden }

// URL returns scheme and host of an address, and what follows it in a sentence.
func URL(address string) string {
	if strings.HasPrefix(address, ownPages) {
		return address
	}
	body := strings.TrimRight(address, ".,;:!?")
	after := address[len(body):]
	scheme, rest, ok := strings.Cut(body, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "?")
	host, _, _ = strings.Cut(host, "#")
	// A password that is not encoded may have a slash, but a host has no @.
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	host, _, _ = strings.Cut(host, "/")
	return scheme + "://" + host + after
}
