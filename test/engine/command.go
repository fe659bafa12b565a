package engine

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// standardRoot and standardSocket are where hosts have an engine's data and its socket.
const standardRoot, standardSocket = "/var/lib/docker", "unix:///var/run/docker.sock"

// command is dockerd in namespaces of its own, with a configuration. unshare, nsenter and sh
// replace themselves: the process is dockerd in the end.
func (p *PrivateEngine) command(config string) *exec.Cmd {
	root, listen, enter := p.DataRoot(), []string{"-H", p.Host}, []string{"unshare", "--net"}
	if host := p.opts.Host; host != nil {
		root, listen = standardRoot, append(listen, "-H", standardSocket)
		enter = []string{"nsenter", host.space.flag(), "unshare", "--mount", "--uts"}
	} else if p.opts.Remap {
		enter = append(enter, "--mount")
	}
	args := append(enter[1:], "sh", "-c", `ip link set lo up; `+p.before()+` exec "$@"`, "sh", p.opts.Dockerd, "--config-file", config)
	args = append(append(args, listen...),
		"--data-root", root, "--exec-root", filepath.Join(p.Dir, "exec"), "--pidfile", filepath.Join(p.Dir, "pid"),
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--storage-driver", p.opts.StorageDriver,
	)
	if p.opts.LiveRestore {
		args = append(args, "--live-restore")
	}
	if p.opts.Remap {
		args = append(args, "--userns-remap", "nobody:nogroup")
	}
	return exec.Command(enter[0], append(args, p.opts.Args...)...)
}

// before is what has to be done in the namespaces of dockerd before it starts: the
// machine's own files of subordinate IDs, and its own engine's, stay as they are.
func (p *PrivateEngine) before() string {
	switch {
	case p.opts.Host != nil:
		return fmt.Sprintf(`set -e; hostname %s; mkdir -p %[2]s/run %[2]s/data %[3]s; mount --bind %[2]s/data %[3]s; mount --bind %[2]s/run /run;`, p.opts.Host.Name, p.Dir, standardRoot)
	case p.opts.Remap:
		file := filepath.Join(p.Dir, "subid")
		return fmt.Sprintf(`printf 'nobody:100000:65536\nnogroup:100000:65536\n' >%[1]s; mount --bind %[1]s /etc/subuid; mount --bind %[1]s /etc/subgid;`, file)
	}
	return ""
}
