package exposure

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/lighterman/lighterman/internal/config"
)

// Of says in words what of a configuration lets others read the logs or the
// secrets, or is no secret at all.
func Of(cfg *config.Config) (out []string) {
	out = insecureLoki(cfg)
	for i := range cfg.Outputs {
		for _, text := range insecureLoki(cfg.WithOutput(&cfg.Outputs[i], 1)) {
			out = append(out, "output "+cfg.Outputs[i].Name+": "+text)
		}
	}
	out = append(out, insecureListener(cfg)...)
	for _, name := range cfg.InFlags() {
		out = append(out, "--"+name+" is a flag with a secret in it: every user of this machine can see it; use a file or the environment")
	}
	if cfg.File != "" && (cfg.Loki.Password != "" || cfg.Loki.BearerToken != "") {
		out = append(out, insecureFile("config", cfg.File)...)
	}
	return out
}

// insecureLoki says it of one Loki.
func insecureLoki(cfg *config.Config) (out []string) {
	if cfg.Loki.URL != nil {
		if cfg.Loki.TLS.InsecureSkipVerify {
			out = append(out, "tls-insecure-skip-verify is set: whoever can reach the network can read the logs and the password or token; name Loki's authority with tls-ca-file instead")
		}
		if hasCredentials(cfg) && cfg.Loki.URL.Scheme == "http" && !isLoopback(cfg.Loki.URL) {
			out = append(out, AddressOf(&cfg.Loki)+" begins with http://: the password or token and the logs cross the network in plain text; use https://")
		}
	}
	if p := cfg.Loki.Proxy; p != nil && p.User != nil && p.Scheme != "https" && !isLoopback(p) {
		out = append(out, "proxy-url begins with "+p.Scheme+"://: its password crosses the network in plain text; use https://")
	}
	for _, f := range []struct{ setting, path string }{
		{"loki-password-file", cfg.Loki.PasswordFile}, {"loki-bearer-token-file", cfg.Loki.BearerTokenFile}, {"tls-key-file", cfg.Loki.TLS.KeyFile},
	} {
		out = append(out, insecureFile(f.setting, f.path)...)
	}
	return out
}

// Warn says what of a configuration is not secure, but for what was said of the one
// before; nil for none.
func Warn(cfg, before *config.Config, log *slog.Logger) {
	var said []string
	if before != nil {
		said = Of(before)
	}
	for _, text := range Of(cfg) {
		if !slices.Contains(said, text) {
			log.Warn("this is not secure", "why", text)
		}
	}
}

// hasCredentials tells that pushes have something to steal.
func hasCredentials(cfg *config.Config) bool {
	return cfg.Loki.Password != "" || cfg.Loki.PasswordFile != "" || cfg.Loki.BearerToken != "" || cfg.Loki.BearerTokenFile != "" || cfg.Loki.URL.RawQuery != ""
}

func isLoopback(u *url.URL) bool {
	host := strings.TrimSuffix(u.Hostname(), ".")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") || ip != nil && ip.IsLoopback()
}

// ownGroup tells that the group of a file is root's or one of our own: a usual way to let
// a service read what root has written.
func ownGroup(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Gid == 0 || int(stat.Gid) == os.Getegid() {
		return true
	}
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(groups, int(stat.Gid))
}

// maxSecret is more than a secret has, in bytes.
const maxSecret = 64 << 10

// insecureFile looks at a file with a secret. One that cannot be read is told of where it
// is needed.
func insecureFile(setting, path string) (out []string) {
	info, err := os.Stat(path)
	if path == "" || err != nil || !info.Mode().IsRegular() {
		return nil
	}
	who := ""
	switch mode := info.Mode().Perm(); {
	case mode&0o004 != 0:
		who = "every user of this machine"
	case mode&0o040 != 0 && !ownGroup(info):
		who = "a group that is not lighterman's"
	}
	if who != "" {
		out = append(out, fmt.Sprintf("%s: %s can be read by %s; chmod 0600 it", setting, path, who))
	}
	if info.Size() > maxSecret {
		return out
	}
	if content, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(content)) == 0 {
		out = append(out, fmt.Sprintf("%s: %s is empty: pushes go without", setting, path))
	}
	return out
}

// AddressOf is the setting with the address that pushes go to.
func AddressOf(to *config.Loki) string {
	if to.OTLP != nil {
		return "otlp-url"
	}
	return "loki-url"
}
