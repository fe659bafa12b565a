package docker

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzStored: whatever is in the two files, it is refused or makes a container of
// which name, driver and times are possible ones.
func FuzzStored(f *testing.F) {
	id := strings.Repeat("0a", 32)
	f.Add([]byte(`{"ID":"`+id+`","Name":"/web","Config":{"Image":"i","Labels":{"a":"b"}},"State":{"Running":true,"StartedAt":"2026-01-02T03:04:05.678Z"}}`),
		[]byte(`{"LogConfig":{"Type":"json-file","Config":{"max-size":"1k"}}}`))
	f.Fuzz(func(t *testing.T, config, host []byte) {
		c, err := decode(id, config, host)
		if err != nil {
			if c != nil || !utf8.ValidString(err.Error()) {
				t.Errorf("%+v, %q", c, err)
			}
			return
		}
		switch {
		case c.ID != id, c.Name == "" || len(c.Name) > 255 || strings.ContainsAny(c.Name, "/\n\x00"), c.Driver == "" || len(c.Driver) > maxDriver:
			t.Errorf("accepted %+v", c)
		case !c.StartedAt.IsZero() && c.StartedAt.UnixNano() <= 0:
			t.Errorf("started at %v", c.StartedAt)
		}
	})
}
