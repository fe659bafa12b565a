// Recording makes a picture of what a terminal has shown: an animated SVG of a recording by
// asciinema, line by line as they came. docs/images/terminal.svg is one:
//
//	asciinema rec --cols 110 --rows 22 -c COMMANDS terminal.cast && go run ./test/recording <terminal.cast >docs/images/terminal.svg
//
// It knows lines and colours; what moves the cursor about is not for it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"
)

const (
	width, height = 8.4, 18.0 // of a letter
	margin        = 14.0
	hold          = 4.0 // seconds for which the end stays before it begins anew
)

// line is one of the recording: its SVG, and when it began.
type line struct {
	svg strings.Builder
	at  float64
	col int
}

func main() {
	if err := picture(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

var (
	escape = regexp.MustCompile("^\x1b(?:\\[([0-9;?]*)([@-~])|\\][^\x07]*\x07|.)")
	// colours are those of SGR, the bright ones from 8 on.
	colours = []string{"#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9", "#7f8796", "#ff7a85", "#b5e090", "#ffd68a", "#82c4ff", "#dd9bf0", "#7fd6e0", "#ffffff"}
)

func picture(from io.Reader, to io.Writer) error {
	in := bufio.NewReader(from)
	var head struct{ Width, Height int }
	if err := json.NewDecoder(strings.NewReader(first(in))).Decode(&head); err != nil {
		return fmt.Errorf("cannot read the recording: %w", err)
	}
	lines, end, err := played(in)
	if err != nil {
		return err
	}
	w, h := float64(head.Width)*width+2*margin, float64(head.Height)*height+2*margin
	total := end + hold
	fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14" fill="#d8dee9">
<rect width="100%%" height="100%%" rx="8" fill="#1b1f27"/><svg x="%.0f" y="%.0f" width="%.0f" height="%.0f"><g>`, w, h, w, margin, margin, w-2*margin, h-2*margin)
	// The rows move up as the lower end is reached.
	var times, moves []string
	for i, l := range lines {
		if over := i + 1 - head.Height; over > 0 {
			times, moves = append(times, fmt.Sprintf("%.4f", l.at/total)), append(moves, fmt.Sprintf("0 %.0f", -float64(over)*height))
		}
	}
	if len(times) > 0 {
		fmt.Fprintf(to, `<animateTransform attributeName="transform" type="translate" calcMode="discrete" dur="%.2fs" repeatCount="indefinite" keyTimes="0;%s" values="0 0;%s"/>`,
			total, strings.Join(times, ";"), strings.Join(moves, ";"))
	}
	for i, l := range lines {
		fmt.Fprintf(to, "\n<text xml:space=\"preserve\" y=\"%.0f\">%s<animate attributeName=\"visibility\" calcMode=\"discrete\" dur=\"%.2fs\" repeatCount=\"indefinite\" keyTimes=\"0;%.4f\" values=\"hidden;visible\"/></text>",
			float64(i)*height+14, l.svg.String(), total, l.at/total)
	}
	_, err = io.WriteString(to, "\n</g></svg></svg>\n")
	return err
}

// first returns the first line.
func first(in *bufio.Reader) string {
	text, _ := in.ReadString('\n')
	return text
}

// played returns the lines of all events, and when the last one was.
func played(in *bufio.Reader) (lines []*line, end float64, err error) {
	lines = []*line{{}}
	var look style
	for d := json.NewDecoder(in); ; {
		var event [3]any
		if err := d.Decode(&event); err == io.EOF {
			break
		} else if err != nil {
			return nil, 0, fmt.Errorf("cannot read the recording: %w", err)
		}
		at, _ := event[0].(float64)
		text, _ := event[2].(string)
		if event[1] != "o" {
			continue
		}
		end = at
		for text != "" {
			now := lines[len(lines)-1]
			if m := escape.FindStringSubmatch(text); m != nil {
				text = text[len(m[0]):]
				if m[2] == "m" {
					look = look.with(m[1])
				}
				continue
			}
			if text[0] == '\n' {
				lines = append(lines, &line{at: at})
			}
			if text[0] < ' ' {
				text = text[1:]
				continue
			}
			n := strings.IndexFunc(text, func(r rune) bool { return r < ' ' })
			if n < 0 {
				n = len(text)
			}
			if now.col == 0 {
				now.at = at
			}
			now.col += len([]rune(text[:n]))
			fmt.Fprintf(&now.svg, `<tspan%s>%s</tspan>`, look, html.EscapeString(text[:n]))
			text = text[n:]
		}
	}
	if last := lines[len(lines)-1]; last.col == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines, end, nil
}

// style is how letters look.
type style struct {
	bold, faint bool
	fill        string
}

func (s style) String() (attributes string) {
	if s.bold {
		attributes += ` font-weight="bold"`
	}
	if s.faint {
		attributes += ` opacity="0.65"`
	}
	if s.fill != "" {
		attributes += fmt.Sprintf(` fill=%q`, s.fill)
	}
	return attributes
}

// with is the style that the parameters of a colour sequence make of one.
func (s style) with(parameters string) style {
	for p := range strings.SplitSeq(parameters, ";") {
		n := 0
		_, _ = fmt.Sscan(p, &n)
		switch {
		case n == 0:
			s = style{}
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n >= 30 && n <= 37:
			s.fill = colours[n-30]
		case n >= 90 && n <= 97:
			s.fill = colours[n-82]
		}
	}
	return s
}
