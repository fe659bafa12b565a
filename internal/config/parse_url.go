package config

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parseLokiURL keeps the URL as it was given: the path is the sink's matter.
func parseLokiURL(text string) (*url.URL, error) {
	u, err := webURL(text, kindURL.expected, "http", "https")
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		return nil, errors.New("the URL must not hold a user or a password; use --loki-username and --loki-password-file")
	}
	return u, nil
}

func parseProxyURL(text string) (*url.URL, error) {
	return webURL(text, kindProxy.expected, "http", "https", "socks5", "socks5h")
}

// webURL parses a URL that has a host.
func webURL(text, expected string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, !slices.Contains(schemes, u.Scheme), u.Hostname() == "", u.Fragment != "", !portOK(u.Port()):
		return nil, invalidURL(text, expected)
	}
	return u, nil
}

// invalidURL is invalid for URLs. What may be a password is not shown, and
// neither is the reason that net/url gives, as it quotes parts of the text.
func invalidURL(text, expected string) error {
	if strings.Contains(text, "@") {
		return errors.New("invalid value (not shown, it may hold a password): expected " + expected)
	}
	shown, _, _ := strings.Cut(text, "?")
	return invalid(shown, expected)
}

func parseEngine(text string) (string, error) {
	if text == NoEngine {
		return text, nil
	}
	u, err := url.Parse(text)
	if err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/") {
		return text, nil
	}
	u, err = webURL(text, kindEngine.expected, "tcp", "http", "https")
	if err != nil {
		return "", err
	}
	if u.User != nil {
		return "", errors.New("the URL must not hold a user or a password")
	}
	return text, nil
}

// parseListen returns the address, or nothing for off.
func parseListen(text string) (string, error) {
	if text == "off" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "" || !portOK(port) || strings.ContainsAny(host, " /@") {
		return "", invalid(text, kindAddress.expected)
	}
	return text, nil
}

func portOK(port string) bool {
	if port == "" {
		return true
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}
