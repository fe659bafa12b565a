package access

import (
	"crypto/tls"
	"errors"
	"strconv"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lighterman/lighterman/internal/document"
)

// web is what a web.config.file says.
type web struct {
	// tls is nil where there is none.
	tls     *tls.Config
	http2   bool
	headers map[string]string
	// users have the bcrypt hashes of their passwords.
	users map[string][]byte
	limit limit
}

// limit is how many requests there may be; none when every is 0.
type limit struct {
	every time.Duration
	burst int
}

// headerNames are the headers that the file may set, with the values that each may have; none
// for any.
var headerNames = map[string][]string{
	"Strict-Transport-Security": nil,
	"X-Content-Type-Options":    {"nosniff"},
	"X-Frame-Options":           {"deny", "sameorigin"},
	"X-XSS-Protection":          nil,
	"Content-Security-Policy":   nil,
}

// readWeb reads a web.config.file, strictly: all that is wrong is told, with its place, and
// no hash nor key is shown. reads is called before each further file that it names is read.
func readWeb(path string, reads func(string)) (*web, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	w := &web{http2: true, headers: make(map[string]string), users: make(map[string][]byte)}
	root, there, problems := document.Parse(path, data)
	var server *serverTLS
	if there {
		root.Fields("a map with the keys of Prometheus' web.config.file",
			document.Field{Name: "tls_server_config", Read: func(v document.Value) { server = readServerTLS(v) }},
			document.Field{Name: "http_server_config", Read: w.readHTTP},
			document.Field{Name: "basic_auth_users", Read: w.readUsers},
			document.Field{Name: "rate_limit", Read: w.readLimit},
		)
	}
	if root.Node != nil {
		problems = append(root.Problems(), problems...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if server != nil {
		w.tls, err = server.make(path, w.http2, reads)
	}
	return w, err
}

func (w *web) readHTTP(v document.Value) {
	v.Fields("a map with http2 and headers",
		document.Field{Name: "http2", Read: func(v document.Value) { readBool(v, &w.http2) }},
		document.Field{Name: "headers", Read: func(v document.Value) {
			fields := make([]document.Field, 0, len(headerNames))
			for name, values := range headerNames {
				fields = append(fields, document.Field{Name: name, Read: func(v document.Value) { w.readHeader(v, name, values) }})
			}
			v.Fields("a map of headers", fields...)
		}},
	)
}

func (w *web) readHeader(v document.Value, name string, values []string) {
	text, ok := readText(v)
	switch {
	case !ok:
	case text == "":
	case len(values) > 0 && !oneOf(text, values):
		v.Fail("%s cannot be %s; expected %s", name, document.Quote(text), document.OneOf(values))
	default:
		w.headers[name] = text
	}
}

func (w *web) readUsers(v document.Value) {
	for p := range v.Pairs("a map of users to bcrypt hashes") {
		hash, ok := readText(p.Value)
		if !ok {
			continue
		}
		cost, err := bcrypt.Cost([]byte(hash))
		switch {
		case p.Key.Node.Value == "":
			p.Key.Fail("expected a name, found nothing")
		case err != nil:
			p.Value.Fail("expected a bcrypt hash, such as htpasswd -nBC 10 makes")
		case cost > mostCost:
			p.Value.Fail("the cost of the hash is %d, which takes seconds for each try; expected at most %d", cost, mostCost)
		default:
			w.users[p.Key.Node.Value] = []byte(hash)
		}
	}
}

func (w *web) readLimit(v document.Value) {
	v.Fields("a map with interval and burst",
		document.Field{Name: "interval", Read: func(v document.Value) {
			text, ok := readText(v)
			d, err := time.ParseDuration(text)
			if ok && (err != nil || d < 0) {
				v.Fail("expected a duration, such as 1s")
			}
			w.limit.every = d
		}},
		document.Field{Name: "burst", Read: func(v document.Value) {
			n, err := strconv.Atoi(v.Node.Value)
			if !v.Scalar("!!int") || err != nil || n < 0 {
				v.Expected("a number", "")
				return
			}
			w.limit.burst = min(n, 1<<20)
		}},
	)
}

// readText reads a string. Numbers are taken as they stand, as YAML makes one of 0.
func readText(v document.Value) (string, bool) {
	if !v.Scalar("!!str", "!!int", "!!null") {
		v.Expected("a string", "")
		return "", false
	}
	if v.Scalar("!!null") {
		return "", true
	}
	return v.Node.Value, true
}

func readBool(v document.Value, to *bool) {
	if !v.Scalar("!!bool") {
		v.Expected("true or false", "")
		return
	}
	*to = v.Node.Value == "true"
}

func oneOf(text string, values []string) bool {
	for _, value := range values {
		if text == value {
			return true
		}
	}
	return false
}
