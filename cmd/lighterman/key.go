package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
)

// key is what a listener is asked with that is not open to all. All of it is in files.
type key struct{ caFile, tokenFile, username, passwordFile string }

// flags are those that a key is given with.
func (k *key) flags() []argument {
	return []argument{textFlag("ca-file", &k.caFile), textFlag("token-file", &k.tokenFile), textFlag("username", &k.username), textFlag("password-file", &k.passwordFile)}
}

// check looks at all of them together.
func (k *key) check() error {
	if (k.username == "") != (k.passwordFile == "") {
		return errors.New("--username and --password-file need each other")
	}
	if k.username != "" && k.tokenFile != "" {
		return errors.New("--username and --token-file exclude each other")
	}
	return nil
}

// client is how the listener of a configuration is asked.
func (k *key) client(cfg *config.Config) (c status.Client, err error) {
	c.Listen = cfg.Listener.Address
	if c.TLS, err = k.tls(cfg); err != nil {
		return c, err
	}
	tokenFile := k.tokenFile
	if tokenFile == "" && k.username == "" {
		tokenFile = cfg.Listener.TokenFile
	}
	switch {
	case k.username != "":
		password, err := os.ReadFile(k.passwordFile)
		if err != nil {
			return c, fmt.Errorf("cannot read --password-file: %w", err)
		}
		pair := k.username + ":" + strings.TrimRight(string(password), "\r\n")
		c.Authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	case tokenFile != "":
		token, err := access.FirstToken(tokenFile)
		if err != nil {
			return c, fmt.Errorf("cannot read the token: %w", err)
		}
		c.Authorization = "Bearer " + token
	}
	return c, nil
}

// tls is what the listener is asked with: authorities that a flag names, or else the very
// certificate that the configuration names.
func (k *key) tls(cfg *config.Config) (*tls.Config, error) {
	if k.caFile != "" {
		text, err := os.ReadFile(k.caFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read --ca-file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM form", k.caFile)
		}
		return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
	}
	a, err := access.Open(access.Config{WebFile: cfg.Listener.WebConfigFile})
	if err != nil {
		return nil, fmt.Errorf("cannot use web-config-file: %w (with --ca-file it is not needed)", err)
	}
	server, _ := a.TLS()
	if server == nil {
		return nil, nil
	}
	own := server.Certificates[0].Certificate[0]
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // the very certificate is compared instead, whatever its names
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, own) {
				return errors.New("the certificate there is not the one that web-config-file names: name its authority with --ca-file")
			}
			return nil
		},
	}, nil
}
