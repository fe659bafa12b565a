package docker

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// What is kept of a container's networks and ports, whose names and numbers its owner
// chose. A network's name has no limit in Docker; a longer one than this is cut.
const (
	maxNetworks    = 16
	maxPorts       = 64
	maxBindings    = 16
	maxNetworkName = 255
)

// readNetwork reads NetworkSettings, which are the same in config.v2.json and in the answer
// to an inspection. The mode stands elsewhere, before or behind.
func readNetwork(d *sift.Decoder, mode string) (logs.Network, error) {
	out := logs.Network{Mode: mode}
	err := d.Object(func(key string) (err error) {
		switch key {
		case "Networks":
			out.Attached, err = readAttached(d)
		case "Ports":
			out.Ports, err = readPorts(d)
		default:
			err = d.Skip()
		}
		return err
	})
	return out, err
}

// readAttached reads the networks a container is in, and sorts them by name.
func readAttached(d *sift.Decoder) (all []logs.Attachment, err error) {
	err = d.Object(func(name string) error {
		if len(all) >= maxNetworks || len(name) > maxNetworkName {
			return d.Skip()
		}
		a := logs.Attachment{Name: strings.ToValidUTF8(name, "\ufffd")}
		err := d.Object(func(key string) (err error) {
			switch key {
			case "NetworkID":
				a.ID, _, err = d.String(idLength)
			case "IPAddress":
				var text string
				text, _, err = d.String(64)
				if _, wrong := netip.ParseAddr(text); wrong == nil {
					a.IP = text
				}
			default:
				err = d.Skip()
			}
			return err
		})
		all = append(all, a)
		return err
	})
	slices.SortStableFunc(all, func(a, b logs.Attachment) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// readPorts reads the ports of a container, of which it keeps those of TCP, and sorts them.
// A port that is published on several addresses is there once for each.
func readPorts(d *sift.Decoder) (all []logs.Port, err error) {
	err = d.Object(func(key string) error {
		private, protocol, _ := strings.Cut(key, "/")
		if len(all) >= maxPorts || protocol != "tcp" || !isPort(private) {
			return d.Skip()
		}
		bindings := 0
		err := d.Array(func() error {
			if bindings++; bindings > maxBindings {
				return d.Skip()
			}
			p, err := readBinding(d)
			p.Private = private
			if err == nil && p.Public != "" {
				all = append(all, p)
			}
			return err
		})
		if len(all) == 0 || all[len(all)-1].Private != private {
			all = append(all, logs.Port{Private: private}) // which is not published
		}
		return err
	})
	slices.SortStableFunc(all, comparePorts)
	return all, err
}

// readBinding reads where a port is published.
func readBinding(d *sift.Decoder) (p logs.Port, err error) {
	err = d.Object(func(key string) (err error) {
		var text string
		switch key {
		case "HostIp":
			text, _, err = d.String(64)
			if _, wrong := netip.ParseAddr(text); wrong == nil {
				p.PublicIP = text
			}
		case "HostPort":
			text, _, err = d.String(8)
			if isPort(text) {
				p.Public = text
			}
		default:
			err = d.Skip()
		}
		return err
	})
	return p, err
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// comparePorts orders ports by number, and addresses of one port as IPv4 before IPv6.
func comparePorts(a, b logs.Port) int {
	number := func(text string) uint64 { n, _ := strconv.ParseUint(text, 10, 16); return n }
	address := func(text string) netip.Addr { at, _ := netip.ParseAddr(text); return at }
	return cmp.Or(cmp.Compare(number(a.Private), number(b.Private)), address(a.PublicIP).Compare(address(b.PublicIP)), cmp.Compare(number(a.Public), number(b.Public)))
}
