package peer

import (
	"os/exec"
	"runtime/debug"
	"syscall"
	"testing"
)

// TestDescriptionsAreGood fills in every file of bench/peers.
func TestDescriptionsAreGood(t *testing.T) {
	peers, err := Load("../peers")
	if err != nil || len(peers) < 8 {
		t.Fatalf("%d peers, %v", len(peers), err)
	}
	for _, p := range peers {
		at := &Place{Root: "/root", Logs: "/root/*.log", Socket: "/socket", Push: "http://l/push", Loki: "http://l", LokiHost: "l", LokiPort: "1", Work: t.TempDir(), Port: 9}
		if err := p.prepare(at); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Module == "" && len(p.Version) == 0 {
			t.Errorf("%s: nobody learns its version", p.Name)
		}
		for name, args := range p.Variants {
			if _, err := at.fillAll(args); err != nil {
				t.Errorf("%s, %s: %v", p.Name, name, err)
			}
		}
		for _, texts := range [][]string{p.Args, p.Env, {p.Metrics, p.Ready}} {
			if _, err := at.fillAll(texts); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Path: "a/main", Version: "v1"}, Deps: []*debug.Module{{Path: "b", Version: "v2"}, {Path: "c", Version: "v3"}}}
	for module, want := range map[string]string{"a/main": "v1", "b": "v2", "c": "v3", "d": ""} {
		if v, err := moduleVersion(info, module); v != want || (err == nil) != (want != "") {
			t.Errorf("%s: version %q, %v", module, v, err)
		}
	}
	if v, err := (&Peer{Name: "a", Module: "b"}).VersionOf("/etc/hostname"); err == nil {
		t.Errorf("version %q of what is no program", v)
	}
	if v, err := (&Peer{Name: "a", Version: []string{"first\nsecond"}}).VersionOf("/bin/echo"); err != nil || v != "first" {
		t.Errorf("version %q, %v", v, err)
	}
	if _, err := (&Peer{Name: "a"}).VersionOf("/bin/echo"); err == nil {
		t.Error("a version out of nothing")
	}
}

// TestChildrenCount: what a program starts counts as its own.
func TestChildrenCount(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & sleep 60 & echo started; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children, too
		_ = cmd.Wait()
	}()
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	u, err := treeUsage(cmd.Process.Pid)
	if err != nil || u.Threads != 3 {
		t.Errorf("%+v, %v, want three threads in all", u, err)
	}
}
