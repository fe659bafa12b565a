package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/lighterman/lighterman/internal/document"
)

// serverTLS is tls_server_config as it stands in the file.
type serverTLS struct {
	cert, key, clientCA             string
	certFile, keyFile, clientCAFile string
	sans                            []string
	config                          tls.Config
}

var versions = map[string]uint16{"TLS10": tls.VersionTLS10, "TLS11": tls.VersionTLS11, "TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13}

var clientAuths = map[string]tls.ClientAuthType{
	"": tls.NoClientCert, "NoClientCert": tls.NoClientCert, "RequestClientCert": tls.RequestClientCert,
	"RequireAnyClientCert": tls.RequireAnyClientCert, "RequireClientCert": tls.RequireAnyClientCert,
	"VerifyClientCertIfGiven": tls.VerifyClientCertIfGiven, "RequireAndVerifyClientCert": tls.RequireAndVerifyClientCert,
}

var curves = map[string]tls.CurveID{
	"CurveP256": tls.CurveP256, "CurveP384": tls.CurveP384, "CurveP521": tls.CurveP521, "X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768,
}

func readServerTLS(v document.Value) *serverTLS {
	s := &serverTLS{config: tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13}}
	text := func(to *string) func(document.Value) {
		return func(v document.Value) { *to, _ = readText(v) }
	}
	var ignored bool
	v.Fields("a map with cert_file and key_file",
		document.Field{Name: "cert", Read: text(&s.cert)},
		document.Field{Name: "key", Read: text(&s.key)},
		document.Field{Name: "client_ca", Read: text(&s.clientCA)},
		document.Field{Name: "cert_file", Read: text(&s.certFile)},
		document.Field{Name: "key_file", Read: text(&s.keyFile)},
		document.Field{Name: "client_ca_file", Read: text(&s.clientCAFile)},
		document.Field{Name: "client_auth_type", Read: func(v document.Value) { s.config.ClientAuth = named(v, clientAuths) }},
		document.Field{Name: "client_allowed_sans", Read: func(v document.Value) {
			for _, item := range v.Items("a list of names") {
				if san, ok := readText(item); ok {
					s.sans = append(s.sans, san)
				}
			}
		}},
		document.Field{Name: "min_version", Read: func(v document.Value) { s.config.MinVersion = named(v, versions) }},
		document.Field{Name: "max_version", Read: func(v document.Value) { s.config.MaxVersion = named(v, versions) }},
		document.Field{Name: "cipher_suites", Read: func(v document.Value) {
			suites := make(map[string]uint16)
			for _, c := range tls.CipherSuites() {
				suites[c.Name] = c.ID
			}
			for _, item := range v.Items("a list of cipher suites") {
				s.config.CipherSuites = append(s.config.CipherSuites, named(item, suites))
			}
		}},
		document.Field{Name: "curve_preferences", Read: func(v document.Value) {
			for _, item := range v.Items("a list of curves") {
				s.config.CurvePreferences = append(s.config.CurvePreferences, named(item, curves))
			}
		}},
		document.Field{Name: "prefer_server_cipher_suites", Read: func(v document.Value) { readBool(v, &ignored) }}, // Go knows better
	)
	s.check(v)
	return s
}

// named reads a name of something.
func named[T any](v document.Value, of map[string]T) (value T) {
	text, ok := readText(v)
	if !ok {
		return value
	}
	value, known := of[text]
	if !known {
		var names []string
		for name := range of {
			if name != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		v.Fail("unknown value %s%s", document.Quote(text), document.Hint(text, names))
	}
	return value
}

// check says what cannot be together.
func (s *serverTLS) check(v document.Value) {
	verifies := s.config.ClientAuth == tls.RequireAndVerifyClientCert || s.config.ClientAuth == tls.VerifyClientCertIfGiven
	switch {
	case (s.cert != "") == (s.certFile != ""):
		v.Fail("expected cert_file or cert, one of them")
	case (s.key != "") == (s.keyFile != ""):
		v.Fail("expected key_file or key, one of them")
	case s.clientCA != "" && s.clientCAFile != "":
		v.Fail("client_ca_file and client_ca exclude each other")
	case verifies && s.clientCA == "" && s.clientCAFile == "":
		v.Fail("client_auth_type needs client_ca_file, to check certificates against")
	case !verifies && (s.clientCA != "" || s.clientCAFile != ""):
		v.Fail("client_ca_file is without effect: expected client_auth_type: RequireAndVerifyClientCert")
	case len(s.sans) > 0 && s.config.ClientAuth != tls.RequireAndVerifyClientCert:
		v.Fail("client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert")
	case s.config.MinVersion > s.config.MaxVersion:
		v.Fail("min_version is above max_version")
	}
}

// make reads the files, whose paths are seen from the directory of the configuration.
func (s *serverTLS) make(from string, http2 bool, reads func(string)) (*tls.Config, error) {
	get := func(inline, path string) ([]byte, error) {
		if path == "" {
			return []byte(inline), nil
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(from), path)
		}
		reads(path)
		return readFile(path)
	}
	cert, err := get(s.cert, s.certFile)
	if err != nil {
		return nil, err
	}
	key, err := get(s.key, s.keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: the certificate and its key cannot be used: %w", from, err)
	}
	out := s.config.Clone()
	out.Certificates = []tls.Certificate{pair}
	if out.NextProtos = []string{"http/1.1"}; http2 {
		out.NextProtos = []string{"h2", "http/1.1"}
	}
	if s.clientCA != "" || s.clientCAFile != "" {
		ca, err := get(s.clientCA, s.clientCAFile)
		if err != nil {
			return nil, err
		}
		if out.ClientCAs = x509.NewCertPool(); !out.ClientCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s: client_ca_file holds no certificate in PEM form", from)
		}
	}
	if len(s.sans) > 0 {
		out.VerifyConnection = s.verifySANs // which resumed sessions go through, too
	}
	return out, nil
}

var errOtherName = errors.New("the client's certificate has no name of client_allowed_sans")

// verifySANs lets in who has a name that is allowed.
func (s *serverTLS) verifySANs(state tls.ConnectionState) error {
	for _, chain := range state.VerifiedChains {
		leaf := chain[0]
		names := slices.Concat(leaf.DNSNames, leaf.EmailAddresses)
		for _, ip := range leaf.IPAddresses {
			names = append(names, ip.String())
		}
		for _, uri := range leaf.URIs {
			names = append(names, uri.String())
		}
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.sans, name) }) {
			return nil
		}
	}
	return errOtherName
}
