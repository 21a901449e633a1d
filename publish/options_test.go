package publish

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// CoreDNS auto's default regexp, which it does not anchor.
var autoNames = regexp.MustCompile(`db\.(.*)`)

func TestTempName(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		name := tempName()
		if autoNames.MatchString(name) {
			t.Errorf("%s would be served as a zone", name)
		}
		if !isTemp(name) || seen[name] || name != filepath.Base(name) {
			t.Errorf("temporary name %s", name)
		}
		seen[name] = true
	}
}

func TestFileName(t *testing.T) {
	long := strings.Repeat("a23456789.", 25)
	for origin, want := range map[string]string{
		"clusterset.local.":          "db.clusterset.local",
		"in-addr.arpa.":              "db.in-addr.arpa",
		"d.f.ip6.arpa.":              "db.d.f.ip6.arpa",
		"local.":                     "db.local",
		"xn--bcher-kva.example.":     "db.xn--bcher-kva.example",
		"0-26.2.0.192.in-addr.arpa.": "db.0-26.2.0.192.in-addr.arpa",
		`a\.b.example.`:              `db.a\.b.example`,
		"_udp.example.":              "db._udp.example",
		"..":                         "db..",
		long:                         zonePrefix + strings.TrimSuffix(long, "."),
		".":                          "",
		"":                           "",
		"0/26.2.0.192.in-addr.arpa.": "",
		"../../etc/passwd":           "",
		"a\x00b.":                    "",
		"xyz." + long:                "",
	} {
		got, err := FileName(origin)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("FileName(%q) = %q, %v, want %q", origin, got, err, want)
		}
		if want != "" {
			if m := autoNames.FindStringSubmatch(got); m == nil || m[1] != strings.TrimSuffix(origin, ".") {
				t.Errorf("CoreDNS auto takes %q for zone %q, not %q", got, m, origin)
			}
		}
		if isTemp(got) || got != "" && got != filepath.Base(got) {
			t.Errorf("FileName(%q) = %q", origin, got)
		}
	}
}

func TestParseOwner(t *testing.T) {
	for text, want := range map[string]Owner{
		"0":           {0, -1},
		"65532":       {65532, -1},
		"65532:65531": {65532, 65531},
		":65531":      {-1, 65531},
		"7:":          {7, -1},
	} {
		if got, err := ParseOwner(text); got != want || err != nil {
			t.Errorf("ParseOwner(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":", "root", "-1", "1:-1", "1:2:3", "4294967295", "4294967296", "0x1", "1 "} {
		if got, err := ParseOwner(text); err == nil || !strings.Contains(err.Error(), "UID:GID") {
			t.Errorf("ParseOwner(%q) = %v, %v", text, got, err)
		}
	}
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]fs.FileMode{"644": 0o644, "0644": 0o644, "0400": 0o400, "777": 0o777} {
		if got, err := ParseMode(text); got != want || err != nil {
			t.Errorf("ParseMode(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "044", "1644", "0o644", "648", "-644", "u=rw", "37777777777644"} {
		if got, err := ParseMode(text); err == nil || !strings.Contains(err.Error(), "0644") {
			t.Errorf("ParseMode(%q) = %v, %v", text, got, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []FolderOptions{
		{},
		{Path: t.TempDir(), Mode: 0o044},
		{Path: t.TempDir(), Mode: 0o644 | fs.ModeSetuid},
		{Path: t.TempDir(), Owner: &Owner{-2, 0}},
		{Path: t.TempDir(), Owner: &Owner{0, -2}},
		{Path: "options_test.go"},
		{Path: "options_test.go/zones"},
		{Path: "zones\x00"},
	} {
		if f, err := OpenFolder(o); err == nil {
			t.Errorf("OpenFolder(%+v): no error", o)
			_ = f.Close()
		}
	}
}
