// Command otlp is an OpenTelemetry Collector with what the tests of lighterman's output
// over OTLP take and nothing else: the receiver of OTLP, and the exporter to files. It is
// built into the cache by scripts/prepare-tests.
package main

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"github.com/lighterman/lighterman/test/collector"
)

func main() {
	collector.Main("collector", "OpenTelemetry Collector for lighterman's tests", parts)
}

func parts(f *otelcol.Factories) (err error) {
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return err
	}
	f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](fileexporter.NewFactory())
	return err
}
