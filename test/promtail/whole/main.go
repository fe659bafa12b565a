// Command whole is Promtail, from the packages that its makers publish: they no longer
// publish its main. It takes a configuration as Promtail does, so that ours can be held
// against it on the same containers.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/grafana/dskit/flagext"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grafana/loki/v3/clients/pkg/promtail"
	"github.com/grafana/loki/v3/clients/pkg/promtail/client"
	"github.com/grafana/loki/v3/clients/pkg/promtail/config"
	"github.com/grafana/loki/v3/pkg/util/cfg"
	util_log "github.com/grafana/loki/v3/pkg/util/log"
)

// configuration is what Promtail's main makes of flags and the file.
type configuration struct {
	config.Config   `yaml:",inline"`
	file            string
	expand          bool
	checkSyntaxOnly bool
}

func (c *configuration) RegisterFlags(f *flag.FlagSet) {
	f.StringVar(&c.file, "config.file", "", "configuration")
	f.BoolVar(&c.expand, "config.expand-env", false, "replace variables in it")
	f.BoolVar(&c.checkSyntaxOnly, "check-syntax", false, "read it and stop")
	c.Config.RegisterFlags(f)
}

func (c *configuration) Clone() flagext.Registerer {
	return func(c configuration) *configuration { return &c }(*c)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var c configuration
	if err := cfg.DefaultUnmarshal(&c, os.Args[1:], flag.CommandLine); err != nil {
		return fmt.Errorf("cannot read the configuration: %w", err)
	}
	if c.checkSyntaxOnly {
		return c.Validate()
	}
	util_log.InitLogger(&c.ServerConfig.Config, prometheus.DefaultRegisterer, false)
	metrics := client.NewMetrics(prometheus.DefaultRegisterer)
	again := func() (*config.Config, error) { return &c.Config, nil }
	p, err := promtail.New(c.Config, again, metrics, false)
	if err != nil {
		return err
	}
	defer p.Shutdown()
	return p.Run()
}
