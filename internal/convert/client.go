package convert

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// clients takes the first client as the Loki of loki-url, and the others as outputs.
func (p *plan) clients(key, n *yaml.Node) {
	i := 0
	p.items(n, "clients", func(item *yaml.Node) {
		if i++; i == 1 {
			p.client(key, item)
		} else {
			p.output(key, item, "clients["+strconv.Itoa(i-1)+"]", p.text(get(item, "name"), "clients.name"), nil)
		}
	})
	if i == 0 {
		p.refuse(key.Line, "clients: expected at least one client")
	}
}

// client reads what is asked of Loki.
func (p *plan) client(key, n *yaml.Node) {
	if get(n, "url") == nil {
		p.refuse(key.Line, "%s: a client needs a url", key.Value)
	}
	lost := func(why, cure string) func(key, val *yaml.Node) {
		return func(key, val *yaml.Node) {
			if !isNull(val) && val.Value != "false" {
				p.lost(key.Line, "clients."+key.Value, why, cure)
			}
		}
	}
	handlers := p.httpClient("clients.")
	handlers["url"] = func(_, val *yaml.Node) { p.url(val) }
	handlers["name"] = nil
	handlers["batchwait"] = func(_, val *yaml.Node) { p.duration("batch-wait", "clients.batchwait", val) }
	handlers["timeout"] = func(_, val *yaml.Node) { p.duration("push-timeout", "clients.timeout", val) }
	handlers["batchsize"] = func(key, val *yaml.Node) { p.batchSize(key, val) }
	handlers["tenant_id"] = func(_, val *yaml.Node) { p.set("tenant-id", p.text(val, "clients.tenant_id"), "") }
	handlers["external_labels"] = func(_, val *yaml.Node) {
		p.external = append(p.external, p.pairs(val, "clients.external_labels")...)
	}
	handlers["backoff_config"] = func(_, val *yaml.Node) { p.backoff(val) }
	handlers["headers"] = lost("lighterman sends no other headers", "let a proxy add them")
	handlers["drop_rate_limited_batches"] = func(key, val *yaml.Node) {
		if val.Value == "true" {
			p.note(key.Line, "clients."+key.Value, "lighterman drops nothing because Loki is busy: it sends it later", "")
		}
	}
	p.fields(n, "clients", handlers)
}

// httpClient reads how Loki is reached; of names the path of the map in the file.
func (p *plan) httpClient(of string) map[string]func(key, val *yaml.Node) {
	lost := func(why, cure string) func(key, val *yaml.Node) {
		return func(key, val *yaml.Node) {
			if !isNull(val) {
				p.lost(key.Line, of+key.Value, why, cure)
			}
		}
	}
	take := func(name string) func(key, val *yaml.Node) {
		return func(key, val *yaml.Node) { p.set(name, p.text(val, of+key.Value), "") }
	}
	secret := func(name string) func(key, val *yaml.Node) {
		return func(key, val *yaml.Node) {
			p.secret = true
			p.set(name, p.text(val, of+key.Value), "")
		}
	}
	files := "put it into a file, and name that"
	return map[string]func(key, val *yaml.Node){
		"basic_auth": func(key, val *yaml.Node) {
			if isNull(get(val, "username")) || get(val, "username").Value == "" {
				p.lost(key.Line, of+"basic_auth", "lighterman sends no password without a user name", "set loki-username and loki-password-file")
				return
			}
			p.fields(val, of+"basic_auth", map[string]func(key, val *yaml.Node){
				"username": take("loki-username"), "password": secret("loki-password"), "password_file": take("loki-password-file"),
				"username_file": lost("lighterman reads the user name from no file", "set loki-username"),
				"username_ref":  lost("there is no such store of secrets", files), "password_ref": lost("there is no such store of secrets", files),
			})
		},
		"authorization": func(_, val *yaml.Node) {
			p.fields(val, of+"authorization", map[string]func(key, val *yaml.Node){
				"type": func(key, val *yaml.Node) {
					if !strings.EqualFold(val.Value, "Bearer") {
						p.lost(key.Line, of+"authorization.type", "lighterman knows Bearer only", "let a proxy authorize")
					}
				},
				"credentials": secret("loki-bearer-token"), "credentials_file": take("loki-bearer-token-file"),
				"credentials_ref": lost("there is no such store of secrets", files),
			})
		},
		"bearer_token": secret("loki-bearer-token"), "bearer_token_file": take("loki-bearer-token-file"),
		"oauth2":    lost("lighterman knows basic authentication and bearer tokens", "let a proxy authorize"),
		"proxy_url": take("proxy-url"),
		"no_proxy":  lost("lighterman takes it from the environment", "set NO_PROXY"), "proxy_connect_header": lost("lighterman sends no other headers", ""),
		"proxy_from_environment": nil, "follow_redirects": nil, "enable_http2": nil,
		"http_headers": lost("lighterman sends no other headers", "let a proxy add them"),
		"tls_config": func(_, val *yaml.Node) {
			p.fields(val, of+"tls_config", map[string]func(key, val *yaml.Node){
				"ca_file": take("tls-ca-file"), "cert_file": take("tls-cert-file"), "key_file": take("tls-key-file"), "server_name": take("tls-server-name"),
				"insecure_skip_verify": func(_, val *yaml.Node) {
					if val.Value == "true" {
						p.set("tls-insecure-skip-verify", "true", "")
					}
				},
				"ca": lost("lighterman reads it from a file", files), "cert": lost("lighterman reads it from a file", files), "key": lost("lighterman reads it from a file", files),
				"ca_ref": lost("there is no such store of secrets", files), "cert_ref": lost("there is no such store of secrets", files), "key_ref": lost("there is no such store of secrets", files),
				"min_version": nil, "max_version": nil,
			})
		},
	}
}

// url takes a user and a password out of the URL: they have settings of their own.
func (p *plan) url(n *yaml.Node) {
	text := p.text(n, "url")
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.refuse(n.Line, "url: expected the address of Loki, such as http://loki:3100/loki/api/v1/push")
		return
	}
	if user := u.User; user != nil {
		password, _ := user.Password()
		u.User, p.secret = nil, true
		p.set("loki-url", u.String(), "")
		p.set("loki-username", user.Username(), "")
		p.set("loki-password", password, "")
		return
	}
	p.set("loki-url", text, "")
}

// duration takes a duration as Go writes it.
func (p *plan) duration(name, of string, n *yaml.Node) {
	text := p.text(n, of)
	if text == "" {
		return
	}
	if _, err := strconv.ParseUint(text, 10, 63); err == nil && text != "0" {
		p.note(n.Line, of, "a number without unit is nanoseconds to Promtail, so lighterman's default is used", "write 1s for a second")
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		p.refuse(n.Line, "%s: expected a duration such as 1s, found %q", of, text)
		return
	}
	p.set(name, short(d), "")
}

// short is a duration without units that are 0.
func short(d time.Duration) string {
	text := d.String()
	text = strings.TrimSuffix(text, "m0s")
	if text != d.String() {
		text += "m"
	}
	if hours, whole := strings.CutSuffix(text, "h0m"); whole {
		text = hours + "h"
	}
	return text
}

func (p *plan) batchSize(key, n *yaml.Node) {
	size, err := strconv.Atoi(p.text(n, "clients.batchsize"))
	switch {
	case err != nil || size < 0:
		p.refuse(n.Line, "clients.batchsize: expected a number of bytes, found %q", n.Value)
	case size < 1<<10 || size > 64<<20:
		p.note(key.Line, "clients.batchsize", "lighterman takes 1 KiB up to max-memory, so its default is used", "")
	default:
		p.set("batch-size", decimal(int64(size)), "")
	}
}

func (p *plan) backoff(n *yaml.Node) {
	p.fields(n, "clients.backoff_config", map[string]func(key, val *yaml.Node){"min_period": nil, "max_period": nil, "max_retries": nil})
	p.say("backoff_config is not needed: lighterman tries until Loki has taken it, and drops nothing.")
}

// byteSize reads a size as Promtail does: KB is 1,024 bytes.
func byteSize(text string) (int64, bool) {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	text = strings.TrimSuffix(strings.Replace(text, "IB", "B", 1), "B")
	by := int64(1)
	for i, unit := range []string{"K", "M", "G"} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			text, by = digits, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return n * by, err == nil && n >= 0
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
