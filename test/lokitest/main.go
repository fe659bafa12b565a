package lokitest

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is the TestMain of a package whose tests use Shared: at their end Loki is stopped, and
// nothing may be left running.
func Main(m *testing.M) {
	code := m.Run()
	StopShared()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}
