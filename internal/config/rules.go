package config

// exclusive lists groups of settings of which only one group may be used: of
// each group, the first setting that is set is named.
var exclusive = [][2][]string{
	{{"tail"}, {"loki-url"}},
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
}

// rules checks what settings say together.
func (l *loader) rules() {
	for _, groups := range exclusive {
		a, b := l.firstSet(groups[0]), l.firstSet(groups[1])
		if a != nil && b != nil {
			l.report("%s and %s exclude each other: expected one of them", l.named(a), l.named(b))
		}
	}
	for _, pair := range needs {
		a := l.firstSet(pair[:1])
		if a != nil && l.firstSet(pair[1:]) == nil {
			l.report("%s needs %s", l.named(a), pair[1])
		}
	}
	l.rulesOfSize()
	l.rulesOfEngine()
	l.rulesOfLabels()
}

// rulesOfEngine checks that nothing is asked for that needs the engine when there
// is none.
func (l *loader) rulesOfEngine() {
	c := l.config
	if c.Docker.Host != NoEngine {
		return
	}
	host := l.named(lookup("docker-host"))
	if c.Reading.Mode == StreamOnly {
		l.report("%s is none: expected hybrid or file for %s", host, l.named(lookup("mode")))
	}
	if percent := lookup("file-percent"); c.Reading.FilePercent < 100 && !l.values[percent].bad {
		l.report("%s is none, and there is no other way for the containers that %s leaves out: expected 100", host, l.named(percent))
	}
}

// rulesOfSize checks that the memory can hold a batch and a line.
func (l *loader) rulesOfSize() {
	l.fits("batch-size", l.config.Batch.Bytes, l.config.Limits.Memory)
	l.fits("max-line-bytes", l.config.Limits.LineBytes, l.config.Limits.Memory)
}

func (l *loader) fits(name string, size int, memory int64) {
	m, s := lookup("max-memory"), lookup(name)
	if l.values[m].bad || l.values[s].bad || int64(size) <= memory {
		return
	}
	l.report("%s is less than %s: expected at least %s", l.named(m), l.named(s), l.values[s].texts[0])
}

// firstSet returns the first of these settings that has a value, be it
// a refused one.
func (l *loader) firstSet(names []string) *setting {
	for _, name := range names {
		s := lookup(name)
		if v := l.values[s]; v.bad || len(v.texts) > 0 {
			return s
		}
	}
	return nil
}

// named returns the name of a setting and where its value comes from.
func (l *loader) named(s *setting) string {
	return s.name + " (" + l.values[s].from + ")"
}
