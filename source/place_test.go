package source

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]struct{ name, server, zone, file string }{
		"@10.96.0.10":                             {"@10.96.0.10", "10.96.0.10:53", "", "@10.96.0.10/x.example"},
		"@10.96.0.10:1053/Clusterset.Local":       {"@10.96.0.10:1053/clusterset.local", "10.96.0.10:1053", "clusterset.local.", "@10.96.0.10:1053/x.example"},
		"@ns.example.org/in-addr.arpa.":           {"@ns.example.org/in-addr.arpa", "ns.example.org:53", "in-addr.arpa.", "@ns.example.org/x.example"},
		"@fd00::1":                                {"@fd00::1", "[fd00::1]:53", "", "@fd00::1/x.example"},
		"@[fd00::1]":                              {"@[fd00::1]", "[fd00::1]:53", "", "@[fd00::1]/x.example"},
		"@[fd00::1]:1053":                         {"@[fd00::1]:1053", "[fd00::1]:1053", "", "@[fd00::1]:1053/x.example"},
		"configmap:dns/zones":                     {"configmap:dns/zones", "", "", "configmap:dns/zones/db.x.example"},
		"configmap:dns/zones/clusterset.local":    {"configmap:dns/zones/clusterset.local", "", "clusterset.local.", "configmap:dns/zones/db.x.example"},
		"configmap:dns/zones/db.clusterset.local": {"configmap:dns/zones/clusterset.local", "", "clusterset.local.", "configmap:dns/zones/db.x.example"},
		"zones/db.clusterset.local":               {"zones/db.clusterset.local", "", "", "zones/db.clusterset.local/db.x.example"},
		"./@strange":                              {"./@strange", "", "", "@strange/db.x.example"},
	} {
		p, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := p.String(); got != want.name || p.Server() != want.server || p.Zone() != want.zone || p.fileOf("x.example.") != want.file {
			t.Errorf("%s: %s, server %q, zone %q, file %q", text, got, p.Server(), p.Zone(), p.fileOf("x.example."))
		}
	}
	for text, want := range map[string]string{
		"":                     `an empty name: give a file, a folder, @SERVER or configmap:NAMESPACE/NAME`,
		"@":                    `"@" is no name server: give @HOST or @HOST:PORT, an IPv6 address with a port as @[::1]:53`,
		"@host:0":              `"@host:0" is no name server: give @HOST or @HOST:PORT, an IPv6 address with a port as @[::1]:53`,
		"@host:dns":            `"@host:dns" is no name server: give @HOST or @HOST:PORT, an IPv6 address with a port as @[::1]:53`,
		"@a..b":                `"@a..b" is no name server: give @HOST or @HOST:PORT, an IPv6 address with a port as @[::1]:53`,
		"@host/":               `"" is no zone: give a domain name such as clusterset.local`,
		"@host/a..b":           `"a..b" is no zone: give a domain name such as clusterset.local`,
		"configmap:zones":      `"configmap:zones" is no ConfigMap: give configmap:NAMESPACE/NAME, or configmap:NAMESPACE/NAME/ZONE for one of its zones`,
		"configmap:/zones":     `"configmap:/zones" is no ConfigMap: give configmap:NAMESPACE/NAME, or configmap:NAMESPACE/NAME/ZONE for one of its zones`,
		"configmap:dns/zones/": `"" is no zone: give a domain name such as clusterset.local`,
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
