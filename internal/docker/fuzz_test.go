package docker

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// FuzzStored: whatever is in the two files, it is refused or makes a container of
// which name, driver and times are possible ones; and what is refused makes one, too.
func FuzzStored(f *testing.F) {
	id := strings.Repeat("0a", 32)
	f.Add([]byte(`{"ID":"`+id+`","Name":"/web","Config":{"Image":"i","Labels":{"a":"b"}},"State":{"Running":true,"StartedAt":"2026-01-02T03:04:05.678Z"}}`),
		[]byte(`{"LogConfig":{"Type":"json-file","Config":{"max-size":"1k"}}}`))
	f.Add([]byte(`{"ID":"`+id+`","Name":"/web","NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"::","HostPort":"80"}],"53/udp":null},"Networks":{"n":{"NetworkID":"i","IPAddress":"10.0.0.1"}}}}`),
		[]byte(`{"NetworkMode":"n","LogConfig":{"Type":"local"}}`))
	f.Fuzz(func(t *testing.T, config, host []byte) {
		s := &storedFacts{facts: facts{stateless: true}, since: time.Now()}
		s.config = s.facts.read(sift.New(bytes.NewReader(config), maxStored), func(string) bool { return true })
		s.facts.driver, s.facts.options = "", nil
		s.host = s.facts.readHost(sift.New(bytes.NewReader(host), maxStored))
		problem := s.problem(id)
		var c *logs.Container
		if problem == nil {
			c = s.facts.container(id)
		} else {
			c = s.facts.guess(id, UnknownDriver, problem)
		}
		switch {
		case !utf8.ValidString(c.Problem), c.Partial != (problem != nil):
			t.Errorf("%+v, %q", c, problem)
		case c.ID != id, c.Name == "" || len(c.Name) > 255 || strings.ContainsAny(c.Name, "/\n\x00"), c.Driver == "" || len(c.Driver) > maxDriver:
			t.Errorf("accepted %+v", c)
		case !c.StartedAt.IsZero() && c.StartedAt.UnixNano() <= 0:
			t.Errorf("started at %v", c.StartedAt)
		case len(c.Labels) > maxLabels, len(c.Network.Attached) > maxNetworks, len(c.Network.Ports) > maxPorts+maxBindings, len(c.Network.Mode) > maxNetworkName:
			t.Errorf("more is kept than is needed: %+v", c)
		case len(c.Image) > logs.MaxLabelValue, len(c.Labels["a"]) > logs.MaxLabelValue:
			t.Errorf("more is kept than Loki takes")
		}
	})
}
