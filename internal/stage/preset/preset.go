package preset

import (
	"maps"
	"slices"

	"github.com/lighterman/lighterman/internal/stage/level"
)

// Preset is what is known of a kind of log.
type Preset struct {
	// Begins reports whether a line begins an entry of its own. It gets what it has
	// returned for the line before it in the same entry, 0 where there is none. It is nil
	// for logs whose entries are single lines.
	Begins func(state uint8, line []byte) (next uint8, first bool)
	// Level returns the level of an entry.
	Level func(line []byte) level.Level
	// Time returns the part of an entry that is its time, nil for none.
	Time func(line []byte) []byte
}

var presets = map[string]Preset{
	"json":     {nil, level.Detect, jsonTime},
	"logfmt":   {nil, level.Detect, logfmtTime},
	"java":     {java, level.Detect, textTime},
	"python":   {python, level.Detect, textTime},
	"go":       {golang, level.Detect, anyTime},
	"node":     {node, level.Detect, anyTime},
	"dotnet":   {dotnet, level.Detect, anyTime},
	"ruby":     {ruby, level.Detect, textTime},
	"php":      {php, phpLevel, textTime},
	"rust":     {rust, rustLevel, anyTime},
	"nginx":    {nil, accessLevel, accessTime},
	"apache":   {nil, accessLevel, accessTime},
	"traefik":  {nil, accessLevel, accessTime},
	"caddy":    {nil, level.Detect, anyTime},
	"haproxy":  {nil, haproxyLevel, accessTime},
	"postgres": {postgres, level.Detect, textTime},
	"mysql":    {mysql, level.Detect, textTime},
	"mongodb":  {nil, level.Detect, mongoTime},
	"redis":    {nil, level.Detect, redisTime},
	"klog":     {golang, level.Detect, klogTime},
	"syslog":   {nil, level.Detect, syslogTime},
}

// Get returns a preset by its name.
func Get(name string) (Preset, bool) {
	p, ok := presets[name]
	return p, ok
}

// Names are those of all presets.
func Names() []string { return slices.Sorted(maps.Keys(presets)) }
