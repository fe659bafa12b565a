package monitoring

import (
	"os"
	"testing"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// deploy is the directory with what is tested here.
const deploy = "../../deploy/"
