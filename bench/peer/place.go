package peer

import (
	"fmt"
	"net"
	"strings"
	"text/template"
)

// Place is where a collector finds things.
type Place struct {
	// Root is Docker's data root, Logs a pattern for the log files, Socket the
	// engine's.
	Root, Logs, Socket string
	// Push is the URL of Loki's push API, Loki the part before the path.
	Push, Loki, LokiHost, LokiPort string
	// Work is a directory of its own, Port a TCP port of loopback that nobody else
	// uses (port.Take).
	Work string
	Port int
}

// ShipTo sets the addresses of the Loki, or what stands in for it, that listens.
func (at *Place) ShipTo(address net.Addr) {
	at.Loki = "http://" + address.String()
	at.Push = at.Loki + "/loki/api/v1/push"
	at.LokiHost, at.LokiPort, _ = net.SplitHostPort(address.String())
}

// Fill fills a template in.
func (at *Place) Fill(text string) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("cannot read template %q: %w", text, err)
	}
	var out strings.Builder
	if err := t.Execute(&out, at); err != nil {
		return "", fmt.Errorf("cannot fill template %q: %w", text, err)
	}
	return out.String(), nil
}

func (at *Place) fillAll(texts []string) ([]string, error) {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		filled, err := at.Fill(text)
		if err != nil {
			return nil, err
		}
		out = append(out, filled)
	}
	return out, nil
}
