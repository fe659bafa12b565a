package chromium

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// Page is a page in a browser of its own. It is used by one goroutine.
type Page struct {
	t       testing.TB
	to      io.Writer
	session string
	number  int

	mu         sync.Mutex // guards the fields below: the reader fills them in
	answers    map[int]message
	complaints []string
	loaded     bool
	gone       bool
}

// message is one of the DevTools protocol, in either direction; see
// https://chromedevtools.github.io/devtools-protocol.
type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// patience is how long the browser may take for anything. On a busy machine its
// start alone takes many seconds.
const patience = 2 * time.Minute

// Open opens a page with a width and height in pixels. The browser ends with the
// test.
func Open(t testing.TB, url string, width, height int) *Page {
	t.Helper()
	need.Program(t, "chromium")
	p := &Page{t: t, answers: make(map[int]message)}
	p.start()
	var target struct{ TargetID string }
	p.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(domain+".enable", nil, nil)
	}
	p.Resize(width, height)
	p.Go(url)
	return p
}

// start starts the browser with the protocol on two pipes, which it has as
// descriptors 3 and 4.
func (p *Page) start() {
	p.t.Helper()
	theirIn, toBrowser, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	fromBrowser, theirOut, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+filepath.Join(p.t.TempDir(), "profile"))
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("cannot start chromium: %v", err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	p.to = toBrowser
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read(fromBrowser)
	}()
	p.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = toBrowser.Close()
		<-done
		_ = fromBrowser.Close()
	})
}

// read takes what the browser says: messages that end with a zero byte.
func (p *Page) read(from io.Reader) {
	buffered := bufio.NewReader(from)
	for {
		text, err := buffered.ReadBytes(0)
		p.mu.Lock()
		if err != nil {
			p.gone = true
			p.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) == nil {
			p.take(m)
		}
		p.mu.Unlock()
	}
}

// take notes a message; the lock is held.
func (p *Page) take(m message) {
	switch {
	case m.ID != 0:
		p.answers[m.ID] = m
	case m.Method == "Page.loadEventFired":
		p.loaded = true
	case m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded", m.Method == "Runtime.consoleAPICalled", m.Method == "Network.loadingFailed":
		p.complaints = append(p.complaints, m.Method+": "+string(m.Params))
	}
}

// call calls a method of the protocol and fills in its answer.
func (p *Page) call(method string, params, answer any) {
	p.t.Helper()
	p.number++
	number := p.number
	text, err := json.Marshal(params)
	if err != nil {
		p.t.Fatal(err)
	}
	if params == nil {
		text = nil
	}
	out, err := json.Marshal(message{ID: number, Method: method, SessionID: p.session, Params: text})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.to.Write(append(out, 0)); err != nil {
		p.t.Fatalf("cannot ask chromium for %s: %v", method, err)
	}
	var got message
	there := wait.Until(patience, func() (ok bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		got, ok = p.answers[number]
		return ok || p.gone
	})
	switch {
	case !there || got.ID == 0:
		p.t.Fatalf("chromium does not answer %s", method)
	case got.Error != nil:
		p.t.Fatalf("cannot do %s: %s", method, got.Error.Message)
	case answer != nil:
		if err := json.Unmarshal(got.Result, answer); err != nil {
			p.t.Fatalf("cannot read the answer to %s: %v", method, err)
		}
	}
}

// Resize gives the page another size in pixels.
func (p *Page) Resize(width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Scheme has the page prefer "light" or "dark".
func (p *Page) Scheme(name string) {
	p.t.Helper()
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// Go goes to another address and waits until that has loaded.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.mu.Lock()
	p.loaded = false
	p.mu.Unlock()
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	wait.For(p.t, patience, url+" to load", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.loaded
	})
}

// Scripts switches JavaScript of pages on or off, from the next address on.
func (p *Page) Scripts(on bool) {
	p.t.Helper()
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Press presses and releases a key, such as "Tab".
func (p *Page) Press(key string) {
	p.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		p.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": keyCodes[key]}, nil)
	}
}

var keyCodes = map[string]int{"Tab": 9, "Enter": 13}

// View takes a picture of what the window shows, as PNG.
func (p *Page) View() []byte { p.t.Helper(); return p.capture(false) }

// Eval returns the value of an expression of JavaScript.
func (p *Page) Eval(expression string, value any) {
	p.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		p.t.Fatalf("cannot evaluate %s: %s", expression, answer.ExceptionDetails)
	}
	if err := json.Unmarshal(answer.Result.Value, value); err != nil {
		p.t.Fatalf("cannot read the value of %s: %v", expression, err)
	}
}

// Picture takes a picture of the whole page, as PNG.
func (p *Page) Picture() []byte { p.t.Helper(); return p.capture(true) }

func (p *Page) capture(whole bool) []byte {
	p.t.Helper()
	var answer struct{ Data string }
	p.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": whole}, &answer)
	picture, err := base64.StdEncoding.DecodeString(answer.Data)
	if err != nil {
		p.t.Fatalf("cannot read the picture: %v", err)
	}
	return picture
}

// Complaints returns what the page has written to the console, its exceptions, and
// what could not be loaded.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.complaints...)
}

// Overflow returns the selector-like names of what is wider than the page allows.
func (p *Page) Overflow() (out []string) {
	p.t.Helper()
	p.Eval(fmt.Sprintf(`(() => { const out = [], width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth > width) for (const e of document.querySelectorAll('body *'))
			if (e.getBoundingClientRect().right > width + 0.5 && !e.closest(%q)) out.push(e.tagName + '.' + e.className);
		if (document.documentElement.scrollWidth > width && !out.length) out.push('document');
		return out; })()`, ".scroll *"), &out)
	return out
}
