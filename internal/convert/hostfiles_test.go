package convert_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/convert"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/target"
)

// hostFilesOf is a file of Promtail's that reads files of the host.
func hostFilesOf(labels, more string) string {
	return "clients: [{url: http://loki:3100, external_labels: {host: h, dc: north}}]\nscrape_configs:\n- job_name: x\n  static_configs: [{labels: " + labels + "}]\n" + more
}

// alloyFiles is one of Alloy's.
func alloyFiles(rules string) string {
	return "local.file_match \"m\" {\n  path_targets = [{\"__path__\" = \"/var/log/*.log\", \"app\" = \"a\"}]\n}\n" +
		"discovery.relabel \"r\" {\n  targets = local.file_match.m.targets\n" + rules + "}\n" +
		"loki.source.file \"f\" {\n  targets = discovery.relabel.r.output\n  forward_to = [loki.write.w.receiver]\n}\n" + sent
}

// TestHostFileLabels: lines of files have the labels that they had.
func TestHostFileLabels(t *testing.T) {
	const file = "/var/log/app.log"
	for _, c := range []struct {
		name, config, says string
		want               map[string]string
		lost               bool
	}{
		{"labels", hostFilesOf("{job: j, __path__: /var/log/*.log}", ""), "", map[string]string{"job": "j", "filename": file, "host": "h", "dc": "north"}, false},
		{"no job", hostFilesOf("{app: a, dc: south, __path__: /var/log/*.log}", ""), "", map[string]string{"app": "a", "filename": file, "host": "h", "dc": "south"}, false},
		{"rules", hostFilesOf("{job: j, host: own, __path__: /var/log/*.log}", "  relabel_configs: [{source_labels: [job], target_label: app}, {action: labeldrop, regex: job}]\n"), "",
			map[string]string{"app": "j", "filename": file, "host": "own", "dc": "north"}, false},
		{"excluded", hostFilesOf("{job: j, __path__: /var/log/*.log, __path_exclude__: /var/log/app*}", ""), "", nil, false},
		{"no path from the root", hostFilesOf("{job: j, __path__: var/*.log}", ""), "no absolute path", nil, true},
		{"an encoding", hostFilesOf("{job: j, __path__: /var/log/*.log}", "  encoding: UTF-16\n"), "as UTF-8", map[string]string{"job": "j", "filename": file, "host": "h", "dc": "north"}, true},
		{"Alloy", alloyFiles(""), "", map[string]string{"app": "a", "filename": file}, false},
		{"a rule for each file", alloyFiles("  rule {\n    source_labels = [\"__path__\"]\n    regex = \".*/(.*)[.]log\"\n    target_label = \"app\"\n  }\n"), "", map[string]string{"app": "app", "filename": file}, false},
	} {
		var result *convert.Result
		var err error
		if strings.HasPrefix(c.config, "local") {
			result, err = convert.Alloy("a.alloy", []byte(c.config), convert.Host{})
		} else {
			result, err = convert.Promtail("p.yml", []byte(c.config), convert.Expand{})
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s := said(result); result.Whole() == c.lost || !strings.Contains(s, c.says) || c.says == "" && s != "" {
			t.Errorf("%s: said %s", c.name, s)
		}
		cfg := taken(t, result.Config)
		var got map[string]string
		for _, s := range cfg.Files {
			if len(s.Exclude) > 0 || !s.OwnStages {
				continue
			}
			rules, err := target.NewRelabel(s.Relabel, nil)
			if err != nil {
				t.Fatal(c.name, err)
			}
			l := target.FileLabeler{Host: "this", Names: cfg.Labels.Renamed, External: cfg.Labels.External, Labels: s.Labels, Relabel: rules}
			got = make(map[string]string)
			for _, p := range l.Label(file, s.Paths[0]).Labels.Pairs {
				got[p.Name] = p.Value
			}
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v\n%s", c.name, got, c.want, result.Config)
		}
		if len(cfg.Labels.Relabel) == 0 && len(cfg.Files) > 0 {
			t.Errorf("%s: containers are collected\n%s", c.name, result.Config)
		}
	}
}

// TestTakeOverOfFiles: reading of a file of the host goes on behind the last whole line that was
// sent.
func TestTakeOverOfFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset, want int64
		says         string
	}{{0, 0, ""}, {4, 4, ""}, {6, 4, ""}, {14, 14, ""}, {15, 0, "rotated or truncated"}} {
		var id string
		var got logs.Position
		made, found := convert.TakeOver([]convert.Position{{File: path, Offset: c.offset, Line: 2}}, func(string) bool { return false }, func(of string, p logs.Position) { id, got = of, p })
		if c.says != "" {
			if made != 0 || len(found) != 1 || !strings.Contains(found[0].Why, c.says) {
				t.Errorf("%d: %d, %v", c.offset, made, found)
			}
			continue
		}
		if made != 1 || len(found) != 0 || !strings.HasPrefix(id, path+"#") || got.File.Start() != c.want || got.File.Inode == 0 {
			t.Errorf("%d: %d, %v, %s %+v", c.offset, made, found, id, got)
		}
	}
}
