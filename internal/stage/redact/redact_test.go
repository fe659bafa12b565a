package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func all(t testing.TB) *Redactor {
	t.Helper()
	r, err := New(Config{Presets: Presets()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// a repeats, so that no file here holds what a scanner for secrets would report.
func a(n int) string { return strings.Repeat("a", n) }

func TestPresets(t *testing.T) {
	r := all(t)
	for _, c := range []struct{ in, want string }{
		{"token ghp_" + a(36) + " used", "token <redacted:github_token> used"},
		{"github_pat_" + a(30) + "_" + a(10), "<redacted:github_token>"},
		{"ghp_short", "ghp_short"},
		{"key AKIA" + strings.Repeat("B", 16) + ";", "key <redacted:aws_key>;"},
		{"key ASIA" + strings.Repeat("B", 16), "key <redacted:aws_key>"},
		{"BAKIA" + strings.Repeat("B", 16), "BAKIA" + strings.Repeat("B", 16)},
		{"xoxb-" + strings.Repeat("1", 12) + "-" + a(20), "<redacted:slack_token>"},
		{"Bearer eyJ" + a(20) + ".eyJ" + a(20) + "." + a(20) + ",", "Bearer <redacted:jwt>,"},
		{"eyJ" + a(20) + "." + a(3), "eyJ" + a(20) + "." + a(3)},
		{"sk_live_" + a(24), "<redacted:stripe_key>"},
		{"AIza" + a(35), "<redacted:google_key>"},
		{"glpat-" + a(20), "<redacted:gitlab_token>"},
		{"sk-proj-" + a(40), "<redacted:api_key>"},
		{"risk-" + a(40), "risk-" + a(40)},
		{"SG." + a(22) + "." + a(43), "<redacted:sendgrid_key>"},
		{"-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nnext", "<redacted:private_key>\nnext"},
		{"-----BEGIN PRIVATE KEY-----\\nabc", "<redacted:private_key>"},
		{"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},

		{"paid with 4111 1111 1111 1111.", "paid with <redacted:card>."},
		{"5500-0000-0000-0004", "<redacted:card>"},
		{"4111111111111112", "4111111111111112"},
		{"at 1795953600123456789", "at 1795953600123456789"},
		{"id 374245455400126 ok", "id <redacted:card> ok"},
		{"x4111111111111111", "x4111111111111111"},
		{"41111111111111111111111", "41111111111111111111111"},

		{"from joe.doe+x@mail.example.org to", "from <redacted:mail> to"},
		{"joe@example.org.", "<redacted:mail>."},
		{"git@host and user@db", "git@host and user@db"},
		{"@everyone joe@1.2", "@everyone joe@1.2"},
		{"<joe@example.org>", "<<redacted:mail>>"},

		{"10.0.0.7 - - [29/Nov", "<redacted:address> - - [29/Nov"},
		{"to 10.0.0.7:5432.", "to <redacted:address>:5432."},
		{"10.0.0.256 1.2.3 1.2.3.4.5", "10.0.0.256 1.2.3 1.2.3.4.5"},
		{"[2001:db8::1]:443", "[<redacted:address>]:443"},
		{"at 12:00:00 a::b", "at 12:00:00 a::b"},
		{"fe80::1ff:fe23:4567:890a", "<redacted:address>"},
		{"std::string and :: and 0.0.0.0", "std::string and :: and 0.0.0.0"},
		{"", ""},
	} {
		out, _, _ := r.Redact(nil, []byte(c.in))
		if string(out) != c.want {
			t.Errorf("%q\n became %q\n instead %q", c.in, out, c.want)
		}
	}
}

func TestOwn(t *testing.T) {
	r, err := New(Config{Patterns: []Pattern{{"password", `password=(\S+)`}, {"iban", `DE\d{20}`}}, Replace: "***"})
	if err != nil {
		t.Fatal(err)
	}
	out, _, n := r.Redact(nil, []byte("password=a password=b DE"+strings.Repeat("1", 20)))
	if string(out) != "password=*** password=*** ***" || n != 3 {
		t.Errorf("%q, %d", out, n)
	}
	for _, bad := range []Config{{Presets: []string{"x"}}, {Patterns: []Pattern{{"x", "("}}}, {Patterns: []Pattern{{"x", "a*"}}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, s := range []string{"joe@example.org.", "4111 1111 1111 1111-", "eyJeyJ.eyJ.", "::1", "-----BEGIN PRIVATE KEY", "AIz", "a.b@c..", "1.2.3.4:5", "@."} {
		f.Add([]byte(s))
	}
	for _, s := range []string{"ghp_" + a(36), "x AKIA" + strings.Repeat("B", 16), "xoxb-" + a(10), "eyJ" + a(8) + ".eyJ" + a(8) + ".a", "AIza" + a(35), "sk-" + a(32), "SG." + a(60), "hvs." + a(24)} {
		f.Add([]byte(s))
	}
	r, err := New(Config{Presets: []string{Tokens, Cards, Mails}})
	if err != nil {
		f.Fatal(err)
	}
	full := all(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		in := bytes.Clone(line)
		full.Redact(nil, line)
		out, _, n := r.Redact(nil, line)
		if !bytes.Equal(in, line) {
			t.Fatal("the line was changed")
		}
		// The look that spares most lines overlooks nothing.
		var s pass
		if s.run(r, nil, line); !r.suspect(line) && s.n > 0 {
			t.Fatalf("overlooked: %q", s.out)
		}
		if n == 0 && !bytes.Equal(out, line) {
			t.Fatal("changed without a match")
		}
	})
}

var lines = map[string]string{
	"json":   `{"time":"2026-11-29T12:00:00.123456789Z","level":"info","msg":"request served","method":"GET","path":"/api/v1/items/4711","status":200,"duration_ms":12.5,"request_id":"7f9c2ba4-e88f-4b8a-9c7d-0a1b2c3d4e5f","user_agent":"curl/8.5.0"}`,
	"access": `10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api/v1/items?page=2 HTTP/1.1" 200 5120 "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/119.0"`,
	"java":   `2026-11-29 12:00:00,123 INFO  [http-nio-8080-exec-7] com.example.shop.OrderService - order 4711 of customer 815 accepted in 12 ms`,
}

func BenchmarkRedact(b *testing.B) {
	for _, presets := range [][]string{{Tokens}, {Tokens, Cards, Mails}, Presets()} {
		r, err := New(Config{Presets: presets})
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range []string{"json", "access", "java"} {
			line := []byte(lines[name])
			b.Run(strings.Join(presets, "+")+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(line)))
				var buf []byte
				for b.Loop() {
					_, buf, _ = r.Redact(buf, line)
				}
			})
		}
	}
}

// BenchmarkLong is a line of 131 KB, without a match and of what is worst.
func BenchmarkLong(b *testing.B) {
	r := all(b)
	own, err := New(Config{Presets: Presets(), Patterns: []Pattern{{"password", `(?i)password["']?\s*[:=]\s*["']?(\S+)`}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		r          *Redactor
	}{
		{"json", lines["json"], r}, {"jwt", "eyJ", r}, {"mails", "a@b", r}, {"digits", "4", r}, {"numbers", "4 ", r}, {"dots", "1.", r}, {"colons", "a:", r},
		{"dashes", "-----BEGIN ", r}, {"found", "joe@example.org ", r}, {"own", lines["json"], own},
	} {
		line := []byte(strings.Repeat(c.text, 131<<10/len(c.text)))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			var buf []byte
			for b.Loop() {
				_, buf, _ = c.r.Redact(buf, line)
			}
		})
	}
}

// TestFind: what is found is what would be taken out, with its place, and has a name of Names.
func TestFind(t *testing.T) {
	r := all(t)
	line := "10.0.0.7 used ghp_" + a(36) + " and 4111 1111 1111 1111, says joe@example.org"
	var got []string
	r.Find([]byte(line), func(name string, from, to int) { got = append(got, name+" "+line[from:to]) })
	want := []string{"address 10.0.0.7", "github_token ghp_" + a(36), "card 4111 1111 1111 1111", "mail joe@example.org"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, found := range got {
		if name, _, _ := strings.Cut(found, " "); !slices.Contains(Names(), name) {
			t.Errorf("%s is not among the names", name)
		}
	}
	r.Find([]byte("nothing"), func(string, int, int) { t.Error("something") })
}
