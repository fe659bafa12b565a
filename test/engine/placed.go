package engine

import (
	"fmt"
	"path/filepath"
)

// placed gives dockerd a mount namespace where it needs one, and further arguments.
func (p *PrivateEngine) placed(args []string) []string {
	if p.opts.Remap {
		args = append(args, "--userns-remap", "nobody:nogroup")
	}
	if p.opts.Usual {
		args = append(args, "-H", "unix:///var/run/docker.sock", "--data-root", "/var/lib/docker")
	}
	if p.opts.Remap || p.opts.Usual {
		args = append([]string{"--mount"}, args...)
	}
	return args
}

// before is what has to be done in the namespaces of dockerd before it starts: the
// machine's own files of subordinate IDs, and its own engine, stay as they are.
func (p *PrivateEngine) before() (script string) {
	if p.opts.Remap {
		file := filepath.Join(p.Dir, "subid")
		script += fmt.Sprintf(`printf 'nobody:100000:65536\nnogroup:100000:65536\n' >%[1]s; mount --bind %[1]s /etc/subuid; mount --bind %[1]s /etc/subgid;`, file)
	}
	if p.opts.Usual {
		script += fmt.Sprintf(`mkdir -p %[1]s /var/lib/docker; mount -t tmpfs tmpfs /run; mount --bind %[1]s /var/lib/docker;`, p.DataRoot())
	}
	return script
}
