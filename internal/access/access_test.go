package access

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hash(t testing.TB, password string, cost int) string {
	t.Helper()
	out, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// write writes a file that was not there, or in place of another.
func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t testing.TB, c Config) *Access {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask returns the status that a request with a header gets.
func ask(a *Access, set func(*http.Request)) (int, http.Header) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	set(r)
	w := httptest.NewRecorder()
	a.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), nil).ServeHTTP(w, r)
	return w.Code, w.Header()
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", token) }
}

const token = "0123456789abcdef-first"

func TestWhoIsLetIn(t *testing.T) {
	dir := t.TempDir()
	a := opened(t, Config{
		WebFile: write(t, filepath.Join(dir, "web.yaml"), "http_server_config:\n  headers:\n    X-Frame-Options: deny\nbasic_auth_users:\n  alice: "+hash(t, "wonder", bcrypt.MinCost)+
			"\n  bob: "+hash(t, "built", bcrypt.MinCost)+"\n"),
		TokenFile: write(t, filepath.Join(dir, "tokens"), "# of Prometheus\n"+token+"\n\n  0123456789abcdef-second  \n"),
	})
	if !a.Authenticates() {
		t.Error("nobody is asked")
	}
	for name, test := range map[string]struct {
		set  func(*http.Request)
		want int
	}{
		"nobody":               {func(*http.Request) {}, 401},
		"right":                {basic("alice", "wonder"), 200},
		"right again":          {basic("alice", "wonder"), 200},
		"other":                {basic("bob", "built"), 200},
		"another's":            {basic("bob", "wonder"), 401},
		"wrong":                {basic("alice", "Wonder"), 401},
		"none":                 {basic("alice", ""), 401},
		"unknown":              {basic("carol", "wonder"), 401},
		"token":                {bearer("Bearer " + token), 200},
		"token, lower case":    {bearer("bearer  0123456789abcdef-second"), 200},
		"wrong token":          {bearer("Bearer " + token + "x"), 401},
		"no token":             {bearer("Bearer "), 401},
		"comment":              {bearer("Bearer # of Prometheus"), 401},
		"token as password":    {basic("", token), 401},
		"something else":       {bearer("Negotiate " + token), 401},
		"no base64":            {bearer("Basic *"), 401},
		"hash as the password": {basic("alice", string(a.current.Load().web.users["alice"])), 401},
	} {
		a.passwords.tries = bucket{} // each by itself
		code, header := ask(a, test.set)
		if code != test.want || header.Get("X-Frame-Options") != "deny" {
			t.Errorf("%s: %d, want %d; %v", name, code, test.want, header)
		}
		if challenges := strings.Join(header.Values("WWW-Authenticate"), ","); (code == 401) != (strings.Contains(challenges, "Basic") && strings.Contains(challenges, "Bearer")) {
			t.Errorf("%s: %q", name, challenges)
		}
	}
	var nobody *Access
	if code, _ := ask(nobody, func(*http.Request) {}); code != 200 || nobody.Authenticates() {
		t.Errorf("without files: %d", code)
	}
}

// TestTrying: whoever tries passwords takes no more of the processor than a few tries, and
// does not keep out those who have the right one.
func TestTrying(t *testing.T) {
	a := opened(t, Config{WebFile: write(t, filepath.Join(t.TempDir(), "web.yaml"), "basic_auth_users:\n  alice: "+hash(t, "wonder", 8)+"\n")})
	if code, _ := ask(a, basic("alice", "wonder")); code != 200 {
		t.Fatal(code)
	}
	var mu sync.Mutex
	codes := make(map[int]int)
	began := time.Now()
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			code, header := ask(a, basic(fmt.Sprint("user", i%3), fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
			if code == 429 && header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
		if code, _ := ask(a, basic("alice", "wonder")); code != 200 {
			t.Errorf("who has the right one gets %d", code)
		}
	}
	all.Wait()
	most := tryBurst + int(time.Since(began)/tryEvery) + 1
	if codes[401] > most || codes[401] == 0 || codes[401]+codes[429] != 400 {
		t.Errorf("%v, at most %d were to be tried", codes, most)
	}
	for i := range 10 * mostRemembered {
		a.passwords.remember([sum]byte{byte(i), byte(i >> 8)}, false)
	}
	if n := len(a.passwords.wrong); n > mostRemembered {
		t.Errorf("%d are remembered", n)
	}
}

// TestFilesThatChange: what is sound is taken over, and what is not changes nothing.
func TestFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	path := write(t, filepath.Join(dir, "web.yaml"), "basic_auth_users:\n  alice: "+hash(t, "first", bcrypt.MinCost)+"\n")
	a := opened(t, Config{WebFile: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	code := func(password string) int {
		a.mu.Lock()
		a.lookedAt = time.Time{}
		a.mu.Unlock()
		a.passwords.tries = bucket{}
		code, _ := ask(a, basic("alice", password))
		return code
	}
	if code("first") != 200 || code("second") != 401 {
		t.Fatal("before")
	}
	write(t, path, "basic_auth_users:\n  alice: "+hash(t, "second", bcrypt.MinCost)+"\n")
	if code("first") != 401 || code("second") != 200 {
		t.Error("what was changed does not count")
	}
	for _, bad := range []string{"", "basic_auth_users: {}\n", "basic_auth_users:\n  alice: plain-text-secret\n", "basic_auth_users:\n  ali", "{"} {
		log.Reset()
		a.mu.Lock()
		a.refused = ""
		a.mu.Unlock()
		write(t, path, bad)
		if code("second") != 200 || code("") != 401 {
			t.Errorf("%q: what was there does not stand", bad)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 || strings.Contains(log.String(), "plain-text-secret") {
			t.Errorf("%q: logged %d times: %s", bad, n, log.String())
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if code("second") != 200 {
		t.Error("a file that is gone locks everybody out")
	}
}

// TestMistakes: every mistake is told with its place, and no secret with it.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"basic_auth_user:\n  a: b\n":          `:1:1: unknown key "basic_auth_user"; did you mean "basic_auth_users"?`,
		"basic_auth_users:\n  a: hush-hush\n": ":2:6: basic_auth_users.a: expected a bcrypt hash",
		"basic_auth_users: [hush-hush]\n":     "expected a map of users",
		"basic_auth_users:\n  a: $2y$31$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\n":    "the cost of the hash is 31",
		"tls_server_config:\n  cert_file: a\n":                                                      "expected key_file or key, one of them",
		"tls_server_config:\n  cert: a\n  key: hush-hush\n":                                         "the certificate and its key cannot be used",
		"tls_server_config:\n  cert_file: none\n  key_file: none\n":                                 "no such file",
		"tls_server_config:\n  cert: a\n  key: b\n  client_auth_type: RequireAndVerifyClientCert\n": "client_auth_type needs client_ca_file",
		"tls_server_config:\n  cert: a\n  key: b\n  client_ca: c\n":                                 "client_ca_file is without effect",
		"tls_server_config:\n  cert: a\n  key: b\n  min_version: TLS9\n":                            `min_version: unknown value "TLS9"`,
		"tls_server_config:\n  cert: a\n  key: b\n  cipher_suites: [X]\n":                           `unknown value "X"`,
		"http_server_config:\n  headers:\n    X-Frame-Options: allow\n":                             "X-Frame-Options cannot be",
		"rate_limit:\n  interval: often\n":                                                          "expected a duration",
	} {
		_, err := Open(Config{WebFile: write(t, filepath.Join(t.TempDir(), "web.yaml"), text)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                   "there is no token in it",
		"# nothing\n":        "there is no token in it",
		"hush-hush\n":        ":1: the token is too short",
		token + " hush-hush": ":1: a token has no blanks",
	} {
		_, err := Open(Config{TokenFile: write(t, filepath.Join(t.TempDir(), "tokens"), text)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestRateLimit(t *testing.T) {
	a := opened(t, Config{WebFile: write(t, filepath.Join(t.TempDir(), "web.yaml"), "rate_limit:\n  interval: 1h\n  burst: 3\n")})
	codes := []int{}
	for range 5 {
		code, _ := ask(a, func(*http.Request) {})
		codes = append(codes, code)
	}
	if fmt.Sprint(codes) != "[200 200 200 429 429]" || a.Authenticates() {
		t.Errorf("got %v", codes)
	}
}

// FuzzWeb: whatever the file, it is read or refused, and what was read can be used.
func FuzzWeb(f *testing.F) {
	f.Add("tls_server_config:\n  cert: a\n  key: b\nbasic_auth_users:\n  a: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\nrate_limit: {interval: 1s, burst: 2}\n")
	f.Add("http_server_config: {http2: false, headers: {X-Frame-Options: deny}}")
	path := filepath.Join(f.TempDir(), "web.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := readWeb(path, func(string) {})
		if err != nil {
			return
		}
		if w.tls != nil && len(w.tls.Certificates) == 0 {
			t.Errorf("TLS without a certificate: %q", text)
		}
		for name, hash := range w.users {
			if cost, err := bcrypt.Cost(hash); err != nil || cost > mostCost || name == "" {
				t.Errorf("a user whose password cannot be looked at: %q", text)
			}
		}
	})
}
