package config

// exclusive lists groups of settings of which only one group may be used: of
// each group, the first setting that is set is named.
var exclusive = [][2][]string{
	{{"loki-url"}, {"otlp-url"}},
	{{"tail"}, {"loki-url", "otlp-url"}},
	{{"loki-password"}, {"loki-password-file"}},
	{{"loki-bearer-token"}, {"loki-bearer-token-file"}},
	{{"loki-username", "loki-password", "loki-password-file"}, {"loki-bearer-token", "loki-bearer-token-file"}},
}

// needs lists settings that mean nothing without another one.
var needs = [][2]string{
	{"tls-cert-file", "tls-key-file"},
	{"tls-key-file", "tls-cert-file"},
	{"loki-password", "loki-username"},
	{"loki-password-file", "loki-username"},
	{"shadow-tenant", "loki-url"},
}

// rules checks what settings say together.
func (l *loader) rules() {
	for _, groups := range exclusive {
		if a, b := l.firstSet(groups[0]), l.firstSet(groups[1]); a != nil && b != nil {
			l.report("%s and %s exclude each other: expected one of them", a, b)
		}
	}
	for _, pair := range needs {
		if a := l.firstSet(pair[:1]); a != nil && l.firstSet(pair[1:]) == nil {
			l.report("%s needs %s", a, pair[1])
		}
	}
	get := func(name string) *setting { return find(l.settings, name) }
	// The memory can hold a batch and a line.
	memory := get("max-memory")
	for _, of := range []struct {
		name string
		size int
	}{{"batch-size", l.config.Batch.Bytes}, {"max-line-bytes", l.config.Limits.LineBytes}} {
		if s := get(of.name); !memory.bad && !s.bad && int64(of.size) > l.config.Limits.Memory {
			l.report("%s is less than %s: expected at least %s", memory, s, s.texts[0])
		}
	}
	// Nothing is asked for that needs the engine when there is none.
	if host, mode, percent := get("docker-host"), get("mode"), get("file-percent"); l.config.Docker.Host == NoEngine {
		if l.config.Reading.Mode == StreamOnly {
			l.report("%s is none: expected hybrid or file for %s", host, mode)
		}
		if l.config.Reading.FilePercent < 100 && !percent.bad {
			l.report("%s is none, and there is no other way for the containers that %s leaves out: expected 100", host, percent)
		}
	}
	if len(l.config.Outputs) > 0 && l.firstSet(addresses) == nil {
		l.report("outputs are further ones: set loki-url or otlp-url to the first one")
	}
	for _, o := range l.config.Outputs {
		if o.size != nil && !memory.bad && int64(*o.size) > l.config.Limits.Memory {
			l.report("%s is less than the batch-size of output %s", memory, o.Name)
		}
	}
	l.rulesOfLabels()
}

// firstSet returns the first of these settings that has a value, be it a refused one.
func (l *loader) firstSet(names []string) *setting { return firstSet(l.settings, names) }

func firstSet(all []*setting, names []string) *setting {
	for _, name := range names {
		if s := find(all, name); s.bad || len(s.texts) > 0 {
			return s
		}
	}
	return nil
}

// String returns the name of a setting and where its value comes from.
func (s *setting) String() string { return s.name + " (" + s.from + ")" }
