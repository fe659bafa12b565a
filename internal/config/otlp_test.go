package config

import "testing"

// TestOTLP: a receiver of OTLP may be the only output, the first or a further one, with what
// goes for a Loki.
func TestOTLP(t *testing.T) {
	c, err := loadFile(t, "otlp-url: http://a:4318\nloki-username: u\nloki-password: p\noutputs:\n  - {name: b, loki-url: http://b}\n  - {name: c, otlp-url: https://c/otlp/v1/logs, batch-wait: 3s}\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Loki.OTLP == nil || c.Loki.URL != c.Loki.OTLP || c.Loki.URL.Host != "a:4318" || c.Loki.Username != "u" {
		t.Errorf("%+v", c.Loki)
	}
	b, of := c.WithOutput(&c.Outputs[0], 3), c.WithOutput(&c.Outputs[1], 3)
	if b.Loki.OTLP != nil || b.Loki.URL.Host != "b" || of.Loki.OTLP == nil || of.Loki.URL.String() != "https://c/otlp/v1/logs" || of.Batch.Wait.Seconds() != 3 {
		t.Errorf("%+v\n%+v", b.Loki, of.Loki)
	}
	if c.Loki.SameKind(&b.Loki) || !c.Loki.SameKind(&of.Loki) || c.Loki.SameKind(&Loki{}) || b.Loki.SameKind(&Loki{}) {
		t.Error("kinds are not told apart")
	}
	if own, err := c.Side(map[string]string{"loki-url": "http://d"}); err != nil || own.OTLP != nil || own.URL.Host != "d" {
		t.Errorf("a side: %+v, %v", own, err)
	}
	if _, err := c.Side(nil); err == nil {
		t.Error("a side has a receiver of OTLP")
	}
	for text, want := range map[string]string{
		"loki-url: http://a\notlp-url: http://b\n":                                           "loki-url (lm.yaml:1) and otlp-url (lm.yaml:2) exclude each other: expected one of them",
		"loki-url: http://a\noutputs: [{name: b, loki-url: http://b, otlp-url: http://c}]\n": "lm.yaml:2:11: outputs[0]: loki-url and otlp-url exclude each other: expected one of them",
		"loki-url: http://a\noutputs: [{name: b, otlp-url: 'http://c?key=1'}]\n":             "lm.yaml:2:11: outputs[0]: otlp-url must not have a query here: what is in this section is shown",
		"outputs: [{name: b, otlp-url: http://c}]\n":                                         "outputs are further ones: set loki-url or otlp-url to the first one",
		"otlp-url: http://b\ntail: 5\n":                                                      "tail (lm.yaml:2) and otlp-url (lm.yaml:1) exclude each other: expected one of them",
		"otlp-url: http://b\nshadow-tenant: x\n":                                             "shadow-tenant (lm.yaml:2) needs loki-url",
		"otlp-url: grpc://b:4317\n":                                                          `lm.yaml:1:11: otlp-url: invalid value "grpc://b:4317": expected an http or https URL, such as http://localhost:4318`,
	} {
		_, err := loadFile(t, text)
		wantErr(t, err, want)
	}
}
