package docker

import (
	"os"
	"strings"
)

// Self returns the ID of the container that this process runs in, or "".
func Self() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	return selfFromMounts(string(mounts))
}

// selfFromMounts finds the files that the engine mounts from the container's
// own directory: …/containers/<ID>/hostname and others. The control group does
// not tell: with its own namespace the process sees it as "/".
func selfFromMounts(mountinfo string) string {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 || (fields[4] != "/etc/hostname" && fields[4] != "/etc/resolv.conf" && fields[4] != "/etc/hosts") {
			continue
		}
		parts := strings.Split(fields[3], "/")
		for i := len(parts) - 2; i > 0; i-- {
			if parts[i-1] == "containers" && isID(parts[i]) {
				return parts[i]
			}
		}
	}
	return ""
}
