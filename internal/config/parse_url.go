package config

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// parseLokiURL keeps the URL as it was given: the path is the sink's matter.
func parseLokiURL(text string) (*url.URL, error) { return parseSinkURL(text, kindURL) }

func parseReceiverURL(text string) (*url.URL, error) { return parseSinkURL(text, kindReceiver) }

func parseSinkURL(text string, k *kind) (*url.URL, error) {
	u, err := webURL(text, k, "http", "https")
	if err == nil && u.User != nil {
		err = errors.New("the URL must not hold a user or a password; use --loki-username and --loki-password-file")
	}
	return u, err
}

func parseProxyURL(text string) (*url.URL, error) {
	return webURL(text, kindProxy, "http", "https", "socks5", "socks5h")
}

func parseEngine(text string) (string, error) {
	u, err := url.Parse(text)
	if text == NoEngine || err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return text, nil
	}
	u, err = webURL(text, kindEngine, "tcp", "http", "https")
	if err == nil && u.User != nil {
		err = errors.New("the URL must not hold a user or a password")
	}
	return text, err
}

// webURL parses a URL that has a host. What may be a password is not shown where it has none,
// and neither is the reason that net/url gives, as it quotes parts of the text.
func webURL(text string, k *kind, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err == nil && slices.Contains(schemes, u.Scheme) && u.Hostname() != "" && u.Fragment == "" && portOK(u.Port()):
		return u, nil
	case strings.Contains(text, "@"):
		return nil, errors.New("invalid value (not shown, it may hold a password): expected " + k.expected)
	}
	shown, _, _ := strings.Cut(text, "?")
	return nil, invalid(shown, k.expected)
}

// parseListen returns the address, or nothing for off.
func parseListen(text string) (string, error) {
	if text == "off" {
		return "", nil
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		// The kernel takes 107 letters, and the socket is made under another name first.
		const longest = 90
		if !filepath.IsAbs(path) || strings.HasPrefix(path, "//") || filepath.Clean(path) != path || len(path) > longest {
			return "", invalid(text, "unix: and an absolute path of up to 90 letters, such as unix:/run/lighterman.sock")
		}
		return text, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "" || !portOK(port) || strings.ContainsAny(host, " /@") {
		return "", invalid(text, kindAddress.expected)
	}
	return text, nil
}

func portOK(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}
