package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// resent is what resend says of a container.
type resent struct{ entries, had, sent, refused int }

var (
	resentLine   = regexp.MustCompile(`(?m)^(.+): (\d+) entries \([^)]*\)(?:, Loki has (\d+))?(?:, (\d+) would be sent)?(?:, (\d+) sent, (\d+) refused)?$`)
	resendAnyway = []string{"--queries", "1000", "--rate", "0"}
)

// resend runs the command, and returns what it says of each container, and all of it.
func resend(t *testing.T, code int, args ...string) (map[string]resent, string) {
	t.Helper()
	stdout, stderr, got := carrier.Run(t, slices.Concat([]string{"resend"}, resendAnyway, args)...)
	if got != code {
		t.Errorf("exit code %d, want %d\n%s%s", got, code, stderr, stdout)
	}
	return resentOf(t, stdout), stdout
}

func resentOf(t *testing.T, stdout string) map[string]resent {
	t.Helper()
	out := make(map[string]resent)
	for _, m := range resentLine.FindAllStringSubmatch(stdout, -1) {
		number := func(text string) int {
			n, err := strconv.Atoi("0" + text)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		out[m[1]] = resent{number(m[2]), number(m[3]), number(m[4] + m[5]), number(m[6])}
	}
	return out
}

const resendStages = `stages:
  - match:
      selector: '{container=~".*traces.*"}'
      stages:
        - multiline: {firstline: '^\S', max_wait_time: 1s}
        - drop: {expression: 'never there', drop_counter_reason: noise}
`

// TestResend: a past that has not changed makes nothing new, however it is sent; one that has
// is sent as a whole, once, and that is said before; what another Loki has got instead is
// brought, so that verify finds nothing missing.
func TestResend(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki, other := engine.Default(t), lokitest.New(t, nil), lokitest.New(t, nil)
	dir := t.TempDir()
	file, changed := filepath.Join(dir, "lm.yaml"), filepath.Join(dir, "changed.yaml")
	outputs := fmt.Sprintf("outputs: [{name: second, loki-url: %q}]\n", other.URL)
	for name, text := range map[string]string{file: resendStages, changed: resendStages + "external-label: {team: shop}\n" + outputs} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const n = 500
	var all []*engine.Container
	for _, spec := range []engine.Spec{
		{Driver: "json-file", Opts: map[string]string{"max-size": "20k", "max-file": "99", "compress": "true"}},
		{Driver: "local", Opts: map[string]string{"max-size": "20k", "max-file": "99"}},
		{Driver: "journald", Opts: map[string]string{"mode": "blocking"}},
	} {
		spec.Name, spec.Args = "resend-"+spec.Driver, []string{"-n", fmt.Sprint(n), "-streams", "alternate"}
		all = append(all, docker.Start(t, spec))
	}
	all = append(all, docker.Start(t, engine.Spec{Name: "resend-traces", Driver: "json-file", Args: []string{"-n", "40", "-traces", "java"}}))
	traces := all[3].Name
	var names []string
	for _, c := range all {
		c.Wait(t)
		names = append(names, c.Name)
	}
	state := t.TempDir()
	args := func(to *lokitest.Loki, config string, more ...string) []string {
		return ledger.Only(t, "resend", to.URL, append(more, "--state-dir", state, "--config", config)...)
	}
	past := func(to *lokitest.Loki, config string, more ...string) []string {
		return append(args(to, config, more...), append([]string{"--since", "1h"}, names...)...)
	}
	c := carrier.Start(t, args(loki, file)...)
	c.AwaitReady(t, time.Minute)
	for _, of := range all[:3] {
		loki.AwaitMost(t, ledger.Selector(of), n, 2*time.Minute)
	}
	verified := verify(t, 0, args(loki, file, "--listen", "off")...)[traces]
	wait.For(t, time.Minute, "the traces", func() bool {
		verified = verify(t, 0, args(loki, file, "--listen", "off")...)[traces]
		return verified.NotSent == 0
	})
	joined := int(verified.InLoki)
	if joined == 0 || verified.Joined == 0 {
		t.Fatalf("no traces: %+v", verified)
	}
	before := loki.All(t, `{container=~".+"}`)
	same := func(what string) {
		t.Helper()
		if after := loki.All(t, `{container=~".+"}`); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: Loki has %d entries, and had %d", what, len(after), len(before))
		}
	}
	runs := 1
	whole := func(name string) int {
		if name == traces {
			return joined * runs
		}
		return n * runs
	}
	expect := func(what string, got map[string]resent, want func(entries int) resent) {
		t.Helper()
		for _, name := range names {
			if got[name] != want(whole(name)) {
				t.Errorf("%s: %s: %+v, want %+v", what, name, got[name], want(whole(name)))
			}
		}
	}

	// What has not changed.
	got, _ := resend(t, 0, past(loki, file, "--dry-run")...)
	expect("a dry run", got, func(k int) resent { return resent{k, k, 0, 0} })
	got, said := resend(t, 0, past(loki, file)...)
	expect("nothing lacks", got, func(k int) resent { return resent{k, k, 0, 0} })
	if strings.Contains(said, "new entries") {
		t.Errorf("nothing has changed:\n%s", said)
	}
	got, _ = resend(t, 0, past(loki, file, "--blind")...)
	expect("sent without a question", got, func(k int) resent { return resent{k, 0, k, 0} })
	same("sent without a question")
	for i, of := range all {
		if !of.Cached() { // else the engine has other times
			resend(t, 0, args(loki, file, "--since", "1h", "--blind", "--mode", "stream", names[i])...)
		}
	}
	same("through the API")

	// Positions that another Loki has moved on: exactly those lines are brought.
	ledger.Clean(t, c) // the service has not noticed what was sent
	for _, of := range all {
		of.Restart(t)
		of.Wait(t)
	}
	third := lokitest.New(t, nil)
	c = carrier.Start(t, args(third, file)...)
	for _, of := range all[:3] {
		third.AwaitMost(t, ledger.Selector(of), n, 2*time.Minute)
	}
	third.AwaitMost(t, ledger.Selector(all[3]), joined, 2*time.Minute)
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	mine := []string{"--listen", "off"}
	for name, v := range verify(t, 1, args(loki, file, append(mine, names...)...)...) {
		if v.Missing != int64(whole(name)) {
			t.Errorf("moved on: %s: %s", name, v.counts())
		}
	}
	got, _ = resend(t, 0, past(loki, file, "--rules", "then")...)
	expect("what is missing", got, func(k int) resent { return resent{2 * k, k, k, 0} })
	for name, v := range verify(t, 0, args(loki, file, append(mine, names...)...)...) {
		if !v.Same || v.Missing+v.NotSent != 0 {
			t.Errorf("brought: %s: %s", name, v.counts())
		}
	}
	runs = 2
	before = loki.All(t, `{container=~".+"}`)

	// Other rules.
	got, said = resend(t, 0, past(loki, changed, "--dry-run")...)
	expect("what has changed, dry", got, func(k int) resent { return resent{k, 0, k, 0} })
	if strings.Count(said, `team="shop"}, as new entries`) != len(all) {
		t.Errorf("the change is not said:\n%s", said)
	}
	same("a dry run")
	for _, sent := range []int{1, 0} {
		got, _ = resend(t, 0, past(loki, changed)...)
		expect("what has changed", got, func(k int) resent { return resent{k, k * (1 - sent), k * sent, 0} })
	}
	for _, of := range all[:3] {
		want := ledger.Stored(t, of)
		if of.Cached() {
			want = ledger.Journal(t, of, len(want))
		}
		ledger.Compare(t, of.Name+" with other labels", want, ledger.Delivered(loki.All(t, fmt.Sprintf(`{container=%q, team="shop"}`, of.Name))))
	}
	if count := loki.Count(t, fmt.Sprintf(`{container=%q, team="shop"}`, traces)); count != whole(traces) {
		t.Errorf("traces with other labels: %d, want %d", count, whole(traces))
	}

	// Another output, which has nothing.
	got, _ = resend(t, 0, past(loki, changed, "--to", "second")...)
	expect("an empty Loki", got, func(k int) resent { return resent{k, 0, k, 0} })
	for _, of := range all[:3] {
		ledger.Check(t, other, of)
	}
	if _, said := resend(t, 2, past(loki, changed, "--to", "third")...); said != "" {
		t.Errorf("an output that is not there: %s", said)
	}
}

// TestResendAlive: what the service has not sent yet, and what is written meanwhile, is in Loki
// once, whoever sends it first; no trace is there in part.
func TestResendAlive(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(resendStages), 0o600); err != nil {
		t.Fatal(err)
	}
	all := ledger.SlowWriters(t, docker, "ralive", "json-file", "local", "journald")
	all = append(all, docker.Start(t, engine.Spec{Name: "ralive-traces", Driver: "json-file", Args: []string{"-n", "-1", "-rate", "3", "-traces", "java"}}))
	proxy := lokiproxy.New(t, loki.URL)
	state := t.TempDir()
	service := ledger.Only(t, "ralive", proxy.URL, "--state-dir", state, "--config", file)
	c := carrier.Start(t, service...)
	for _, of := range all {
		loki.Await(t, ledger.Selector(of), 3, time.Minute)
	}
	proxy.Status(503, 0) // the service falls behind
	args := ledger.Only(t, "ralive", loki.URL, "--state-dir", state, "--config", file, "--since", "1h", "--blind")
	for _, of := range all {
		args = append(args, of.Name)
	}
	for round := range 5 {
		got, _ := resend(t, 0, args...)
		for _, of := range all {
			if r := got[of.Name]; r.sent == 0 || r.sent != r.entries {
				t.Errorf("round %d: %s: %+v", round, of.Name, r)
			}
		}
		if round == 2 {
			proxy.Pass()
		}
	}
	for _, of := range all {
		of.Stop(t)
	}
	for _, of := range all[:3] {
		ledger.Check(t, loki, of)
	}
	look := append(ledger.Only(t, "ralive", loki.URL, "--state-dir", state, "--config", file), "--listen", "off")
	wait.For(t, time.Minute, "all that was written", func() bool {
		waits := int64(0)
		for _, v := range verify(t, 0, look...) {
			waits += v.NotSent
		}
		return waits == 0
	})
	for name, v := range verify(t, 0, look...) {
		if !v.Same || v.Missing+v.Twice+v.NotStored+v.Changed != 0 {
			t.Errorf("%s: %s %+v", name, v.counts(), v.Examples)
		}
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestResendStopped: what was killed and given again is in Loki once, and what was stopped goes
// on with the command that it has said, from about where it was.
func TestResendStopped(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web", Stopped: true})
	const n = 25_000
	begin := time.Now().Add(-50 * time.Minute).Truncate(time.Millisecond)
	var records, want []string
	for k := range n {
		text := fmt.Sprintf("line %d of many %s", k, strings.Repeat("x", 100))
		records, want = append(records, dataroot.JSON(begin.Add(time.Duration(k)*100*time.Millisecond), text)), append(want, text)
	}
	web.Append(t, records...)
	selector := `{container="web"}`
	to, err := url.Parse(loki.URL)
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(http.StripPrefix("/prefix", httputil.NewSingleHostReverseProxy(to)))
	t.Cleanup(gateway.Close)
	args := func(rate string) []string {
		return append(root.Args("--loki-url", gateway.URL+"/prefix/loki/api/v1/push", "--since", "1h", "--rate", rate, "--queries", "1000"), "web")
	}
	some := func() *carrier.Carrier {
		t.Helper()
		had := loki.Count(t, selector)
		c := carrier.StartWith(t, carrier.Options{Command: "resend", Args: args("40KiB")})
		wait.For(t, time.Minute, "entries", func() bool { return loki.Count(t, selector) > had+100 })
		return c
	}
	for range 3 {
		some().Kill9(t)
	}
	c := some()
	c.Signal(t, syscall.SIGINT)
	if code := c.Wait(t, time.Minute); code != 130 {
		t.Errorf("exit code %d\n%s", code, c.Stderr())
	}
	if loki.Count(t, selector) >= n {
		t.Fatal("it was not stopped in the middle")
	}
	_, command, found := strings.Cut(c.Stdout(), "to go on:\nlighterman ")
	if !found {
		t.Fatalf("it does not say how to go on:\n%s%s", c.Stdout(), c.Stderr())
	}
	words, err := exec.Command("sh", "-c", `printf '%s\n' `+strings.TrimSpace(command)).Output()
	if err != nil {
		t.Fatal(err)
	}
	on := append(strings.Split(strings.TrimSpace(string(words)), "\n"), "--rate", "0")
	stdout, stderr, code := carrier.Run(t, on...)
	if code != 0 {
		t.Fatalf("%q: exit code %d\n%s%s", on, code, stdout, stderr)
	}
	if again := resentOf(t, stdout)["web"]; again.entries >= n || again.sent == 0 || again.had > 2000 {
		t.Errorf("it did not go on where it was: %+v", again)
	}
	var got []string
	for _, e := range loki.Await(t, selector, n, time.Minute) {
		got = append(got, e.Line)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d, each once", len(got), len(want))
	}
	if again, _ := resend(t, 0, args("0")...); again["web"].sent != 0 {
		t.Errorf("given again: %+v", again)
	}
}

// TestResendRules: with the rules of then the past is what the service has sent, over a change of
// labels and stages; with those of now what is from before is new, and that is said.
func TestResendRules(t *testing.T) {
	t.Parallel()
	loki, root, dir := lokitest.New(t, nil), dataroot.New(t), t.TempDir()
	shop := root.Add(t, dataroot.Spec{Name: "shop"})
	file, state := filepath.Join(dir, "lm.yaml"), filepath.Join(dir, "state")
	configs := []string{
		"external-label: {team: old}\nstages: [{replace: {expression: '(number)', replace: 'No.'}}]\n",
		"external-label: {team: new}\nstages: [{replace: {expression: '(number)', replace: 'Nr.'}}]\n",
	}
	args := func(more ...string) []string {
		return root.Args(append([]string{"--loki-url", loki.URL, "--config", file, "--state-dir", state}, more...)...)
	}
	var c *carrier.Carrier
	for i, text := range configs {
		replaceFile(t, file, text)
		c = carrier.Start(t, args()...)
		c.AwaitReady(t, time.Minute)
		for k := range 30 {
			shop.Append(t, dataroot.JSON(time.Now(), fmt.Sprintf("number %d of %d", k, i)))
		}
		loki.Await(t, `{container="shop"}`, 30*(i+1), time.Minute)
		// Labels change a second after the start: these lines are behind that.
		wait.For(t, time.Minute, "lines with the labels of now", func() bool {
			shop.Append(t, dataroot.JSON(time.Now(), fmt.Sprintf("number of %d", i)))
			return loki.Count(t, fmt.Sprintf(`{container="shop", team=%q}`, []string{"old", "new"}[i])) > 0
		})
		if i == 0 {
			c.Terminate(t)
		}
	}
	var v *verification
	wait.For(t, time.Minute, "everything", func() bool {
		v = verify(t, 0, args("--since", "1h", "--listen", "off", "shop")...)["shop"]
		return v.NotSent == 0
	})
	all := int(v.Stored)
	got, said := resend(t, 0, args("--since", "1h", "--rules", "then", "shop")...)
	if got["shop"] != (resent{all, all, 0, 0}) || strings.Contains(said, "new") {
		t.Errorf("the rules of then, of %d: %+v\n%s", all, got, said)
	}
	now := len(loki.All(t, `{container="shop", team="new"} |= "Nr."`))
	for _, more := range []string{"--dry-run", "--rate=0"} {
		got, said = resend(t, 0, args("--since", "1h", more, "shop")...)
		if got["shop"] != (resent{all, now, all - now, 0}) {
			t.Errorf("the rules of now, of %d, %d of them with these: %+v", all, now, got)
		}
		if !strings.Contains(said, `team="old"`) || !strings.Contains(said, `team="new"`) || !strings.Contains(said, "went through other stages") {
			t.Errorf("what has changed is not said:\n%s", said)
		}
	}
	if n := len(loki.All(t, `{container="shop", team="new"} |= "Nr."`)); n != all {
		t.Errorf("%d entries with the rules of now, want %d", n, all)
	}
	// An entry that more lines may join is the service's, until it cannot be joined any more.
	replaceFile(t, file, "external-label: {team: joined}\nstages: [{multiline: {firstline: '^\\S', max_wait_time: 1h}}]\n")
	shop.Append(t, dataroot.JSON(time.Now(), "open"), dataroot.JSON(time.Now(), "  at its end"))
	if got, _ := resend(t, 0, args("--since", "1h", "shop")...); got["shop"].entries != all {
		t.Errorf("%d entries, want %d without the one that is open", got["shop"].entries, all)
	}
	if n := len(loki.All(t, `{container="shop", team="joined"} |= "open"`)); n != 0 {
		t.Error("an entry was sent in part")
	}
	c.Terminate(t)
}

// TestResendOld: Loki takes nothing for a stream that is much older than its newest, which is
// said with the cure, and the cure brings what was missing and nothing else; equal lines of one
// moment have the same timestamps wherever reading begins.
func TestResendOld(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	shop := root.Add(t, dataroot.Spec{Name: "shop", Opts: map[string]string{"max-size": "1m", "max-file": "5", "compress": "true"}})
	now := time.Now().Truncate(time.Second)
	// A stream of more than two hours would be cut into chunks, of which Loki looks for the older
	// ones in its store.
	old, missing, moment := now.Add(-110*time.Minute), now.Add(-95*time.Minute), now.Add(-2*time.Minute)
	var past, present []string
	for k := range 50 {
		past = append(past, dataroot.JSON(old.Add(time.Duration(k)*time.Second), fmt.Sprint("old ", k)))
	}
	for k := range 20 {
		past = append(past, dataroot.JSON(missing.Add(time.Duration(k)*time.Second), fmt.Sprint("missing ", k)))
	}
	for range 30 {
		present = append(present, dataroot.JSON(moment, "equal"))
	}
	present = append(present, dataroot.JSON(moment.Add(3), "equal"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(strings.Join(past[:50], ""))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{".2.gz": packed.String(), ".1": strings.Join(past[50:], "")} {
		if err := os.WriteFile(shop.Log+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shop.Append(t, present...)
	selector := `{container="shop"}`
	args := func(more ...string) []string {
		return append(root.Args(append([]string{"--loki-url", loki.URL}, more...)...), "shop")
	}
	// Loki has the oldest, and has not the next: the stream was long there before.
	if got, _ := resend(t, 0, args("--until", missing.UTC().Format(time.RFC3339))...); got["shop"] != (resent{50, 0, 50, 0}) {
		t.Fatalf("the oldest: %+v", got)
	}
	if got, _ := resend(t, 0, args("--since", "1h")...); got["shop"] != (resent{31, 0, 31, 0}) {
		t.Fatalf("the newest: %+v", got)
	}
	got, said := resend(t, 1, args("--since", missing.UTC().Format(time.RFC3339))...)
	if got["shop"] != (resent{51, 31, 0, 20}) || !strings.Contains(said, "20 refused as too_far_behind") || !strings.Contains(said, "--add-label resent=yes") {
		t.Errorf("too old for its stream: %+v\n%s", got, said)
	}
	for _, sent := range []int{20, 0} {
		since := missing.UTC().Format(time.RFC3339)
		if got, _ := resend(t, 0, args("--since", since, "--add-label", "resent=yes")...); got["shop"] != (resent{51, 51 - sent, sent, 0}) {
			t.Errorf("with a label: %+v", got)
		}
	}
	if n := len(loki.All(t, `{container="shop", resent="yes"}`)); n != 20 {
		t.Errorf("%d entries with the label", n)
	}
	before := loki.All(t, selector)
	if len(before) != 101 {
		t.Errorf("%d entries, want 101", len(before))
	}
	for _, since := range []time.Time{moment, moment.Add(5), moment.Add(30), moment.Add(-time.Second)} {
		resend(t, 0, args("--blind", "--since", since.UTC().Format(time.RFC3339Nano))...)
	}
	if after := loki.All(t, selector); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("equal lines: %d entries, want %d", len(after), len(before))
	}
	// Neither positions nor what is of the host, which cannot be looked for, make a difference.
	host := filepath.Join(t.TempDir(), "lm.yaml")
	replaceFile(t, host, "journal: [{name: system}]\n")
	more := args("--config", host, "--state-dir", t.TempDir())
	if _, stderr, code := carrier.Run(t, append([]string{"resend", "--dry-run"}, more...)...); code != 0 || stderr != "" {
		t.Errorf("exit code %d, and it says: %s", code, stderr)
	}
	if got, said := resend(t, 2, args("--add-label", "container=x")...); got["shop"].sent != 0 {
		t.Errorf("a label that is there: %s", said)
	}

	// Older than anything that Loki takes.
	strict := lokitest.New(t, map[string]string{"reject_old_samples_max_age": "100m"})
	got, said = resend(t, 1, append(root.Args("--loki-url", strict.URL), "shop")...)
	if got["shop"] != (resent{101, 0, 51, 50}) || !strings.Contains(said, "50 refused as too_old") || !strings.Contains(said, "reject_old_samples_max_age") {
		t.Errorf("too old: %+v\n%s", got, said)
	}
}

// TestResendSetBack: a clock that was set back has lines of the time stand before older ones. They
// are sent, and verify compares them.
func TestResendSetBack(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web"})
	now := time.Now().Truncate(time.Second)
	var records []string
	for k := range 100 {
		records = append(records, dataroot.JSON(now.Add(-50*time.Minute+time.Duration(k)*29*time.Second), fmt.Sprint("before ", k)))
	}
	for k := range 5000 {
		records = append(records, dataroot.JSON(now.Add(-65*time.Minute+time.Duration(k)*time.Millisecond), fmt.Sprint("set back ", k)))
	}
	web.Append(t, records...)
	args := root.Args("--loki-url", loki.URL, "--state-dir", filepath.Join(t.TempDir(), "state"))
	since := now.Add(-30 * time.Minute).UTC().Format(time.RFC3339)
	for _, v := range verify(t, 1, append(args, "--since", since, "--listen", "off", "web")...) {
		if v.Stored != 58 || v.Missing != 58 {
			t.Errorf("verify: %s", v.counts())
		}
	}
	for _, sent := range []int{58, 0} {
		if got, _ := resend(t, 0, append(args, "--since", since, "web")...); got["web"] != (resent{58, 58 - sent, sent, 0}) {
			t.Errorf("%+v, want %d sent", got["web"], sent)
		}
	}
}

// TestResendRemembered: what stages make of lines by those before them, and the timestamps of
// equal lines that a stage has moved, are the same wherever --since begins.
func TestResendRemembered(t *testing.T) {
	t.Parallel()
	for name, stages := range map[string]string{
		"an entry of many lines":       "  - multiline: {firstline: '^START', max_wait_time: 3s}\n",
		"equal ones moved to one time": "  - regex: {expression: 'boot=(?P<ts>\\d+)'}\n  - timestamp: {source: ts, format: Unix}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loki, root := lokitest.New(t, nil), dataroot.New(t)
			file := filepath.Join(t.TempDir(), "lm.yaml")
			if err := os.WriteFile(file, []byte("stages:\n"+stages), 0o600); err != nil {
				t.Fatal(err)
			}
			shop := root.Add(t, dataroot.Spec{Name: "shop", Stopped: true})
			now := time.Now().Truncate(time.Second)
			var records []string
			for k := range 3000 {
				text := fmt.Sprint("alive boot=", now.Add(-50*time.Minute).Unix())
				if k == 0 {
					text = "START " + text
				}
				records = append(records, dataroot.JSON(now.Add(-45*time.Minute+time.Duration(k)*850*time.Millisecond), text))
			}
			shop.Append(t, records...)
			args := append(root.Args("--loki-url", loki.URL, "--config", file), "shop")
			selector := `{container="shop"}`
			resend(t, 0, append(args, "--since", "2h")...)
			before := loki.All(t, selector)
			if len(before) == 0 {
				t.Fatal("nothing was sent")
			}
			for _, since := range []string{"5m", "17m"} {
				if got, _ := resend(t, 0, append(args, "--since", since)...); got["shop"].sent != 0 || got["shop"].entries == 0 {
					t.Errorf("since %s: %+v", since, got["shop"])
				}
			}
			if after := loki.All(t, selector); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("%d entries, want %d", len(after), len(before))
			}
		})
	}
}

// TestResendDamaged: what cannot be read is said, and is no success.
func TestResendDamaged(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web", Stopped: true})
	at := time.Now().Add(-time.Minute)
	web.Append(t, dataroot.JSON(at, "one"), "this is no record\n", dataroot.JSON(at.Add(time.Second), "two"))
	got, said := resend(t, 2, append(root.Args("--loki-url", loki.URL), "web")...)
	if got["web"] != (resent{2, 0, 2, 0}) || !strings.Contains(said, "1 parts of its log could not be read") {
		t.Errorf("%+v\n%s", got, said)
	}
}

// TestResendTrouble: a Loki that has too much to do, or is away for a while, is waited for.
func TestResendTrouble(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web", Stopped: true})
	web.Append(t, dataroot.JSON(time.Now().Add(-time.Minute), "one"))
	proxy := lokiproxy.New(t, loki.URL)
	proxy.Status(http.StatusTooManyRequests, time.Second)
	args := append(root.Args("--loki-url", proxy.URL, "--since", "1h"), "web")
	c := carrier.StartWith(t, carrier.Options{Command: "resend", Args: args})
	wait.For(t, time.Minute, "a push and a question", func() bool { return proxy.Count(lokiproxy.Answer(http.StatusTooManyRequests)) >= 3 })
	proxy.Pass()
	if code := c.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d\n%s", code, c.Stderr())
	}
	if n := loki.Count(t, `{container="web"}`); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestResendLabelLost: nothing is sent without the label that was to be added, and labels that are
// all but gone are asked for.
func TestResendLabelLost(t *testing.T) {
	t.Parallel()
	loki, root := lokitest.New(t, nil), dataroot.New(t)
	web := root.Add(t, dataroot.Spec{Name: "web", Stopped: true})
	web.Append(t, dataroot.JSON(time.Now().Add(-time.Minute), "one"))
	file := filepath.Join(t.TempDir(), "lm.yaml")
	args := append(root.Args("--loki-url", loki.URL, "--since", "1h", "--config", file), "web")
	for _, stage := range []string{"labelallow: [container, host, stream]", "labeldrop: [resent]", "static_labels: {resent: other}"} {
		replaceFile(t, file, "stages: [{"+stage+"}]\n")
		for _, more := range []string{"--blind", "--rules=now"} {
			if _, stderr, code := carrier.Run(t, append([]string{"resend", "--add-label", "resent=yes", more}, args...)...); code != 2 || !strings.Contains(stderr, "--add-label") {
				t.Errorf("%s: exit code %d: %s", stage, code, stderr)
			}
		}
	}
	if n := loki.Count(t, `{stream="stdout"}`); n != 0 {
		t.Errorf("%d entries were sent", n)
	}
	replaceFile(t, file, "stages: [{labelallow: [stream]}]\n")
	for _, sent := range []int{1, 0} {
		if got, _ := resend(t, 0, args...); got["web"] != (resent{1, 1 - sent, sent, 0}) {
			t.Errorf("no label but the stream: %+v", got)
		}
	}
}
