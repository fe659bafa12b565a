package docker

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// TestNetwork: networks come by name, of ports those of TCP by number, and whatever is no
// address and no port is not kept.
func TestNetwork(t *testing.T) {
	read := func(text string) logs.Network {
		t.Helper()
		var f facts
		if err := f.read(sift.New(strings.NewReader(text), 1<<20), keepAll); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return f.container("id").Network
	}
	for text, want := range map[string]logs.Network{
		`{"HostConfig":{"NetworkMode":"shop_default"},"NetworkSettings":{"Bridge":"","Ports":{"9000/udp":[{"HostPort":"9"}],"443/tcp":null,
			"80/tcp":[{"HostIp":"::","HostPort":"8080"},{"HostIp":"0.0.0.0","HostPort":"8080"}]},
			"Networks":{"shop_default":{"NetworkID":"n2","IPAddress":"172.18.0.2"},"back":{"IPAMConfig":{},"NetworkID":"n1","IPAddress":""}}}}`: {
			Mode:     "shop_default",
			Attached: []logs.Attachment{{Name: "back", ID: "n1"}, {Name: "shop_default", ID: "n2", IP: "172.18.0.2"}},
			Ports: []logs.Port{
				{Private: "80", Public: "8080", PublicIP: "0.0.0.0"}, {Private: "80", Public: "8080", PublicIP: "::"}, {Private: "443"},
			},
		},
		`{"NetworkSettings":{"Networks":null,"Ports":null},"HostConfig":{"NetworkMode":"host"}}`: {Mode: "host"},
		`{"NetworkSettings":null}`: {},
		`{"NetworkSettings":{"Networks":{"a":null},"Ports":{"0/tcp":[],"65536/tcp":[],"-1/tcp":[],"8080-8090/tcp":[],"080/tcp":[],"22/tcp":[{"HostIp":"x","HostPort":"99999"}]}}}`: {
			Attached: []logs.Attachment{{Name: "a"}}, Ports: []logs.Port{{Private: "22"}},
		},
	} {
		if got := read(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nis  %+v\nnot %+v", text, got, want)
		}
	}
}

// TestNetworkBounds: of any number of networks, ports and labels no more is kept than is
// needed, and of labels it is said.
func TestNetworkBounds(t *testing.T) {
	many := func(n int, each string) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(each, i+1))
		}
		return strings.Join(out, ",")
	}
	text := `{"Config":{"Labels":{` + many(5000, `"label%05d":"v"`) + `}},"NetworkSettings":{"Networks":{` + many(500, `"n%d":{"NetworkID":"x"}`) +
		`,"` + strings.Repeat("n", 5000) + `":{}},"Ports":{` + many(500, `"%d/tcp":[{"HostPort":"1"},{"HostPort":"2"}]`) + `}}}`
	var f facts
	if err := f.read(sift.New(strings.NewReader(text), 1<<20), keepAll); err != nil {
		t.Fatal(err)
	}
	c := f.container("id")
	if len(c.Network.Attached) != maxNetworks || len(c.Network.Ports) > maxPorts+maxBindings || len(c.Labels) != maxLabels {
		t.Errorf("%d networks, %d ports and %d labels are kept", len(c.Network.Attached), len(c.Network.Ports), len(c.Labels))
	}
	if !strings.Contains(c.Problem, "only 256 labels of 64 KiB") {
		t.Errorf("problem %q", c.Problem)
	}
}
