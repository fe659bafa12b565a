package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Agent is a collector that runs.
type Agent struct {
	Peer *Peer
	// Started is when it did.
	Started time.Time

	cmd     *exec.Cmd
	metrics string
	ready   string
	output  string
	gone    chan struct{}
}

// Options say how a collector is run.
type Options struct {
	// Program is the path of the collector's program.
	Program string
	// Variant names arguments of the description that are added.
	Variant string
	// Extra are further arguments.
	Extra []string
	// Wrap is what the command line begins with: "taskset", "-c", "0", …
	Wrap []string
	// Env is added to the environment.
	Env []string
}

// Start starts a collector.
func Start(p *Peer, at *Place, o Options) (*Agent, error) {
	if err := p.prepare(at); err != nil {
		return nil, err
	}
	args, err := at.fillAll(append(append(append([]string{}, p.Args...), p.Variants[o.Variant]...), o.Extra...))
	if err != nil {
		return nil, err
	}
	env, err := at.fillAll(p.Env)
	if err != nil {
		return nil, err
	}
	a := &Agent{Peer: p, output: filepath.Join(at.Work, "output"), gone: make(chan struct{})}
	if a.metrics, err = at.Fill(p.Metrics); err != nil {
		return nil, err
	}
	if a.ready, err = at.Fill(p.Ready); err != nil {
		return nil, err
	}
	out, err := os.Create(a.output)
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	defer func() { _ = out.Close() }()
	line := append(append(slices.Clone(o.Wrap), o.Program), args...)
	a.cmd = exec.Command(line[0], line[1:]...)
	a.cmd.Env = append(append(environment(), o.Env...), env...)
	a.cmd.Stdout, a.cmd.Stderr = out, out
	a.cmd.Dir = at.Work
	// It shall not outlive us, whatever happens.
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	a.Started = time.Now()
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	go func() {
		_ = a.cmd.Wait()
		close(a.gone)
	}()
	return a, nil
}

// environment is ours without what lighterman would read as configuration.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIGHTERMAN_") })
}

// PID returns the ID of its process.
func (a *Agent) PID() int { return a.cmd.Process.Pid }

// Stop asks it to end, and ends it when it does not.
func (a *Agent) Stop() {
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-a.gone:
	case <-time.After(30 * time.Second):
		_ = a.cmd.Process.Kill()
		<-a.gone
	}
}

// Kill ends it at once.
func (a *Agent) Kill() {
	_ = a.cmd.Process.Kill()
	<-a.gone
}

// Ended is an error once the collector has ended by itself.
func (a *Agent) Ended() error {
	select {
	case <-a.gone:
		return fmt.Errorf("%s has ended: %s\n%s", a.Peer.Name, a.cmd.ProcessState, a.LastWords())
	default:
		return nil
	}
}

// LastWords returns the end of what it has printed.
func (a *Agent) LastWords() string {
	text, _ := os.ReadFile(a.output)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
