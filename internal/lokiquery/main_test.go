package lokiquery

import (
	"testing"

	"github.com/lighterman/lighterman/test/lokitest"
)

func TestMain(m *testing.M) { lokitest.Main(m) }
