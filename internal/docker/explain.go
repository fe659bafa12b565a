package docker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// MinAPI is the API of the oldest engine that is supported, and MinEngine that engine.
// MaxAPI is the newest that is spoken here.
const (
	MinAPI    = "1.40"
	MinEngine = "Docker Engine 19.03"
	MaxAPI    = "1.56"
)

// explain says what a request that got no answer failed of, and what to do about it.
func explain(host string, err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // the rest is the request
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if why := connectionCure(host, err); why != "" {
		return fmt.Errorf("cannot reach the engine at %s: %w (%s)", host, err, why)
	}
	return fmt.Errorf("cannot reach the engine at %s: %w", host, err)
}

// connectionCure says what to do about a connection that failed, or nothing.
func connectionCure(host string, err error) string {
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	text := err.Error()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "run lighterman as root or as a member of the group that owns the socket, mostly \"docker\", with group_add or --group-add in a container; or do without the socket: docker-host=none, see docs/permissions.md"
	case errors.Is(err, fs.ErrNotExist):
		return "is Docker running? In a container mount the socket with -v /var/run/docker.sock:/var/run/docker.sock; docker-host names another address, or none to do without"
	case errors.Is(err, unix.ECONNREFUSED):
		return "is Docker running, and does it listen there? docker-host names another address"
	case errors.As(err, &authority):
		return "the engine's certificate is not from an authority that is known here: put the certificate of the authority that signed it, or a self-signed one itself, as ca.pem into the directory DOCKER_CERT_PATH"
	case errors.As(err, &name):
		return "the engine's certificate is for another name: let docker-host have a name that is in the certificate"
	case errors.As(err, &invalid):
		return "the engine's certificate is not valid now, or not for this: renew it, and look at this host's clock"
	case strings.Contains(text, "HTTP response to HTTPS client"), strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the engine does not speak TLS there: name its TLS port, mostly 2376, in docker-host, or unset DOCKER_CERT_PATH and DOCKER_TLS_VERIFY"
	case strings.Contains(text, "malformed HTTP response"):
		return tlsCure
	case strings.Contains(text, "remote error: tls"):
		return "the engine does not take lighterman's certificate: put cert.pem and key.pem, signed by the engine's authority, into the directory DOCKER_CERT_PATH"
	case strings.HasPrefix(host, "ssh:"):
		return "ssh is not supported: forward the socket with ssh -L and name it in docker-host"
	}
	return ""
}

const tlsCure = "the engine speaks TLS there: set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem, and DOCKER_TLS_VERIFY to 1"

// maximum finds what an engine says that is older than the client.
var maximum = regexp.MustCompile(`Maximum supported API version is ([0-9.]+)`)

// refusalCure says what to do about an answer that is a refusal, or nothing.
func refusalCure(status int, message string) string {
	switch found := maximum.FindStringSubmatch(message); {
	case found != nil && older(found[1], MinAPI):
		return fmt.Sprintf(" (lighterman needs %s or newer, with API %s: update Docker)", MinEngine, MinAPI)
	case strings.Contains(message, "upported API version is"):
		return " (unset DOCKER_API_VERSION, or set it to a version that the engine supports)"
	case strings.Contains(message, "HTTP request to an HTTPS server"):
		return " (" + tlsCure + ")"
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return " (a proxy before the engine must let GET /_ping, /containers/json, /containers/ID/json, /containers/ID/logs, /events, /info and /version pass)"
	}
	return ""
}

// older tells whether an API is older than another, both written as 1.40.
func older(version, than string) bool {
	a, ok := versionNumber(version)
	b, _ := versionNumber(than)
	return ok && a < b
}

// versionNumber makes a number of a version such as 1.40, which can be compared.
func versionNumber(version string) (n int, ok bool) {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major < 0 || minor < 0 || minor > 9999 || major > 9999 {
		return 0, false
	}
	return major*10000 + minor, true
}

// versionText is the inverse of versionNumber.
func versionText(n int) string { return fmt.Sprintf("%d.%d", n/10000, n%10000) }
