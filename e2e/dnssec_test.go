package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// signingKey makes the key of a zone, called as in the examples, and returns its folder.
func signingKey(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	zone := strings.TrimSuffix(clusterset, ".")
	out, err := exec.Command(tool(t, "dnssec-keygen", "bind9-utils"), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", dir, zone).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".key", ".private"} {
		if err := os.Rename(filepath.Join(dir, strings.TrimSpace(string(out))+kind), filepath.Join(dir, zone+kind)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// validator asks a server as a resolver does that trusts a key for a zone.
type validator struct {
	t            testing.TB
	port         int
	anchor, root string
}

// newValidator trusts the key of this folder.
func newValidator(t testing.TB, port int, keys, root string) *validator {
	t.Helper()
	m := regexp.MustCompile(`IN DNSKEY (\d+ \d+ \d+) (.*)`).FindStringSubmatch(readFile(t, filepath.Join(keys, "clusterset.local.key")))
	if m == nil {
		t.Fatal("no DNSKEY")
	}
	anchor := filepath.Join(t.TempDir(), "anchor")
	text := fmt.Sprintf("trust-anchors { %s static-key %s %q; };\n", root, m[1], strings.ReplaceAll(m[2], " ", ""))
	if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &validator{t: t, port: port, anchor: anchor, root: root}
}

// validates returns nil if delv takes the answer to a question for secure, and it has this text: data of a record,
// $NXRRSET or $NXDOMAIN.
func (v *validator) validates(question, want string) error {
	args := []string{"@127.0.0.1", "-p", fmt.Sprint(v.port), "-a", v.anchor, "+root=" + v.root}
	out, err := exec.Command(tool(v.t, "delv", "bind9-dnsutils"), append(args, strings.Fields(question)...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("delv %s: %w\n%s", question, err, out)
	}
	text := strings.ReplaceAll(string(out), "\t", " ")
	for _, must := range []string{"fully validated", want} {
		if !strings.Contains(text, must) {
			return fmt.Errorf("delv %s: no %q\n%s", question, must, out)
		}
	}
	return nil
}

// TestDNSSECOnTheFly signs answers with the plugin dnssec: those that there are, that a name has no records of a type,
// and that there is no such name, which dnssec says of all types instead (black lies).
func TestDNSSECOnTheFly(t *testing.T) {
	manifests, zones := t.TempDir(), t.TempDir()
	if err := os.CopyFS(manifests, os.DirFS("../examples")); err != nil {
		t.Fatal(err)
	}
	run(t, zonegen(t), "run", "-f", manifests, "--zone-dir", zones, "--http", loopback(freePort(t))).waitOutput("msg=ready")
	keys, port := signingKey(t), freePort(t)
	run(t, coredns(t), "-conf", exampleConfig(t, "dnssec/Corefile",
		":53", fmt.Sprintf(":%d", port), "/etc/coredns/keys", keys, "/zones", zones,
		":8181", loopback(freePort(t)), ":9153", loopback(freePort(t)),
	)).waitOutput("CoreDNS-")

	forward, reverse := newValidator(t, port, keys, clusterset), newValidator(t, port, keys, "in-addr.arpa.")
	for question, want := range map[string]string{
		"checkout.shop." + svc + " A":                 " 10.128.0.10\n",
		"CheckOut.shop." + svc + " A":                 " 10.128.0.10\n",
		"web.sites." + svc + " AAAA":                  " fd00:61:2::8\n",
		"_http._tcp.web.sites." + svc + " SRV":        "8080 web-0.tokyo.web.sites." + svc,
		clusterset + " SOA":                           "hostmaster." + clusterset,
		"checkout.shop." + svc + " AAAA":              "$NXRRSET",
		svc + " A":                                    "$NXRRSET", // exists by what is below it
		"tokyo.web.sites." + svc + " A":               "$NXRRSET",
		"none.shop." + svc + " A":                     "$NXRRSET",
		"none.none." + svc + " SRV":                   "$NXRRSET",
		"web-2.tokyo.web.sites." + svc + " A":         "$NXRRSET", // not ready
		"none." + clusterset + " A":                   "$NXRRSET",
		"_none._tcp.checkout.shop." + svc + " SRV":    "$NXRRSET",
		"_http._tcp.checkout.shop." + svc + " SRV":    "80 checkout.shop." + svc,
		"web-0.tokyo.web.sites." + svc + " A":         " 10.61.2.8\n",
		"dns-version." + clusterset + " TXT":          `"1.1.0"`,
		"web-0.paris.web.sites." + svc + " A +tcp":    " 10.33.5.12\n",
		"web-0.paris.web.sites." + svc + " AAAA +tcp": "$NXRRSET",
	} {
		if err := forward.validates(question, want); err != nil {
			t.Error(err)
		}
	}
	for question, want := range map[string]string{
		"-x 10.128.0.10":            "checkout.shop." + svc,
		"-x 10.128.0.200":           "$NXRRSET",
		"128.10.in-addr.arpa. PTR ": "$NXRRSET",
	} {
		if err := reverse.validates(question, want); err != nil {
			t.Error(err)
		}
	}

	// A change is signed at once.
	file := filepath.Join(manifests, "clustersetip.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(readFile(t, file), "10.128.0.10", "10.128.0.99")), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change is served and signed", func() error {
		if err := reverse.validates("-x 10.128.0.99", "checkout.shop."+svc); err != nil {
			return err
		}
		return forward.validates("checkout.shop."+svc+" A", " 10.128.0.99\n")
	})
	// Whoever trusts another key does not trust these answers.
	if err := newValidator(t, port, signingKey(t), clusterset).validates("checkout.shop."+svc+" A", ""); err == nil {
		t.Error("any key will do")
	}
}

// TestSignedZone has the plugin sign make a signed zone of zonegen's file, in either layout, and our plugin serve it.
func TestSignedZone(t *testing.T) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			zones, signed := t.TempDir(), t.TempDir()
			render := func(manifests string) {
				t.Helper()
				verb(t, 0, "render", "-f", manifests, "--zone-dir", zones, "--layout", layout)
			}
			render("../examples")
			keys, port := signingKey(t), freePort(t)
			file := filepath.Join(signed, "db.clusterset.local.signed")
			if err := os.Symlink(filepath.Base(file), filepath.Join(signed, "db.clusterset.local")); err != nil {
				t.Fatal(err)
			}
			server := run(t, coredns(t), "-conf", exampleConfig(t, "sign/Corefile",
				":53", fmt.Sprintf(":%d", port), "/etc/coredns/keys", keys, "/zones", zones, "directory /signed", "directory "+signed,
				":8181", loopback(freePort(t)), ":9153", loopback(freePort(t)),
			))
			v := newValidator(t, port, keys, clusterset)
			eventually(t, "the signed zone is served", func() error { return v.validates("checkout.shop."+svc+" A", " 10.128.0.10\n") })
			for question, want := range map[string]string{
				"web.sites." + svc + " AAAA":               " fd00:61:2::8\n",
				"_http._tcp.web.sites." + svc + " SRV":     "8080 web-0.tokyo.web.sites." + svc,
				clusterset + " SOA":                        "hostmaster." + clusterset,
				clusterset + " DNSKEY":                     "257 3 13 ",
				"dns-version." + clusterset + " TXT":       `"1.1.0"`,
				"checkout.shop." + svc + " AAAA":           "$NXRRSET",
				svc + " A":                                 "$NXRRSET", // exists by what is below it
				"tokyo.web.sites." + svc + " A":            "$NXRRSET",
				"none.shop." + svc + " A":                  "$NXDOMAIN", // below a name that exists without records
				"none.none." + svc + " SRV":                "$NXDOMAIN",
				"x.web.sites." + svc + " A":                "$NXDOMAIN",
				"x.y.tokyo.web.sites." + svc + " A":        "$NXDOMAIN",
				"zzz.zzz." + clusterset + " A":             "$NXDOMAIN",
				"_none._tcp.checkout.shop." + svc + " SRV": "$NXDOMAIN",
			} {
				if err := v.validates(question, want); err != nil {
					t.Error(err)
				}
			}
			verify := func(file string) {
				t.Helper()
				if out, err := exec.Command(tool(t, "ldns-verify-zone", "ldnsutils"), "-k", filepath.Join(keys, "clusterset.local.key"), file).CombinedOutput(); err != nil {
					t.Errorf("ldns-verify-zone: %v\n%s", err, out)
				}
			}
			verify(file)

			// A secondary gets all of it.
			primary := freePort(t)
			runCoreDNS(t, primary, "multicluster clusterset.local {\n directory "+signed+"\n}\ntransfer {\n to *\n}")
			records, err := transfer(primary, clusterset)
			if err != nil {
				t.Fatal(err)
			}
			if want := texts(readZone(t, clusterset, file)); !slices.Equal(records, want) {
				t.Errorf("%d records are transferred, want %d", len(records), len(want))
			}
			transferred := filepath.Join(t.TempDir(), "transferred")
			if err := os.WriteFile(transferred, []byte(strings.Join(records, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			verify(transferred)

			// A change is signed as the example says.
			render("../examples/headless.yaml")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			server.signal(syscall.SIGUSR1)
			eventually(t, "the change is signed", func() error { return v.validates("checkout.shop."+svc+" A", "$NXDOMAIN") })
			if err := v.validates("web.sites."+svc+" AAAA", " fd00:61:2::8\n"); err != nil {
				t.Error(err)
			}
		})
	}
}
