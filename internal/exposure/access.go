package exposure

import (
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
)

// NewServer makes the server of the listener, and what protects it.
func NewServer(cfg *config.Config, log *slog.Logger) (*status.Server, error) {
	server := status.New(cfg.Listener.Address, cfg.Listener.Hosts, log)
	if cfg.Listener.Address == "" {
		return server, nil
	}
	a, err := OpenAccess(cfg, log)
	if err != nil {
		return nil, err
	}
	server.Protect(a, cfg.Listener.Unprotected)
	return server, nil
}

// OpenAccess opens what says who may ask the listener.
func OpenAccess(cfg *config.Config, log *slog.Logger) (*access.Access, error) {
	a, err := access.Open(access.Config{WebFile: cfg.Listener.WebConfigFile, TokenFile: cfg.Listener.TokenFile, Log: log})
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", strings.Join(Settings(cfg), " and "), err)
	}
	return a, nil
}

// Settings are the settings that say who may ask.
func Settings(cfg *config.Config) (names []string) {
	if cfg.Listener.WebConfigFile != "" {
		names = append(names, "web-config-file")
	}
	if cfg.Listener.TokenFile != "" {
		names = append(names, "listen-token-file")
	}
	return names
}

// insecureListener says what of the listener's access lets others in.
func insecureListener(cfg *config.Config) (out []string) {
	out = append(insecureFile("web-config-file", cfg.Listener.WebConfigFile), insecureFile("listen-token-file", cfg.Listener.TokenFile)...)
	a, err := OpenAccess(cfg, slog.New(slog.DiscardHandler))
	if l := cfg.Listener; err == nil && l.Address != "" && l.Private == config.PrivateAlways && l.Unprotected && !a.Authenticates() && !OnThisMachine(l.Address) {
		out = append(out, "listen-private is always, and listen-unprotected lets everybody in: whoever reaches "+l.Address+" reads lines, labels, the configuration and messages; set web-config-file or listen-token-file, or say listen-private: auto")
	}
	if err != nil || a == nil || cfg.Listener.Address == "" {
		return out // told of elsewhere
	}
	if secure, _ := a.TLS(); secure == nil && a.Authenticates() && !OnThisMachine(cfg.Listener.Address) {
		out = append(out, "the listener asks for passwords or tokens without TLS, and they cross the network in plain text; add tls_server_config to web-config-file")
	}
	return out
}

// OnThisMachine reports whether an address is of loopback, or a unix socket.
func OnThisMachine(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
