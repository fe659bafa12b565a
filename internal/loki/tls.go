package loki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
)

// TLS says how a server is recognised, and how we are. Its files are taken up when they
// change.
type TLS struct {
	CAFile, CertFile, KeyFile, ServerName string
	InsecureSkipVerify                    bool
}

var errCertificate = errors.New("cannot read the client certificate")

func (c *Client) tlsConfig() (*tls.Config, error) {
	config := c.config.TLS
	out := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         config.ServerName,
		InsecureSkipVerify: config.InsecureSkipVerify, //nolint:gosec // the operator asked for it by name
	}
	if c.authorities != nil {
		pool, err := c.authorities.get()
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA certificates: %w", err)
		}
		out.RootCAs = pool
	}
	if config.CertFile != "" {
		// Read now to fail early, and again for every handshake.
		if _, err := c.certificate(); err != nil {
			return nil, err
		}
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate() }
	}
	return out, nil
}

// poolOf are the certificate authorities that a file has.
func poolOf(path string) func(pem []byte, before *x509.CertPool) (*x509.CertPool, error) {
	return func(pem []byte, before *x509.CertPool) (*x509.CertPool, error) {
		out := x509.NewCertPool()
		switch {
		case !out.AppendCertsFromPEM(pem):
			return nil, fmt.Errorf("%s holds no PEM certificate", path)
		case before != nil && out.Equal(before):
			return before, nil
		}
		return out, nil
	}
}

// certificateOf is the client's, which is of two files that are renewed one after the other:
// the last pair that belonged together. A file that cannot be read is no other than one that
// is torn.
func certificateOf(config TLS, log *slog.Logger) *renewed[tls.Certificate] {
	load := func(*tls.Certificate) (*tls.Certificate, error) {
		cert, err := readFile(config.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := readFile(config.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		return &pair, err
	}
	return &renewed[tls.Certificate]{load: load, log: log.With("tls-cert-file", config.CertFile, "tls-key-file", config.KeyFile)}
}

// certificate returns the client's.
func (c *Client) certificate() (*tls.Certificate, error) {
	pair, err := c.clientCertificate.get()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCertificate, err)
	}
	return pair, nil
}
