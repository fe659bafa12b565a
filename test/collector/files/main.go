// Command files is an OpenTelemetry Collector with what carrying Docker's logs to Loki
// takes and nothing else: the receiver of files, the exporter of OTLP over HTTP, which makes
// batches itself, and the extension that remembers offsets. It is built into the cache by
// `scripts/build-peer otelcol`.
package main

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"

	"github.com/lighterman/lighterman/test/collector"
)

func main() {
	collector.Main("otelcol", "OpenTelemetry Collector for a benchmark", parts)
}

func parts(f *otelcol.Factories) (err error) {
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](filelogreceiver.NewFactory()); err != nil {
		return err
	}
	if f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](otlphttpexporter.NewFactory()); err != nil {
		return err
	}
	f.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](filestorage.NewFactory())
	return err
}
