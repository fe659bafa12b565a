package peer

import (
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"runtime/debug"
	"strings"
)

// VersionOf returns the version of a collector's program.
func (p *Peer) VersionOf(program string) (string, error) {
	if p.Module != "" {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return "", fmt.Errorf("cannot read what %q was built from: %w", program, err)
		}
		return moduleVersion(info, p.Module)
	}
	if len(p.Version) == 0 {
		return "", fmt.Errorf("cannot tell the version of %s: its description does not say how", p.Name)
	}
	out, err := exec.Command(program, p.Version...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot tell the version of %s: %w", p.Name, err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first, nil
}

// moduleVersion returns the version of a module that a program was built from.
func moduleVersion(info *debug.BuildInfo, module string) (string, error) {
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return m.Version, nil
		}
	}
	return "", fmt.Errorf("cannot tell the version of a program that was not built from %s", module)
}
