package dashboard

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/chromium"
)

// TestPageInABrowser: the page has all its plots and loads nothing; on a screen
// and on a telephone nothing is cut off or too small, and nobody complains. With
// DASHBOARD_PICTURES=DIR the pictures are kept.
func TestPageInABrowser(t *testing.T) {
	var page bytes.Buffer
	r := sample()
	if err := r.WritePage(&page); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"http:", "https:", "src=", "url(", "@import", "<script"} {
		if strings.Contains(page.String(), foreign) {
			t.Errorf("the page is not by itself: it has %q", foreign)
		}
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	screen := chromium.Open(t, "file://"+path, 1280, 900)
	for _, width := range []int{1280, 390} {
		screen.Resize(width, 900)
		if wide := screen.Overflow(); len(wide) > 0 {
			t.Errorf("at %d pixels too wide: %v", width, wide)
		}
		checkPlots(t, screen, width)
		checkText(t, screen, width)
		picture := screen.Picture()
		if size, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Width != width {
			t.Errorf("at %d pixels the picture is %d wide: %v", width, size.Width, err)
		}
		if dir := os.Getenv("DASHBOARD_PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", width)), picture, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	if list := screen.Complaints(); len(list) > 0 {
		t.Errorf("the page complains: %v", list)
	}
}

// checkPlots wants every figure's plot to have a line per mode that is drawn.
func checkPlots(t *testing.T, screen *chromium.Page, width int) {
	t.Helper()
	var plots []struct {
		Title  string
		Lines  int
		Length float64
		Width  float64
	}
	screen.Eval(`[...document.querySelectorAll('.plot')].map(p => ({
		title: p.querySelector('figcaption').textContent,
		lines: p.querySelectorAll('polyline').length,
		length: Math.min(...[...p.querySelectorAll('polyline')].map(l => getComputedStyle(l).stroke === 'none' ? 0 : l.getTotalLength())),
		width: p.querySelector('svg').getBoundingClientRect().width}))`, &plots)
	if len(plots) != len(Figures) {
		t.Errorf("at %d pixels: %d plots, want %d", width, len(plots), len(Figures))
	}
	for _, p := range plots {
		if p.Lines != 4 || p.Length < 200 || p.Width < 280 {
			t.Errorf("at %d pixels: %+v", width, p)
		}
	}
}

// checkText wants nothing smaller than can be read.
func checkText(t *testing.T, screen *chromium.Page, width int) {
	t.Helper()
	var smallest float64
	screen.Eval(`Math.min(...[...document.querySelectorAll('p, td, th, li, h3, .label, svg text')].map(e => {
		const scale = e.ownerSVGElement ? e.getScreenCTM().a : 1;
		return scale * parseFloat(getComputedStyle(e).fontSize); }))`, &smallest)
	if smallest < 9.5 {
		t.Errorf("at %d pixels some text is %.1f pixels high", width, smallest)
	}
}
