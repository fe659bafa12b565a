package docker

import (
	"strings"
	"testing"
)

// TestIsName: what the engine allows as a name, with and without its slash, to the byte.
func TestIsName(t *testing.T) {
	long := strings.Repeat("a", 255)
	for name, want := range map[string]bool{
		"web": true, "/web": true, "/web_1.x-y": true, long: true, "/" + long: true, long + "a": false, "/" + long + "a": false,
		"": false, "/": false, "//web": false, "_web": false, "/-": false, "web/1": false, "wéb": false, "web\n": false,
	} {
		if isName(name) != want {
			t.Errorf("%.20q (%d bytes): %t", name, len(name), !want)
		}
	}
}
