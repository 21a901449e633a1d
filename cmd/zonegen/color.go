package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

var colorModes = []string{"auto", "always", "never"}

// color is a way to show text on a terminal (ECMA-48, SGR).
type color string

const (
	bold  color = "1"
	red   color = "31"
	green color = "32"
)

// painter shows text in a colour, or as it is.
type painter func(c color, text string) string

// newPainter returns the painter that --color asks for. NO_COLOR is that of
// https://no-color.org.
func newPainter(mode string, out io.Writer) painter {
	file, isFile := out.(*os.File)
	if mode == "always" || mode == "auto" && isFile && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" &&
		term.IsTerminal(int(file.Fd())) { //nolint:gosec // a file descriptor is small
		return func(c color, text string) string { return "\x1b[" + string(c) + "m" + text + "\x1b[0m" }
	}
	return func(_ color, text string) string { return text }
}

// printable escapes what is not plain printable ASCII as zone files do, \DDD: what
// servers and files say may be anything.
func printable(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, "\\%03d", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
