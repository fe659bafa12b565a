package target

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// The labels that a file of the host has by itself, and what relabelling sees of it besides.
const (
	labelFilename = "filename"
	labelJob      = "job"

	metaFilename  = "__meta_filename"
	metaDirectory = "__meta_directory"
	metaGlob      = "__path__"

	// defaultJob is the job of files whose section gives none.
	defaultJob = "files"
)

// FileLabeler gives files of the host their labels.
type FileLabeler struct {
	// Host is the value of the label host, Names are what default labels are called, and
	// External are labels of every entry.
	Host     string
	Names    Names
	External map[string]string
	// Labels are those of a section, and Relabel its rules; nil for none.
	Labels  map[string]string
	Relabel *Relabel
	// Level has the level of each line looked for, where no label says it.
	Level bool
}

// Label labels the file that was found at a path by a glob. It depends on nothing but these
// and the configuration.
func (l *FileLabeler) Label(path, glob string) (out Labelled) {
	pairs := l.Names.rename(map[string]string{labelFilename: path, labelHost: l.Host, labelJob: defaultJob})
	maps.Copy(pairs, l.Labels)
	tenant := ""
	if !l.Relabel.empty() {
		pairs[metaFilename], pairs[metaDirectory], pairs[metaGlob] = path, filepath.Dir(path), glob
		made := l.Relabel.process(pairs)
		if pairs = made.labels; made.dropped > 0 {
			out.Dropped = l.Relabel.reason(made.dropped)
		}
		if tenant = pairs[tenantLabel]; tenant != "" && !logs.ValidTenant(tenant) {
			out.Notes = append(out.Notes, fmt.Sprintf("Loki takes no tenant %.80q (%s), the configured one is used", tenant, tenantLabel))
			tenant = ""
		}
		maps.DeleteFunc(pairs, func(name, _ string) bool { return strings.HasPrefix(name, reserved) })
	}
	maps.Copy(pairs, l.External)
	metadata := make(map[string]string)
	notes := fit(pairs, metadata, MaxLabels, []string{labelFilename, labelJob, labelHost})
	out.Notes = append(out.Notes, notes...)
	if len(pairs) == 0 {
		pairs[labelFilename] = path
		out.Notes = append(out.Notes, "no label is left, and Loki takes no line without: "+labelFilename+" is kept")
	}
	out.Labels = logs.NewLabels(pairs, metadata)
	out.Labels.Tenant = tenant
	out.Labels.Whole, out.Labels.Level = true, l.Level && !SaysLevel(out.Labels)
	return out
}
