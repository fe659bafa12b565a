// Package otlp is the "how" of delivery to a receiver of OpenTelemetry's protocol: it encodes a
// batch as an export request (protobuf, gzip, over HTTP), sends it once over the connections of
// package loki, and says what the answer means for the batch's entries. It does not retry.
//
// The request is ExportLogsServiceRequest of opentelemetry-proto, whose fields are named here
// as far as they are used:
//
//	ExportLogsServiceRequest { repeated ResourceLogs resource_logs = 1 }
//	ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2 }
//	Resource     { repeated KeyValue attributes = 1 }
//	ScopeLogs    { InstrumentationScope scope = 1; repeated LogRecord log_records = 2 }
//	LogRecord    { fixed64 time_unix_nano = 1; SeverityNumber severity_number = 2; string severity_text = 3;
//	               AnyValue body = 5; repeated KeyValue attributes = 6; fixed64 observed_time_unix_nano = 11 }
//	KeyValue     { string key = 1; AnyValue value = 2 }
//	AnyValue     { string string_value = 1 }
//
// The same entry is the same record whenever it is sent: its observed time is its time.
package otlp
