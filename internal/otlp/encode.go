package otlp

import (
	"encoding/binary"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// Numbers of the fields.
const (
	fieldResourceLogs = 1
	fieldResource     = 1
	fieldScopeLogs    = 2
	fieldAttributes   = 1 // of a Resource
	fieldScope        = 1
	fieldScopeName    = 1
	fieldLogRecords   = 2
	fieldTime         = 1
	fieldSeverity     = 2
	fieldSeverityText = 3
	fieldBody         = 5
	fieldRecordAttrs  = 6
	fieldObserved     = 11
	fieldKey          = 1
	fieldValue        = 2
	fieldString       = 1
)

const (
	// scopeName is who has made the records.
	scopeName = "lighterman"
	// streamAttribute is what OpenTelemetry calls the output that a line was written to.
	streamAttribute = "log.iostream"
	// detectedLevel is the structured metadata that becomes the severity.
	detectedLevel = "detected_level"
)

// encoder makes export requests in memory that is used again.
type encoder struct {
	plain []byte
	// records are those of the group in hand, resource its labels, and shared the attributes
	// that all of them have.
	records, resource, shared []byte
	// own are the attributes of one entry.
	own []byte
}

// most bounds a request with more than one entry, before it is compressed. All entries carry the
// metadata of their labels, which a container's owner may have made long: a batch of empty lines
// would otherwise take memory many times its own size.
const most = 8 << 20

// errLarge says that a request would be larger than that.
var errLarge = fmt.Errorf("as OTLP it is larger than %d MiB", most>>20)

// encode returns the request of a batch, which is valid until the next call.
func (e *encoder) encode(b *logs.Batch) ([]byte, error) {
	if cap(e.plain)+cap(e.records) > 4*most {
		*e = encoder{} // it was for one very large entry
	}
	e.plain = e.plain[:0]
	for _, g := range b.Groups {
		if !e.group(g) && b.Entries > 1 {
			return nil, errLarge
		}
	}
	return e.plain, nil
}

// scope is the field that names who has made the records.
var scope = appendMessage(nil, fieldScope, appendText(nil, fieldScopeName, scopeName))

// group appends the entries of one set of labels, and reports whether there was room for them.
func (e *encoder) group(g *logs.Group) (fits bool) {
	e.resource = e.resource[:0]
	for _, l := range g.Labels.Pairs {
		e.resource = appendAttribute(e.resource, fieldAttributes, resourceName(l.Name), valid(l.Value))
	}
	e.shared = e.shared[:0]
	if !g.Labels.Whole { // else the stream is among the labels, or was removed
		e.shared = appendAttribute(e.shared, fieldRecordAttrs, streamAttribute, g.Stream.String())
	}
	said := "" // the level that all entries have
	for _, l := range g.Labels.Metadata {
		if l.Name == detectedLevel {
			said = valid(l.Value)
			continue
		}
		e.shared = appendAttribute(e.shared, fieldRecordAttrs, l.Name, valid(l.Value))
	}
	e.records = e.records[:0]
	for i := range g.Len() {
		if e.record(g, i, said); len(e.plain)+len(e.records) > most && (i+1 < g.Len() || len(e.plain) > 0) {
			return false
		}
	}
	resource := protowire.SizeBytes(len(e.resource)) + 1
	scoped := len(scope) + len(e.records)
	e.plain = appendHead(e.plain, fieldResourceLogs, resource+1+protowire.SizeBytes(scoped))
	e.plain = append(appendHead(e.plain, fieldResource, len(e.resource)), e.resource...)
	e.plain = append(appendHead(e.plain, fieldScopeLogs, scoped), scope...)
	e.plain = append(e.plain, e.records...)
	return len(e.plain) <= most
}

// record appends entry i of a group. said is the level that all entries of the group have.
func (e *encoder) record(g *logs.Group, i int, said string) {
	e.own = e.own[:0]
	for name, value := range g.MetadataOf(i).All() {
		switch {
		case g.Labels.HasMetadata(name): // what goes with all of them has precedence
		case string(name) == detectedLevel:
			said = string(value)
		default:
			e.own = appendAttribute(e.own, fieldRecordAttrs, name, value)
		}
	}
	line := g.Line(i)
	severity, text := severityOf(g, i, said)
	body := 1 + protowire.SizeBytes(len(line)) // as an AnyValue
	size := 2*(1+8) + 1 + protowire.SizeBytes(body) + len(e.shared) + len(e.own)
	if severity > 0 {
		size += 2 // it is below 128
	}
	if text != "" {
		size += 1 + protowire.SizeBytes(len(text))
	}
	at := uint64(g.Times[i]) //nolint:gosec // Docker's times are of this century, or wrong in any case
	out := appendHead(e.records, fieldLogRecords, size)
	out = binary.LittleEndian.AppendUint64(append(out, fieldTime<<3|byte(protowire.Fixed64Type)), at)
	if severity > 0 {
		out = append(out, fieldSeverity<<3|byte(protowire.VarintType), severity)
	}
	if text != "" {
		out = appendText(out, fieldSeverityText, text)
	}
	out = appendHead(out, fieldBody, body)
	out = appendText(out, fieldString, line)
	out = append(append(out, e.shared...), e.own...)
	e.records = binary.LittleEndian.AppendUint64(append(out, fieldObserved<<3|byte(protowire.Fixed64Type)), at)
}

// severities are OpenTelemetry's numbers of levels.
var severities = [...]byte{
	level.Unknown: 0, level.Trace: 1, level.Debug: 5, level.Info: 9, level.Warn: 13, level.Error: 17, level.Critical: 18, level.Fatal: 21,
}

// severityOf is the severity of an entry: said is what a stage has found, and without that it
// is found in a level that it has, or in its text, as nobody does so behind OTLP.
func severityOf(g *logs.Group, i int, said string) (number byte, text string) {
	if said != "" {
		return severities[level.Parse([]byte(said))], said
	}
	found := levelOf(g, i)
	if found == level.Unknown {
		return 0, ""
	}
	return severities[found], found.String()
}

func levelOf(g *logs.Group, i int) level.Level {
	const name = "level"
	for other, value := range g.MetadataOf(i).All() {
		if string(other) == name {
			if l := level.Parse(value); l != level.Unknown {
				return l
			}
		}
	}
	if l := level.Parse([]byte(g.Labels.Get(name))); l != level.Unknown || !g.Labels.Level {
		return l
	}
	return level.Detect(g.Line(i))
}

// resourceName is what a label is called among the attributes of a resource.
func resourceName(label string) string {
	if label == "service_name" {
		return "service.name" // which every receiver looks for
	}
	return label
}

// valid is a text as protobuf takes it.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

// appendHead appends the tag and the length of a field that has a length.
func appendHead(dst []byte, field protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.BytesType), uint64(n)) //nolint:gosec // a length is not negative
}

func appendText[T string | []byte](dst []byte, field protowire.Number, text T) []byte {
	return append(appendHead(dst, field, len(text)), text...)
}

func appendMessage(dst []byte, field protowire.Number, content []byte) []byte {
	return append(appendHead(dst, field, len(content)), content...)
}

// appendAttribute appends a KeyValue.
func appendAttribute[T string | []byte](dst []byte, field protowire.Number, name, value T) []byte {
	text := 1 + protowire.SizeBytes(len(value))
	dst = appendHead(dst, field, 1+protowire.SizeBytes(len(name))+1+protowire.SizeBytes(text))
	dst = appendText(dst, fieldKey, name)
	return appendText(appendHead(dst, fieldValue, text), fieldString, value)
}
