package loki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// cured adds to an error what to mend, where that is known.
func (c *Client) cured(err error) error {
	if hint := hintOf(err); hint != "" {
		return fmt.Errorf("%w (%s)", err, c.worded(hint))
	}
	return err
}

// worded is a hint in the words of the receiver, which need not be a Loki.
func (c *Client) worded(hint string) string {
	return strings.NewReplacer("loki-url", c.config.Receiver.Setting, "Loki", c.config.Receiver.Name).Replace(hint)
}

// tlsAlert is how net/http tells of a TLS alert, which is what a TLS server may answer to
// plain text.
const tlsAlert = `malformed HTTP response "\x15\x03`

func hintOf(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var lookup *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var alert *net.OpError
	text := err.Error()
	switch {
	case errors.As(err, &unknown):
		return "if the certificate is of an authority of your own, or self-signed, name its PEM file with tls-ca-file"
	case errors.As(err, &name):
		return "loki-url must have a name that is in Loki's certificate, or tls-server-name one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew Loki's certificate, or set this host's clock"
	case errors.As(err, &untrusted):
		return "check Loki's certificate and tls-ca-file"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &plain):
		return "no TLS is spoken there: begin loki-url with http://, or use the port for TLS"
	case strings.Contains(text, tlsAlert):
		return "it speaks TLS there: begin loki-url with https://"
	case errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(text, "certificate"):
		return "check tls-cert-file and tls-key-file: Loki, or what is before it, wants a client certificate that it trusts"
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "check the host in loki-url"
	}
	return ""
}
