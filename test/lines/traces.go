package lines

import "fmt"

// Traced returns the lines that a program in a language writes when something fails for
// the kth time: one of its own, and several that belong together.
func Traced(language string, k int) (alone string, together []string) {
	frames := k % 7
	switch language {
	case "python":
		together = append(together, fmt.Sprintf("2026-11-29 12:00:00,123 ERROR app.worker: job %d failed", k), "Traceback (most recent call last):")
		for i := range frames + 1 {
			together = append(together, fmt.Sprintf(`  File "/app/worker.py", line %d, in step_%d`, 10*i+k, i), "    return self.run(job)")
		}
		return fmt.Sprintf("2026-11-29 12:00:00,100 INFO app.worker: job %d begins", k), append(together, fmt.Sprintf("ValueError: job %d has no name", k))
	case "go":
		together = append(together, fmt.Sprintf("panic: runtime error: index out of range [%d] with length 3", k), "", fmt.Sprintf("goroutine %d [running]:", k+1))
		for i := range frames + 1 {
			together = append(together, fmt.Sprintf("main.work%d(0x%x)", i, k), fmt.Sprintf("\t/app/main.go:%d +0x1d", 20+i))
		}
		return fmt.Sprintf("time=2026-11-29T12:00:00.000Z level=INFO msg=begins job=%d", k), together
	}
	together = append(together, fmt.Sprintf("2026-11-29 12:00:00.123 ERROR [main] org.example.Jobs - job %d failed", k), fmt.Sprintf("java.lang.IllegalStateException: job %d is broken", k))
	for i := range frames + 1 {
		together = append(together, fmt.Sprintf("\tat org.example.Jobs.step%d(Jobs.java:%d)", i, 40+i))
	}
	together = append(together, fmt.Sprintf("Caused by: java.io.IOException: no file %d", k), "\tat org.example.Files.open(Files.java:7)", fmt.Sprintf("\t... %d more", frames+1))
	return fmt.Sprintf("2026-11-29 12:00:00.100 INFO  [main] org.example.Jobs - job %d begins", k), together
}
