package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets
var files embed.FS

//go:embed templates
var markup embed.FS

// asset is a file that pages need. Its name changes with its content, so that a browser need
// not ask again.
type asset struct {
	path, kind string
	body       []byte
}

var (
	stylesheet = load("page.css", "text/css; charset=utf-8")
	script     = load("page.js", "text/javascript; charset=utf-8")
	icon       = load("icon.svg", "image/svg+xml")
	assets     = []asset{stylesheet, script, icon}
)

func load(name, kind string) asset {
	body, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return asset{"/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext, kind, body}
}

func (a asset) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	_, _ = w.Write(a.body)
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"stylesheet": func() string { return stylesheet.path },
	"script":     func() string { return script.path },
	"icon":       func() string { return icon.path },
	"visible":    visible,
	"size":       func(n int64) string { return size(float64(n)) },
	"lines":      visibleLines,
	"whole":      whole,
	"duration":   duration,
	"stamp":      stamp,
	"clock":      clock,
	"machine":    machine,
	"short":      shortID,
	"plural":     plural,
	"percent":    func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + " %" },
	"lower":      strings.ToLower,
}).ParseFS(markup, "templates/*.html"))
