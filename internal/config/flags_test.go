package config

import "testing"

func TestRefusedFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"--loki-ulr", "hunter2"}, []string{"--loki-ulr: unknown flag; did you mean --loki-url?"}},
		{[]string{"--loki_url=x"}, []string{"--loki_url: unknown flag; did you mean --loki-url?"}},
		{[]string{"--frobnicate"}, []string{`--frobnicate: unknown flag; "lighterman run --help" lists what there is`}},
		{[]string{"--mode"}, []string{"--mode: needs a value"}},
		{[]string{"--mode", "--since", "now"}, []string{"--mode: needs a value"}},
		{[]string{"hunter2"}, []string{"argument 1 is not a flag; flags begin with --"}},
		{[]string{"--mode", "file", "-x"}, []string{"argument 3 is not a flag; flags begin with --"}},
		{[]string{"--"}, []string{"argument 1 is not a flag; flags begin with --"}},
		{[]string{"-mode", "file"}, []string{"argument 1 is not a flag; did you mean --mode?"}},
		{[]string{"mode=file"}, []string{"argument 1 is not a flag; did you mean --mode?"}},
		{[]string{"--tls-insecure-skip-verify", "true"}, []string{"argument 2 is not a flag; flags begin with --"}},
		{[]string{"--mode=slow", "--mode=file"}, []string{`--mode: invalid value "slow": expected "hybrid", "file" or "stream"`}},
		{[]string{"--external-label=a=b", "--external-label=a=c"}, []string{`--external-label: label "a" is given twice`}},
	} {
		_, err := load(tt.args, testEnviron, testMachine)
		wantErr(t, err, tt.want...)
	}
}

func TestFlagForms(t *testing.T) {
	c, err := load([]string{
		"--exclude-name", "a,b", "--mode=file", "--exclude-name=c", "--tls-insecure-skip-verify",
		"--loki-username=u", "--loki-password", "--dashes", "--mode", "stream", "--external-label", "a=b=c",
	}, testEnviron, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Containers.ExcludeName) != 2 || !c.Containers.ExcludeName[0].MatchString("a,b") || c.Reading.Mode != StreamOnly ||
		!c.Loki.TLS.InsecureSkipVerify || c.Loki.Password.Reveal() != "--dashes" || c.Labels.External["a"] != "b=c" {
		t.Errorf("got %+v", c)
	}
}

func TestEnvironmentLists(t *testing.T) {
	c, err := load(nil, append([]string{"LIGHTERMAN_INCLUDE_NAME=a, b", "LIGHTERMAN_EXTERNAL_LABEL=x=1,y=2"}, testEnviron...), testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Containers.IncludeName) != 2 || !c.Containers.IncludeName[1].MatchString("b") || c.Labels.External["y"] != "2" {
		t.Errorf("got %+v", c)
	}
	_, err = load(nil, append([]string{"LIGHTERMAN_INCLUDE_NAME=a,,b", "LIGHTERMAN_loki_url=x", "LIGHTERMAN_X=1"}, testEnviron...), testMachine)
	wantErr(t, err,
		`LIGHTERMAN_X: unknown variable; "lighterman run --help" lists what there is`,
		"LIGHTERMAN_loki_url: unknown variable; did you mean LIGHTERMAN_LOKI_URL?",
		"LIGHTERMAN_INCLUDE_NAME: expected a pattern, found nothing")
}
