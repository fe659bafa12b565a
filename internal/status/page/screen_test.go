package page

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/test/chromium"
	"github.com/lighterman/lighterman/test/wait"
)

// serve runs the server of pages until the test ends, and returns its address.
func (s *site) serve(t *testing.T) string { t.Helper(); return "http://" + s.serveTo(t, nil) }

// serveTo is serve for those whom an access lets in.
func (s *site) serveTo(t *testing.T, a *access.Access) (address string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	_ = free.Close()
	again := status.New(address, nil, s.pages.config.Log)
	again.Observe(s.snapshotOnly)
	again.Pages(s.pages)
	again.Protect(a, false)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- again.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	wait.For(t, time.Minute, "the server to listen", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return address
}

// TestBehindPassword: with a password all of a page is there, and renews itself; without one
// nothing is.
func TestBehindPassword(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("a-password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(file, []byte("basic_auth_users:\n  me: "+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.Open(access.Config{WebFile: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(func() status.Snapshot { return fleet(3) })
	address := s.serveTo(t, a)
	for _, path := range append(slices.Clone(everyPage), "/overview.json", stylesheet.path, script.path) {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a password: %s", path, answer.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	page := chromium.Open(t, "http://me:a-password@"+address+"/containers/"+id(0), 1280, 800)
	s.write(id(0), "a line behind a password")
	var text string
	wait.For(t, time.Minute, "the line to be shown", func() bool {
		page.Eval(`document.querySelector('.lines').textContent`, &text)
		return strings.Contains(text, "a line behind a password")
	})
	for _, c := range page.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// snapshotOnly is the snapshot alone.
func (s *site) snapshotOnly() status.Snapshot { return s.State().Snapshot }

// keptPictures are those that are in the documents, by what is shown.
var keptPictures = map[string]string{
	"overview-30-1280-light": "page-overview.png", "overview-30-1280-dark": "page-overview-dark.png", "containers-30-390-light": "page-containers-narrow.png",
	"containers-1000-1280-light": "page-containers.png", "container-30-1280-light": "page-container.png", "overview-0-390-dark": "page-overview-narrow-dark.png",
}

// TestScreens: every page in a real browser, wide and narrow, light and dark, with no, 30 and
// 1,000 containers: nothing is wider than the window, the console is empty, and whoever sees,
// hears or types can use it. PAGE_PICTURES is a directory to keep all pictures in; with
// PAGE_PICTURES=docs those of the documents are renewed.
func TestScreens(t *testing.T) {
	dir := os.Getenv("PAGE_PICTURES")
	renew := dir == "docs"
	if dir == "" || renew {
		dir = t.TempDir()
	}
	var page *chromium.Page
	for _, n := range []int{0, 30, 1000} {
		all := fleet(n)
		s := newSite(func() status.Snapshot { return all })
		if n > 0 {
			s.past()
			s.say()
			s.detail.Refusals = []status.Refusal{refusal}
		}
		at := s.serve(t)
		if page == nil {
			page = chromium.Open(t, at+"/?refresh=0", 1280, 800)
		}
		paths := map[string]string{"overview": "/", "containers": "/containers", "outputs": "/outputs", "configuration": "/configuration", "messages": "/messages", "nobody": "/containers/none"}
		if n > 0 {
			paths["container"] = "/containers/" + id(4)
			_, _ = s.get(t, paths["container"])
			s.write(id(4), lines...)
		}
		for name, path := range paths {
			if n == 1000 && name != "overview" && name != "containers" {
				continue
			}
			for _, width := range []int{1280, 390} {
				for _, scheme := range []string{"light", "dark"} {
					page.Resize(width, map[int]int{1280: 800, 390: 844}[width])
					page.Scheme(scheme)
					page.Go(at + path + "?refresh=0")
					what := fmt.Sprintf("%s-%d-%d-%s", name, n, width, scheme)
					for _, found := range append(findings(page), page.Overflow()...) {
						t.Errorf("%s: %s", what, found)
					}
					picture := page.View()
					keep(t, filepath.Join(dir, what+".png"), picture)
					if file := keptPictures[what]; file != "" && renew {
						keep(t, filepath.Join("../../../docs/images", file), picture)
					}
				}
			}
		}
	}
	for _, c := range page.Complaints() {
		if !strings.Contains(c, "/containers/none") { // the answer is 404, as it should be
			t.Errorf("the browser complains: %s", c)
		}
	}
}

func keep(t *testing.T, path string, picture []byte) {
	t.Helper()
	if len(picture) > 150<<10 {
		t.Errorf("%s has %d bytes", path, len(picture))
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// lines are as containers write them.
var lines = []string{
	`10.0.3.7 - - [29/Nov/2026:21:03:11 +0000] "GET /cart HTTP/1.1" 200 5120 "-" "Mozilla/5.0"`,
	`{"level":"info","msg":"order placed","order":"A-20931","took_ms":41}`,
	`{"level":"error","msg":"cannot charge the card","order":"A-20932","error":"connection reset by peer"}`,
	`java.lang.IllegalStateException: pool is closed` + "\n\tat shop.Pool.take(Pool.java:81)\n\tat shop.Orders.place(Orders.java:40)",
	"\x1b[31ma red line\x1b[0m and a hidden \u202eone",
	strings.Repeat("a long line goes on and on, ", 60),
}

// TestLive: with a script what has changed is replaced, and what the reader does stays: focus,
// what was typed, the place; without one the page loads itself again. The keyboard reaches the
// content first.
func TestLive(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(30) })
	at := s.serve(t)
	path := "/containers/" + id(4)
	page := chromium.Open(t, at+path, 1280, 500)
	var text string
	page.Eval(`(() => { scrollTo(0, 300); document.querySelector('.lines').focus({preventScroll: true}); window.stays = 'stays'; return ''; })()`, &text)
	s.write(id(4), "a line that has just come", hostile)
	wait.For(t, time.Minute, "the line to be shown", func() bool {
		page.Eval(`document.querySelector('.lines').textContent`, &text)
		return strings.Contains(text, "a line that has just come")
	})
	var kept struct {
		Stays  string
		Y      int
		Focus  string
		Inside int
	}
	page.Eval(`({stays: window.stays, y: scrollY, focus: document.activeElement.className, inside: document.querySelectorAll('.lines script, .lines a').length})`, &kept)
	if kept.Stays != "stays" || kept.Y != 300 || kept.Focus != "lines" || kept.Inside != 0 {
		t.Errorf("what the reader did is gone: %+v", kept)
	}
	page.Go(at + "/containers?refresh=0")
	page.Press("Tab")
	page.Press("Enter")
	page.Eval(`document.activeElement.id`, &text)
	if text != "content" {
		t.Errorf("the first key leads to %q", text)
	}
	page.Scripts(false)
	page.Go(at + path)
	s.write(id(4), "a line without a script")
	wait.For(t, time.Minute, "the page to load itself again", func() bool {
		page.Eval(`document.querySelector('.lines')?.textContent ?? ''`, &text)
		return strings.Contains(text, "a line without a script")
	})
	for _, c := range page.Complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// findings looks at a page as the rules of accessibility ask for (WCAG 2.2, A and AA), as far
// as a program can tell.
func findings(page *chromium.Page) (out []string) {
	page.Eval(accessibility, &out)
	return out
}

// accessibility is an expression whose value are the findings on a page.
const accessibility = `(() => {
	const out = [], all = selector => [...document.querySelectorAll(selector)];
	const say = (what, e) => out.push(what + (e ? ': ' + e.outerHTML.slice(0, 120) : ''));
	const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
	const named = e => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.textContent || '').join('') ||
		[...(e.labels || [])].map(l => l.textContent).join('') || e.textContent || '').trim();

	if (!document.documentElement.lang) say('no language');
	if (!document.title) say('no title');
	if (!document.querySelector('meta[name=viewport]') || /user-scalable=no|maximum-scale/.test(document.querySelector('meta[name=viewport]').content)) say('cannot be made larger');
	for (const [selector, n] of [['main', 1], ['body > header', 1], ['body > footer', 1], ['h1', 1], ['nav', 1]])
		if (all(selector).length < n || n === 1 && selector !== 'nav' && all(selector).length !== 1) say(all(selector).length + ' of ' + selector);
	const ids = all('[id]').map(e => e.id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) say('the ID ' + id + ' twice');
	let level = 0;
	for (const h of all('h1, h2, h3, h4, h5, h6')) {
		const own = Number(h.tagName[1]);
		if (own > level + 1) say('a heading is left out before', h);
		if (!h.textContent.trim()) say('an empty heading', h);
		level = own;
	}
	for (const e of all('a, button, input:not([type=hidden]), select, textarea, [role=img], [role=region], [role=log], nav, form')) if (!named(e)) say('has no name', e);
	for (const e of all('input:not([type=hidden]), select')) if (!e.labels.length) say('has no label', e);
	for (const e of all('section')) if (!named(e) || !(e.hasAttribute('aria-label') || e.hasAttribute('aria-labelledby'))) say('a section has no name', e);
	for (const e of all('[aria-labelledby], [aria-describedby]')) for (const id of (e.getAttribute('aria-labelledby') || e.getAttribute('aria-describedby')).split(' '))
		if (!document.getElementById(id)) say('names an ID that is not there', e);
	for (const t of all('table')) {
		if (!t.caption || !t.caption.textContent.trim()) say('a table has no caption', t);
		for (const th of t.querySelectorAll('th')) if (!th.scope) say('the head of a table has no scope', th);
		if (!t.querySelector('thead th')) say('a table has no head', t);
	}
	for (const e of all('img')) if (!e.hasAttribute('alt')) say('a picture has no text', e);
	for (const e of all('svg')) if (!e.closest('[aria-hidden]') && !(e.getAttribute('role') === 'img' && e.getAttribute('aria-label'))) say('a drawing has no text', e);
	for (const e of all('[tabindex]')) if (e.tabIndex > 0) say('changes the order of keys', e);
	for (const e of all('*')) if (shown(e) && /auto|scroll/.test(getComputedStyle(e).overflowX + getComputedStyle(e).overflowY) && e !== document.body && e !== document.documentElement &&
		(e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e.tabIndex < 0) say('scrolls, and the keyboard cannot', e);
	for (const e of all('dl')) for (const c of e.children) if (c.tagName !== 'DIV' || !c.querySelector(':scope > dt') || !c.querySelector(':scope > dd')) say('a list of names has something else in it', c);
	for (const e of all('ul, ol')) for (const c of e.children) if (c.tagName !== 'LI') say('a list has something else in it', c);
	for (const e of all('a[href], button, select, input:not([type=hidden])')) {
		const r = e.getBoundingClientRect();
		if (shown(e) && !e.closest('p, td, th, dd, li, .skip') && (r.width < 24 || r.height < 24) && getComputedStyle(e).display !== 'inline') say('is small to hit', e);
	}
	for (const e of all('a[href], button, input:not([type=hidden]), select, [tabindex="0"]').filter(shown).slice(0, 60)) {
		e.focus({focusVisible: true, preventScroll: true});
		const s = getComputedStyle(e);
		if (document.activeElement === e && (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 1)) say('shows no focus', e);
	}
	document.activeElement.blur();

	const color = text => { const c = (text.match(/[\d.]+/g) || []).map(Number); return c.length < 3 ? null : {r: c[0], g: c[1], b: c[2], a: c.length > 3 ? c[3] : 1}; };
	const over = (a, b) => ({r: a.r * a.a + b.r * (1 - a.a), g: a.g * a.a + b.g * (1 - a.a), b: a.b * a.a + b.b * (1 - a.a), a: 1});
	const light = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(c.r) + 0.7152 * f(c.g) + 0.0722 * f(c.b); };
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const ground = e => { const layers = []; for (let p = e; p; p = p.parentElement) { const c = color(getComputedStyle(p).backgroundColor); if (c && c.a > 0) { layers.push(c); if (c.a === 1) break; } }
		return layers.reverse().reduce((below, c) => over(c, below), {r: 255, g: 255, b: 255, a: 1}); };
	let looked = 0;
	const low = new Set();
	for (let walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), node; node = walk.nextNode();) {
		const e = node.parentElement;
		if (!node.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT|OPTION)$/.test(e.tagName) || !shown(e) || looked++ > 4000) continue;
		const s = getComputedStyle(e), behind = ground(e), of = ratio(over(color(s.color), behind), behind);
		if (of < 4.5 && !low.has(e.className + s.color)) { low.add(e.className + s.color); say('contrast is ' + of.toFixed(2), e); }
	}
	if (looked < 10) say('only ' + looked + ' texts were looked at');
	for (const e of all('input:not([type=hidden]), select, button')) { const s = getComputedStyle(e); if (shown(e) && ratio(color(s.borderTopColor), ground(e.parentElement)) < 3) say('its border is hard to see', e); }
	for (const e of all('.line')) if (ratio(color(getComputedStyle(e).stroke), ground(e.closest('figure'))) < 3) say('a line of a plot is hard to see', e);
	return [...new Set(out)].slice(0, 30);
})()`

// TestFindings: the rules find what is wrong with a page on which all is.
func TestFindings(t *testing.T) {
	page := chromium.Open(t, "data:text/html;base64,"+base64.StdEncoding.EncodeToString([]byte(
		`<body style="background:#fff"><h3>x</h3><p style="color:#999">faint</p><input><a href="#"></a><svg></svg><div id=a></div><div id=a></div><table><tr><th>a</table>`)), 800, 600)
	all := strings.Join(findings(page), "\n")
	for _, want := range []string{"no language", "no title", "0 of main", "the ID a twice", "a heading is left out", "has no name: <a", "has no label", "no caption", "no scope", "a drawing has no text", "contrast is 2.8"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not found in:\n%s", want, all)
		}
	}
}
