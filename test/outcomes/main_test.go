package outcomes

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/test/lokitest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}
