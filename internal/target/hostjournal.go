package target

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"

	"github.com/lighterman/lighterman/internal/logs"
)

const (
	labelUnit  = "unit"
	labelLevel = "level"
	// metaJournal begins what relabelling sees of the fields of an entry.
	metaJournal  = "__journal_"
	metaPriority = metaJournal + "priority_keyword"

	// defaultJournalJob is the job of entries of the journal whose section gives none.
	defaultJournalJob = "systemd-journal"

	fieldUnit     = "_SYSTEMD_UNIT"
	fieldPriority = "PRIORITY"
)

// journalFields are those of systemd.journal-fields(7), which labelmap may ask for without
// naming them.
var journalFields = strings.Fields(`MESSAGE_ID PRIORITY CODE_FILE CODE_LINE CODE_FUNC ERRNO INVOCATION_ID USER_INVOCATION_ID
	SYSLOG_FACILITY SYSLOG_IDENTIFIER SYSLOG_PID DOCUMENTATION TID UNIT USER_UNIT
	_PID _UID _GID _COMM _EXE _CMDLINE _CAP_EFFECTIVE _AUDIT_SESSION _AUDIT_LOGINUID _SYSTEMD_CGROUP _SYSTEMD_SLICE
	_SYSTEMD_UNIT _SYSTEMD_USER_UNIT _SYSTEMD_USER_SLICE _SYSTEMD_SESSION _SYSTEMD_OWNER_UID _SELINUX_CONTEXT
	_BOOT_ID _MACHINE_ID _SYSTEMD_INVOCATION_ID _HOSTNAME _TRANSPORT _STREAM_ID _LINE_BREAK _NAMESPACE _RUNTIME_SCOPE
	_KERNEL_DEVICE _KERNEL_SUBSYSTEM _UDEV_SYSNAME _UDEV_DEVNODE CONTAINER_NAME CONTAINER_ID CONTAINER_ID_FULL CONTAINER_TAG IMAGE_NAME`)

// JournalLabeler gives entries of the host's journal their labels.
type JournalLabeler struct {
	// Host is the value of the label host, Names are what default labels are called, and
	// External are labels of every entry.
	Host     string
	Names    Names
	External map[string]string
	// Labels are those of a section, and Relabel its rules; nil for none. Levels are the names
	// of priorities.
	Labels  map[string]string
	Relabel *Relabel
	Levels  []string
}

// Fields are the fields that Label asks for, in its order.
func (l *JournalLabeler) Fields() []string {
	out := []string{fieldUnit, fieldPriority}
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if l.Relabel.empty() {
		return out
	}
	for _, rule := range l.Relabel.rules {
		for _, source := range rule.SourceLabels {
			if meta, is := strings.CutPrefix(string(source), metaJournal); is && string(source) != metaPriority {
				add(strings.ToUpper(meta))
			}
		}
		if rule.Action == relabel.LabelMap {
			for _, name := range journalFields {
				if rule.Regex.MatchString(metaJournal + strings.ToLower(name)) {
					add(name)
				}
			}
		}
	}
	return out
}

// Base are the labels that all entries have.
func (l *JournalLabeler) Base() *logs.Labels {
	pairs := l.Names.rename(map[string]string{labelHost: l.Host, labelJob: defaultJournalJob})
	maps.Copy(pairs, l.Labels)
	maps.Copy(pairs, l.External)
	out := logs.NewLabels(pairs, nil)
	out.Whole = true
	return out
}

// Label labels an entry with these values of these fields. It returns nil for one that a rule
// drops. It depends on nothing but these and the configuration.
func (l *JournalLabeler) Label(fields, values []string) *logs.Extra {
	given := make(map[string]string, len(fields))
	for i, name := range fields {
		given[name] = values[i]
	}
	level := l.level(given[fieldPriority])
	pairs := l.Names.rename(map[string]string{labelUnit: given[fieldUnit], labelLevel: level, labelHost: l.Host, labelJob: defaultJournalJob})
	maps.Copy(pairs, l.Labels)
	tenant := ""
	if !l.Relabel.empty() {
		for name, value := range given {
			pairs[metaJournal+strings.ToLower(name)] = value
		}
		pairs[metaPriority] = level
		made := l.Relabel.process(pairs)
		if made.dropped > 0 {
			return nil
		}
		pairs = made.labels
		if tenant = pairs[tenantLabel]; !logs.ValidTenant(tenant) {
			tenant = ""
		}
		maps.DeleteFunc(pairs, func(name, _ string) bool { return strings.HasPrefix(name, reserved) })
	}
	maps.Copy(pairs, l.External)
	_ = fit(pairs, make(map[string]string), MaxLabels, []string{labelUnit, labelLevel, labelJob, labelHost})
	maps.DeleteFunc(pairs, func(_, value string) bool { return value == "" })
	if len(pairs) == 0 {
		pairs[labelJob] = defaultJournalJob // Loki takes no line without a label
	}
	out := logs.NewLabels(pairs, nil)
	out.Tenant, out.Whole = tenant, true
	return &logs.Extra{Labels: out, Tenant: tenant}
}

// level is the name of a priority, or nothing.
func (l *JournalLabeler) level(priority string) string {
	if n, err := strconv.Atoi(priority); err == nil && n >= 0 && n < len(l.Levels) {
		return l.Levels[n]
	}
	return ""
}

// Notes say what rules ask for that is never there.
func (l *JournalLabeler) Notes() (out []string) {
	if l.Relabel.empty() {
		return nil
	}
	for i, rule := range l.Relabel.rules {
		for _, name := range rule.SourceLabels {
			if n := string(name); strings.HasPrefix(n, "__meta_") {
				out = append(out, fmt.Sprintf("relabel_configs[%d]: %s is always empty here; docs/journal.md has what there is", i, n))
			}
		}
	}
	return out
}
