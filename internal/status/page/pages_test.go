package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/status"
)

var everyPage = []string{"/", "/containers", "/containers/" + id(0), "/outputs", "/configuration", "/messages"}

// contains fails if one of parts is missing.
func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%q is missing in:\n%s", part, body)
		}
	}
}

// TestOutputsPage: an output is called what it is.
func TestOutputsPage(t *testing.T) {
	all := fleet(1)
	s := newSite(func() status.Snapshot { return all })
	_, body := s.get(t, "/outputs")
	contains(t, body, ">Loki <", "scheme and host")
	all.Output.To = status.StandardOutput
	_, body = s.get(t, "/outputs?refresh=0")
	contains(t, body, ">Standard output <")
	if strings.Contains(body, ">Loki <") || strings.Contains(body, "scheme and host") {
		t.Errorf("standard output is a Loki:\n%s", body)
	}
}

// TestHostile: what comes from containers, Loki, a configuration or a log is never markup, and
// nothing of it is hidden.
func TestHostile(t *testing.T) {
	bad := status.Refusal{Reason: hostile, Message: hostile, Cure: hostile}
	s := newSite(func() status.Snapshot {
		of := fleet(1)
		of.Version, of.Source, of.CheckpointError, of.HoldError = hostile, hostile, hostile, hostile
		of.Containers[0] = status.Container{
			Name: hostile, ID: id(0), Driver: hostile, Route: hostile, Reason: hostile, LastError: hostile, Remarks: []string{hostile}, LastRefusal: &bad,
			Account: &status.Account{Read: 3, Dropped: map[string]int64{hostile: 3}},
		}
		of.Output.To, of.Output.Why, of.Output.Ready, of.Output.LastAnswer = hostile, hostile, false, &status.Answer{Outcome: hostile, Why: hostile}
		of.Outputs = []status.OutputState{{Name: hostile, To: hostile}}
		return of
	})
	s.Ready(hostile, func() error { return errors.New(hostile) })
	s.Warn(func() string { return hostile })
	s.detail = status.Detail{Image: hostile, Refusals: []status.Refusal{bad}, Tenant: hostile,
		Labels: []status.StreamLabels{{Stream: "stdout", Labels: []status.Attribute{{Name: hostile, Value: hostile}}}}, Metadata: []status.Attribute{{Name: hostile, Value: hostile}}}
	s.config = status.Configuration{Text: "# " + hostile + "\na: " + hostile, File: hostile, Problems: []string{hostile}, Restart: []string{hostile}}
	s.say()
	_, _ = s.get(t, "/containers/"+id(0))
	s.write(id(0), hostile)
	for _, path := range append(everyPage, "/?find="+strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == ' ' {
			return -1
		}
		return r
	}, hostile), "&", "%26")) {
		_, body := s.get(t, path)
		if strings.Count(body, "<script") != 1 || strings.Contains(body, "<a href=javascript") || strings.ContainsAny(body, "\x1b\u202e") || strings.Contains(body, "ZgotmplZ") {
			t.Errorf("%s: a text is markup, or hides something:\n%s", path, body)
		}
	}
	_, body := s.get(t, "/containers/"+id(0)+"?refresh=0")
	contains(t, body, "^[[31m", "&lt;U&#43;202E&gt;")
}

// TestJSON: behind each page is JSON, by its path and by what is preferred, and that of
// containers is what ls --json prints.
func TestJSON(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(30) })
	s.say()
	for _, path := range []string{"/overview.json", "/containers.json", "/containers/" + id(0) + ".json", "/outputs.json", "/configuration.json", "/messages.json"} {
		code, body := s.get(t, path)
		var got map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK || len(got) == 0 {
			t.Errorf("%s: %d, %v: %.200s", path, code, err, body)
		}
		page := strings.TrimSuffix(strings.ReplaceAll(path, "/overview", "/"), ".json")
		if _, other := s.get(t, page, "Accept", "application/json"); !strings.HasPrefix(other, "{") {
			t.Errorf("%s: %.100s", page, other)
		}
		if _, other := s.get(t, page, "Accept", "text/html,application/json;q=0.9"); !strings.HasPrefix(other, "<!DOCTYPE html>") {
			t.Errorf("%s: %.100s", page, other)
		}
	}
	var list, want status.List
	_, body := s.get(t, "/containers.json")
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(status.NewList(status.Running, "", s.State()))
	if err != nil || json.Unmarshal(text, &want) != nil || len(list.Containers) != 30 || len(list.Coverage.Routes) != len(want.Coverage.Routes) || list.Containers[3].Name != want.Containers[3].Name {
		t.Errorf("got %+v", list)
	}
	_, body = s.get(t, "/containers.json?find=postgres&sort=lines&order=down")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Containers) != 2 || *list.Containers[0].Lines < *list.Containers[1].Lines {
		t.Errorf("%v: %s", err, body)
	}
}

// TestJSONHidesNothing: a terminal obeys nothing that is in JSON, which is bounded, says the same all
// the same, and has lists where there is nothing.
func TestJSONHidesNothing(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	const text = "a\u009b31m\u202e\u200b\U000e0041\x7fb"
	s.detail = status.Detail{
		Image: text, Refusals: []status.Refusal{{Message: text + strings.Repeat("x", 5000)}},
		Labels: []status.StreamLabels{{Stream: "stdout", Labels: []status.Attribute{{Name: "a", Value: text}}}},
	}
	_, _ = s.tap.Look(id(0), time.Now())
	s.write(id(0), text)
	_, body := s.get(t, "/containers/"+id(0)+".json")
	if strings.ContainsAny(body, "\u009b\u202e\u200b\U000e0041\x7f") || strings.Count(body, "x") > 3000 {
		t.Errorf("%q", body)
	}
	var got struct {
		status.Detail
		Lines struct{ Lines []struct{ Text string } }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Labels[0].Labels[0].Value != text || got.Lines.Lines[0].Text != text {
		t.Errorf("%v: %+v", err, got)
	}
	s.detail = status.Detail{}
	_, body = s.get(t, "/containers/"+id(1)+".json")
	contains(t, body, `"files": []`, `"refusals": []`, `"labels": []`, `"structured_metadata": []`)
	s.private = false
	_, body = s.get(t, "/containers/"+id(2)+".json")
	contains(t, body, `"files": []`, `"labels": null`, `"structured_metadata": null`, `"lines": null`)
}

// TestContainers: sorting, finding and turning pages work without a script.
func TestContainers(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(450) })
	_, body := s.get(t, "/containers?refresh=0")
	contains(t, body, "1–200 of 450 containers", `href="/containers?page=2&amp;refresh=0" rel="next"`, `aria-sort="ascending"`, `name="refresh" value="0"`)
	if strings.Contains(body, "http-equiv") {
		t.Error("it renews itself although that is off")
	}
	_, body = s.get(t, "/containers?page=3")
	contains(t, body, "401–450 of 450 containers", `rel="prev"`, `<noscript><meta http-equiv="refresh" content="10"></noscript>`)
	_, body = s.get(t, "/containers?page=99&rows=1000")
	contains(t, body, "1–450 of 450 containers")
	_, body = s.get(t, "/containers?sort=lag&order=down&find=Billing")
	contains(t, body, "of 30 containers, 450 in all", `aria-sort="descending"`, "5m12s", `value="Billing"`)
	if first := strings.Index(body, "billing-cron</a>"); first < 0 || first > strings.Index(body, "billing-cron-1</a>") {
		t.Error("the one that is furthest behind is not the first")
	}
	_, body = s.get(t, "/containers?show=problems&route=unreadable")
	contains(t, body, "1–1 of 1 container,", "cannot be read: its driver gelf")
	_, body = s.get(t, "/containers?find=nothing-like-this")
	contains(t, body, "None of 450 containers is as asked for", ">Clear</a>")
	_, body = newSite(func() status.Snapshot { return status.Snapshot{} }).get(t, "/containers")
	contains(t, body, "There are no containers yet")
}

// TestOverview: problems come first, each with its cure, and those that are alike together.
func TestOverview(t *testing.T) {
	s := newSite(func() status.Snapshot {
		of := fleet(30)
		for i := range of.Containers[12:27] {
			of.Containers[12+i].Route, of.Containers[12+i].Reason = "unreadable", "permission denied: add lighterman to the group docker"
		}
		return of
	})
	s.past()
	s.Ready("checkpoints", func() error { return errors.New("no space left on device") })
	_, body := s.get(t, "/")
	contains(t, body, "Not ready: checkpoints", "no space left on device", "<strong>What to do:</strong> look at the state directory", "Loki has refused lines for good: too_old", "reject_old_samples_max_age",
		`15 containers`, "permission denied", "Lines read over the last hour: now", `class="line second"`, "Delivery is more than a minute behind", "did you mean json?")
	if strings.Count(body, "permission denied") != 1 || strings.Index(body, "Problems</h2>") > strings.Index(body, "The last hour") {
		t.Error("what is alike is not together, or not first")
	}
	_, body = newSite(func() status.Snapshot { return fleet(3) }).get(t, "/")
	contains(t, body, "No problems", "no figures yet")
}

// TestContainerPage: a container's page says how it is read, what became of its lines, and
// shows them as Loki takes them.
func TestContainerPage(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(30) })
	s.detail.Refusals = []status.Refusal{refusal}
	path := "/containers/" + id(4)
	_, body := s.get(t, path)
	contains(t, body, "Nothing since", "dropped by health checks", "refused</th>", "Loki says", "deleted, kept until delivered", "compose_project", "Tenant: shop", `content="2"`)
	s.write(id(4), "the first", "the second\n\tat its end")
	_, body = s.get(t, path)
	contains(t, body, "2 since", "the second\n\tat its end</code>")
	if strings.Index(body, "the second") > strings.Index(body, "the first") {
		t.Error("the newest is not first")
	}
	if code, body := s.get(t, "/containers/"+id(4)[:12]); code != http.StatusOK || !strings.Contains(body, id(4)) {
		t.Errorf("by its short ID: %d", code)
	}
	for _, path := range []string{"/containers/nobody", "/containers/nobody.json", "/containers/..%2f..%2fetc"} {
		if code, _ := s.get(t, path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
}

// TestPrivate: what the host keeps from other users is not shown to everybody.
func TestPrivate(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	s.say()
	s.private = false
	_, _ = s.tap.Look(id(0), s.State().Started)
	s.write(id(0), "a line that is nobody’s business")
	for _, path := range []string{"/containers/" + id(0), "/configuration", "/messages"} {
		_, body := s.get(t, path)
		contains(t, body, "listen-private: always")
		code, asJSON := s.get(t, path+".json")
		for _, hidden := range []string{"nobody’s business", "compose_project", "watch-config", "docker engine", `"shop"`} {
			if strings.Contains(body+asJSON, hidden) {
				t.Errorf("%s shows %q", path, hidden)
			}
		}
		if (code == http.StatusForbidden) != !strings.HasPrefix(path, "/containers") {
			t.Errorf("%s.json: %d: %s", path, code, asJSON)
		}
	}
}

func TestConfigurationPage(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	_, body := s.get(t, "/configuration")
	contains(t, body, "loki-url: https://loki.example.com", "# variable LIGHTERMAN_LOKI_URL", "Labels and stages", "log-level: info", "&lt;secret&gt;", "Show only what was set")
	_, body = s.get(t, "/configuration?set=1")
	if strings.Contains(body, "log-level") || !strings.Contains(body, "tenant-id: shop") {
		t.Errorf("only what was set:\n%s", body)
	}
	s.config.Problems, s.config.Restart = []string{"lighterman.yaml:8:3: there is no stage drp; did you mean drop?"}, []string{"listen"}
	_, body = s.get(t, "/configuration?refresh=0")
	contains(t, body, "The last reload has failed", "did you mean drop?", "A restart is needed", "<code>listen</code>")
	s.config.Text = "# General\nlisten: :1  # default\n# after a restart: listen: :2  # lighterman.yaml:2\n"
	_, body = s.get(t, "/configuration?set=1")
	contains(t, body, ">General</h2>", "# after a restart: listen: :2")
}

func TestMessagesPage(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	s.say()
	_, body := s.get(t, "/messages")
	contains(t, body, "The last 5 messages", "configuration is unchanged", "container=</span>grafana", ">error</span>")
	if strings.Index(body, "configuration is unchanged") > strings.Index(body, "starting") {
		t.Error("the newest is not first")
	}
	_, body = s.get(t, "/messages?level=warn")
	contains(t, body, "The last 2 messages", `<option value="warn" selected>warn`)
}

// TestAssets: a page names its files by their content, and they may be kept.
func TestAssets(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	_, body := s.get(t, "/")
	for _, a := range assets {
		contains(t, body, a.path)
		if code, got := s.get(t, a.path); code != http.StatusOK || got != string(a.body) {
			t.Errorf("%s: %d", a.path, code)
		}
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "onclick") || strings.Count(body, "http://")+strings.Count(body, "https://") > 1 {
		t.Error("a page has styles or scripts in it, or asks others")
	}
}

// TestShared: one answer serves those who ask for the same, and what slow readers hold is
// bounded, together with what is kept.
func TestShared(t *testing.T) {
	s := newShare()
	made := 0
	large := func() *answer { made++; return &answer{body: make([]byte, 1<<20)} }
	take := func(key string) *answer { return s.take(t.Context(), "page", key, large) }
	first, second := take("a"), take("a")
	if first != second || made != 1 || s.large != 1<<20 {
		t.Errorf("made %d times, %d bytes are held", made, s.large)
	}
	_, _, d := take("b"), take("c"), take("d")
	if made = 0; take("e") != nil || made != 0 {
		t.Errorf("more is held than may be, or was made in vain %d times", made)
	}
	if s.take(t.Context(), "another", "small", func() *answer { return &answer{body: make([]byte, 1<<10)} }) == nil {
		t.Error("who reads large pages slowly is in the way of who wants a small one")
	}
	s.giveBack(first)
	s.giveBack(second)
	if take("e") == nil || s.large > maxHeld {
		t.Errorf("what was given back still counts, or is kept besides: %d bytes", s.large)
	}
	s.giveBack(d)
	s.forget(time.Now().Add(maxFresh))
	if len(s.kept) != 0 || s.large != 3<<20 || s.small != 1<<10 {
		t.Errorf("%d answers are kept, %d and %d bytes are held", len(s.kept), s.large, s.small)
	}
	alone := newShare()
	if alone.take(t.Context(), "page", "a", func() *answer { return &answer{body: make([]byte, maxHeld+1)} }) == nil {
		t.Error("a page that is larger than all others may be is never shown")
	}
}

// TestSharedBetweenMany: of those who ask at once, whatever for, some wait, none who is gone, and a
// small answer serves all who asked before it was begun.
func TestSharedBetweenMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fleet(3)
		s := newSite(func() status.Snapshot { return all })
		made, during := 0, make(chan struct{})
		s.pages.config.State = func() status.State { made++; <-during; return status.State{Snapshot: all} }
		ask := func(ctx context.Context, path string, code *int) {
			w := httptest.NewRecorder()
			s.pages.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
			*code = w.Code
		}
		codes := make([]int, maxWaiting+2)
		ctx, gone := context.WithCancel(t.Context())
		var done atomic.Int64
		for i := range codes {
			go func() { ask(ctx, fmt.Sprintf("/outputs?page=%d&level=warn", i), &codes[i]); done.Add(1) }()
			synctest.Wait()
		}
		if n := done.Load(); n != 2 || codes[maxWaiting] != http.StatusServiceUnavailable {
			t.Errorf("%d were answered, the last of them with %d", n, codes[maxWaiting])
		}
		gone()
		synctest.Wait()
		if n := int(done.Load()); n != len(codes)-1 {
			t.Errorf("%d of %d wait although they are gone", len(codes)-1-n, len(codes))
		}
		again := make([]int, 40)
		for i := range again {
			go ask(t.Context(), "/outputs?rows=7", &again[i])
		}
		time.Sleep(time.Millisecond)
		close(during)
		synctest.Wait()
		if slices.Max(again) != http.StatusOK || slices.Min(again) != http.StatusOK || made != 2 {
			t.Errorf("made %d times: %v", made, again)
		}
		var late int
		ask(t.Context(), "/outputs", &late)
		if made != 3 {
			t.Errorf("who asks later is shown what was before: made %d times", made)
		}
	})
}

// TestUsed: answers are shared by what a page uses of what is asked for, and that is all of it.
func TestUsed(t *testing.T) {
	all := ask{Find: "a", Route: "file", Show: "problems", Sort: "lag", Down: true, Page: 2, Rows: 7, Level: "warn", Set: true, Still: true}
	for _, test := range []struct{ page, html, json string }{
		{"overview", "?refresh=0", ""}, {"container", "?refresh=0", ""}, {"outputs", "?refresh=0", ""},
		{"containers", "?find=a&order=down&page=2&refresh=0&route=file&rows=7&show=problems&sort=lag", "?find=a&order=down&route=file&show=problems&sort=lag"},
		{"configuration", "?refresh=0&set=1", ""}, {"messages", "?level=warn&refresh=0", "?level=warn"},
	} {
		if html, asJSON := all.of(test.page, false).query(), all.of(test.page, true).query(); html != test.html || asJSON != test.json {
			t.Errorf("%s: %s, %s", test.page, html, asJSON)
		}
	}
}

// TestSlowState: who waits while the state is learnt shares it, and does not wait as long
// again.
func TestSlowState(t *testing.T) {
	all, asked := fleet(3), 0
	s := newSite(func() status.Snapshot { return all })
	s.pages.config.State = func() status.State {
		asked++
		time.Sleep(slowState + time.Millisecond) // as a collector that does not answer
		return status.State{Snapshot: all}
	}
	for _, path := range everyPage {
		if code, _ := s.get(t, path); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	if asked > len(everyPage)/2 {
		t.Errorf("it was learnt %d times", asked)
	}
}

// TestAllPartsHere: each page says which it is.
func TestAllPartsHere(t *testing.T) {
	s := newSite(func() status.Snapshot { return fleet(3) })
	for _, path := range everyPage {
		if _, body := s.get(t, path); strings.Count(body, "aria-current=") != 1 {
			t.Errorf("%s is nowhere among the pages", path)
		}
	}
	if !slices.Contains(everyPage, "/") {
		t.Error("the overview is not looked at")
	}
}

// BenchmarkContainers is a page with some or all of 1,000 containers: state, page and all.
func BenchmarkContainers(b *testing.B) {
	all := fleet(1000)
	s := newSite(func() status.Snapshot { return all })
	for _, rows := range []string{"200", "1000"} {
		b.Run(rows, func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				r := &request{ask: asked(map[string][]string{"rows": {rows}}), path: "/containers", state: s.State()}
				if a := s.pages.answer("containers", r, s.pages.containers(r), false); a.code != 200 || len(a.body) < 20_000 {
					b.Fatal(a.code)
				}
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
		})
	}
}

func BenchmarkOverview(b *testing.B) {
	all := fleet(1000)
	s := newSite(func() status.Snapshot { return all })
	s.past()
	b.ReportAllocs()
	for b.Loop() {
		r := &request{path: "/", state: s.State()}
		if a := s.pages.answer("overview", r, s.pages.overview(r), false); a.code != 200 {
			b.Fatal(a.code)
		}
	}
}

// TestCost: a page of 1,000 containers takes less than 50 ms of processor time, whatever
// else the machine does: the least of several is what it costs.
func TestCost(t *testing.T) {
	all := fleet(1000)
	s := newSite(func() status.Snapshot { return all })
	least := time.Hour
	for range 10 {
		before := processorTime(t)
		r := &request{ask: asked(map[string][]string{"rows": {"1000"}}), path: "/containers", state: s.State()}
		if a := s.pages.answer("containers", r, s.pages.containers(r), false); strings.Count(string(a.body), "<tr>") != 1001 {
			t.Fatalf("%d rows", strings.Count(string(a.body), "<tr>"))
		}
		least = min(least, processorTime(t)-before)
	}
	t.Logf("%v of processor time for 1,000 containers", least)
	if least > 50*time.Millisecond && !raced {
		t.Errorf("%v of processor time for 1,000 containers", least)
	}
}

// processorTime is what the process has used.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
