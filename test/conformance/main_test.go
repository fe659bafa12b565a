package conformance

import (
	"os"
	"testing"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}
