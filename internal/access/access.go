package access

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config names the files.
type Config struct {
	// WebFile is in the format of Prometheus' web.config.file; empty for none.
	WebFile string
	// TokenFile has a bearer token on each line; empty for none.
	TokenFile string
	Log       *slog.Logger
}

// Access decides who may ask. Nil lets everybody, and has no TLS.
type Access struct {
	config    Config
	passwords *passwords
	current   atomic.Pointer[sheet]
	requests  bucket

	// mu is held by whoever looks at the files; nobody waits for it. It guards the fields
	// below.
	mu       sync.Mutex
	lookedAt time.Time
	// refused is what was logged of files that cannot be used.
	refused string
}

// sheet is what the files say.
type sheet struct {
	web    web
	tokens [][sum]byte
	// stamps are those of all files that were read.
	stamps []stamp
}

// Open reads the files; nil where there are none.
func Open(config Config) (*Access, error) {
	if config.WebFile == "" && config.TokenFile == "" {
		return nil, nil
	}
	s, err := read(config)
	if err != nil {
		return nil, err
	}
	a := &Access{config: config, passwords: newPasswords()}
	a.current.Store(s)
	return a, nil
}

// read reads all files. Their stamps are taken before: what is changed meanwhile is read again.
func read(config Config) (*sheet, error) {
	s := &sheet{}
	if config.WebFile != "" {
		s.stamps = append(s.stamps, stampOf(config.WebFile))
		w, err := readWeb(config.WebFile, func(path string) { s.stamps = append(s.stamps, stampOf(path)) })
		if err != nil {
			return nil, err
		}
		s.web = *w
	}
	if config.TokenFile != "" {
		s.stamps = append(s.stamps, stampOf(config.TokenFile))
		tokens, err := readTokens(config.TokenFile)
		if err != nil {
			return nil, err
		}
		s.tokens = tokens
	}
	return s, nil
}

// asks reports whether somebody who asks has to say who he is.
func (s *sheet) asks() bool { return len(s.web.users)+len(s.tokens) > 0 }

// certified reports whether nobody gets here without a certificate.
func (s *sheet) certified() bool {
	return s.web.tls != nil && s.web.tls.ClientAuth == tls.RequireAndVerifyClientCert
}

// Authenticates reports whether only those are let in who can show who they are.
func (a *Access) Authenticates() bool {
	if a == nil {
		return false
	}
	s := a.current.Load()
	return s.asks() || s.certified()
}

// stamp is what changes with a file.
type stamp struct {
	path                    string
	inode                   uint64
	size, written, replaced int64
}

func stampOf(path string) stamp {
	s := stamp{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return s
	}
	s.size, s.written = info.Size(), info.ModTime().UnixNano()
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode, s.replaced = sys.Ino, sys.Ctim.Nano()
	}
	return s
}

// lookAgain is how often the files are looked at.
const lookAgain = time.Second

// now is what the files say, or said when they were sound. One goroutine looks at them, and
// the others go by what there is.
func (a *Access) now() *sheet {
	if a.mu.TryLock() {
		if time.Since(a.lookedAt) > lookAgain {
			a.look()
			a.lookedAt = time.Now()
		}
		a.mu.Unlock()
	}
	return a.current.Load()
}

// look reads the files again if one has changed. The lock is held.
func (a *Access) look() {
	before := a.current.Load()
	changed := false
	for _, s := range before.stamps {
		changed = changed || stampOf(s.path) != s
	}
	if !changed {
		return
	}
	s, err := read(a.config)
	switch {
	case err != nil:
	case (s.web.tls == nil) != (before.web.tls == nil):
		err = fmt.Errorf("%s: TLS cannot be switched on or off while lighterman runs: restart it", a.config.WebFile)
	case (s.asks() || s.certified()) != (before.asks() || before.certified()):
		err = fmt.Errorf("%s: authentication cannot be switched on or off while lighterman runs: restart it", a.config.WebFile)
	}
	if err != nil {
		if a.refused != err.Error() {
			a.refused = err.Error()
			a.config.Log.Error("the files for access to the listener have changed and cannot be used, what they said before stands", "error", err)
		}
		return
	}
	a.refused = ""
	a.current.Store(s)
	a.config.Log.Info("the files for access to the listener were read again")
}

// Verdict is what becomes of a request.
type Verdict uint8

// The verdicts.
const (
	// Denied is for those who have not shown that they may.
	Denied Verdict = iota
	// Allowed lets in.
	Allowed
	// Later is for those who have to try again, as too many try.
	Later
)

// Decide decides about a request.
func (a *Access) Decide(r *http.Request) Verdict {
	s := a.now()
	if !s.asks() {
		// Without a certificate nobody gets here, but for whoever was connected before one
		// was asked for.
		if s.certified() && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
			return Denied
		}
		return Allowed
	}
	kind, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		if known(s.tokens, strings.TrimSpace(rest)) {
			return Allowed
		}
		return Denied
	}
	if name, password, ok := r.BasicAuth(); ok && len(s.web.users) > 0 {
		return a.passwords.decide(s.web.users, name, password)
	}
	return Denied
}

// Guard lets in who may, and has others answered by denied, which may be nil. Headers that
// the file asks for are set for all.
func (a *Access) Guard(next, denied http.Handler) http.Handler {
	if a == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := a.current.Load()
		for name, value := range s.web.headers {
			w.Header().Set(name, value)
		}
		if l := s.web.limit; l.every > 0 && !a.requests.take(l.every, l.burst, time.Now()) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		verdict := a.Decide(r)
		switch {
		case verdict == Allowed:
			next.ServeHTTP(w, r)
		case denied != nil:
			denied.ServeHTTP(w, r)
		case verdict == Later:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many passwords are being tried; try again later", http.StatusTooManyRequests)
		default:
			if len(s.tokens) > 0 {
				w.Header().Add("WWW-Authenticate", `Bearer realm="lighterman"`)
			}
			if len(s.web.users) > 0 {
				w.Header().Add("WWW-Authenticate", `Basic realm="lighterman", charset="UTF-8"`)
			}
			http.Error(w, "unauthorized", http.StatusUnauthorized)
		}
	})
}

// TLS returns what the server needs for TLS, nil for none, and whether it speaks HTTP/2.
func (a *Access) TLS() (config *tls.Config, http2 bool) {
	if a == nil {
		return nil, false
	}
	s := a.current.Load()
	if s.web.tls == nil {
		return nil, false
	}
	config = s.web.tls.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.now().web.tls, nil }
	return config, s.web.http2
}
