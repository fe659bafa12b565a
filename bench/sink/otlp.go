package sink

import "google.golang.org/protobuf/encoding/protowire"

// otlpPath is where Loki takes OTLP: its endpoint /otlp, with the exporter's path.
const otlpPath = "/otlp/v1/logs"

// decodeOTLP reads ExportLogsServiceRequest: resources (1) of a resource (1) and scopes
// (2) of log records (2) with time (1, fixed) and body (5: a text, 1). The resource as it
// was sent stands for the labels, which Loki makes of it.
func decodeOTLP(message []byte, do each) error {
	return fields(message, func(number protowire.Number, logs []byte, _ uint64) error {
		if number != 1 {
			return nil
		}
		var resource []byte
		if err := fields(logs, func(number protowire.Number, value []byte, _ uint64) error {
			if number == 1 {
				resource = value // the Collector writes it behind the scopes
			}
			return nil
		}); err != nil {
			return err
		}
		return fields(logs, func(number protowire.Number, value []byte, _ uint64) error {
			if number == 2 {
				return decodeScope(value, resource, do)
			}
			return nil
		})
	})
}

func decodeScope(message, resource []byte, do each) error {
	return fields(message, func(number protowire.Number, record []byte, _ uint64) error {
		if number != 2 {
			return nil
		}
		var e entry
		err := fields(record, func(number protowire.Number, value []byte, n uint64) error {
			switch number {
			case 1:
				e.nano = int64(n)
			case 5:
				return fields(value, func(number protowire.Number, text []byte, _ uint64) error {
					if number == 1 {
						e.line = text
					}
					return nil
				})
			}
			return nil
		})
		if err == nil {
			do(resource, e)
		}
		return err
	})
}
