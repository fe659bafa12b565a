// Package collector runs an OpenTelemetry Collector that has no more in it than what it is
// for: there is one for the tests of lighterman's output over OTLP (otlp), and one that the
// benchmark holds lighterman against (files). They are in a module of their own, so that its
// pinned versions are no dependencies of lighterman.
package collector

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// Main runs a Collector of some parts with the arguments of the process, and ends the process
// when it fails.
func Main(name, description string, parts func(*otelcol.Factories) error) {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: name, Description: description},
		Factories: func() (f otelcol.Factories, err error) {
			f.Telemetry = otelconftelemetry.NewFactory()
			err = parts(&f)
			return f, err
		},
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}, DefaultScheme: "file",
		}},
	})
	command.SetArgs(os.Args[1:])
	command.SilenceErrors = true // it is said here
	if err := command.ExecuteContext(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
