package peer

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine returns the shape of the machine, which is not its name.
func Machine() string {
	model := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	var kib float64
	text, _ = os.ReadFile("/proc/meminfo")
	_, _ = fmt.Sscanf(string(text), "MemTotal: %f kB", &kib)
	return fmt.Sprintf("%s, %d processors, %.0f GiB, %s", model, runtime.NumCPU(), kib/(1<<20), runtime.Version())
}
