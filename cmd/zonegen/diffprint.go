package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/clusterset-dns/zonegen/diff"
)

// print writes differences to standard output.
func (f *diffFlags) print(out io.Writer, c *comparison, differences []difference) error {
	switch f.output {
	case "json":
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Left  string       `json:"left"`
			Right string       `json:"right"`
			Zones []difference `json:"zones"`
		}{c.left.text, c.right.text, differences})
	case "nsupdate":
		return c.printUpdates(out, differences)
	}
	var text strings.Builder
	paint := newPainter(f.color, out)
	for i := range differences {
		if d := &differences[i]; len(d.Changes) > 0 {
			d.print(&text, paint, c)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// print writes the differences of one zone, as diff -u does.
func (d *difference) print(out io.Writer, paint painter, c *comparison) {
	fmt.Fprintf(out, "%s\n%s\n", paint(bold, "--- "+c.left.head(d.Zone, d.LeftSerial)), paint(bold, "+++ "+c.right.head(d.Zone, d.RightSerial)))
	for _, change := range d.Changes {
		for _, r := range change.Removed {
			fmt.Fprintln(out, paint(red, "-"+recordText(change, r)))
		}
		for _, r := range change.Added {
			fmt.Fprintln(out, paint(green, "+"+recordText(change, r)))
		}
	}
}

// recordText is a record in one line of ASCII, safe to print.
func recordText(c diff.Change, r diff.Record) string {
	return printable(fmt.Sprintf("%s %d %s %s", c.Name, r.TTL, c.Type, r.Data))
}

// head says which zone a side has.
func (s *side) head(origin string, serial *uint32) string {
	text := fmt.Sprintf("%s (%s", printable(s.text), origin)
	switch {
	case s.zones[origin] == nil:
		text += ", not there"
	case serial != nil:
		text += fmt.Sprintf(", serial %d", *serial)
	}
	return text + ")"
}

// printUpdates writes commands for nsupdate.
func (c *comparison) printUpdates(out io.Writer, differences []difference) error {
	var text strings.Builder
	for i := range differences {
		d := &differences[i]
		if len(d.Changes) == 0 {
			continue
		}
		if text.Len() == 0 && c.left.place.IsServer() {
			host, port, err := net.SplitHostPort(c.left.place.Server())
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "server %s %s\n", host, port)
		}
		if err := diff.Update(&text, d.Zone, d.left, d.right, d.Changes); err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
