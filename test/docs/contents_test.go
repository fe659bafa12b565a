package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title   = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	anchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor is what a heading is called in a link.
func anchor(heading string) string {
	return strings.ReplaceAll(anchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
}

// TestContents: the table of contents has every document once, and every link of the
// README, the documents, and what lies beside the README leads to a file that is there, and to
// a heading in it.
func TestContents(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/reports/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	texts, headings := make(map[string]string), make(map[string]map[string]bool)
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file], headings[file] = fenced.ReplaceAllString(string(text), ""), make(map[string]bool)
		for _, m := range title.FindAllStringSubmatch(texts[file], -1) {
			headings[file][anchor(m[1])] = true
		}
	}
	contents := filepath.Join(root, "docs", "README.md")
	listed := make(map[string]int)
	for _, file := range all {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(texts[file], "`"), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			path, at, _ := strings.Cut(m[1], "#")
			to := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				to = file
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to what is not there: %s", file, m[1])
			}
			if at != "" && headings[to] != nil && !headings[to][at] {
				t.Errorf("%s links to a heading that is not there: %s", file, m[1])
			}
			if file == contents && at == "" {
				listed[to]++
			}
		}
	}
	for _, file := range all {
		if filepath.Dir(file) == filepath.Join(root, "docs") && file != contents && listed[file] != 1 {
			t.Errorf("docs/README.md lists %s %d times", filepath.Base(file), listed[file])
		}
	}
}
