package main

import (
	"fmt"
	"html"
	"io"
	"path/filepath"
	"strings"
)

// chart is bars of one value over agents and scenarios.
type chart struct {
	file, title, value string
	scenarios          []string
}

// allCharts are bars; those over several scenarios are the curves of how a value
// grows.
var allCharts = []chart{
	{"backlog.svg", "CPU seconds per GiB of json-file", "cpu_s_per_gib", []string{"backlog"}},
	{"cores.svg", "lines per second by cores (1 GiB of json-file)", "lines_per_s", []string{"backlog", "backlog-2"}},
	{"far.svg", "% of a link of 100 ms and 100 Mbit/s", "link_percent", []string{"far", "far-one"}},
	{"rate.svg", "CPU % by lines per second (50 containers)", "cpu_percent", []string{"rate-100", "live", "rate-10000", "rate-50000"}},
	{"latency.svg", "p95 in ms by lines per second (50 containers)", "p95_ms", []string{"rate-100", "live-nowait", "live", "rate-10000", "rate-50000"}},
	{"memory.svg", "RSS in MiB by silent containers", "rss_mib", []string{"idle-100", "idle-1000", "idle-5000"}},
	{"idle.svg", "CPU % by silent containers", "cpu_percent", []string{"idle-100", "idle-1000", "idle-5000"}},
}

func (b *book) charts(dir string) error {
	for _, c := range allCharts {
		if bars := b.bars(c); len(bars) > 0 {
			if err := b.writeFile(filepath.Join(dir, c.file), func(w io.Writer) error { return draw(w, c.title, bars) }); err != nil {
				return err
			}
		}
	}
	return nil
}

type bar struct {
	label string
	value float64
	ours  bool
}

func (b *book) bars(c chart) (out []bar) {
	for _, s := range c.scenarios {
		for _, agent := range b.agents() {
			if v, ok := b.median(s, agent, c.value); ok {
				out = append(out, bar{s + " · " + agent, v, rank(agent) == 0})
			}
		}
	}
	return out
}

// draw draws horizontal bars, readable on light and dark ground.
func draw(to io.Writer, title string, bars []bar) error {
	const width, left, row, top = 720, 230, 22, 40
	most := 0.0
	for _, b := range bars {
		most = max(most, b.value)
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12" fill="#777">`+"\n",
		width, top+row*len(bars)+8)
	fmt.Fprintf(&out, `<text x="8" y="22" font-size="15">%s</text>`+"\n", html.EscapeString(title))
	for i, b := range bars {
		y := top + i*row
		color := "#9aa7b5"
		if b.ours {
			color = "#2f81f7"
		}
		length := 1.0
		if most > 0 {
			length = max(1, b.value/most*(width-left-80))
		}
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
			left-8, y+14, html.EscapeString(b.label), left, y+3, length, row-7, color, left+length+6, y+14, number(b.value))
	}
	out.WriteString("</svg>\n")
	_, err := io.WriteString(to, out.String())
	return err
}
