package main

import (
	"testing"

	"github.com/clusterset-dns/zonegen/explain"
)

// TestExplainServer: what a server says of a name outside of the zones is not judged.
func TestExplainServer(t *testing.T) {
	server := &explain.Server{Address: "192.0.2.53:53", Answers: []explain.ServerAnswer{{Type: "A", Verdict: "REFUSED", Agrees: true}}}
	for outside, want := range map[bool]string{
		true:  "Server 192.0.2.53:53\n  A: REFUSED\n",
		false: "Server 192.0.2.53:53\n  A: REFUSED, as it should be\n",
	} {
		text := &explanation{paint: func(_ color, text string) string { return text }}
		text.server(server, outside)
		if got := text.String(); got != want {
			t.Errorf("outside %t: %q, want %q", outside, got, want)
		}
	}
}
