package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// surroundings are the machine and the versions of all that took part.
func surroundings(t testing.TB, load string) [][]string {
	t.Helper()
	binaries, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	return [][]string{
		{"", ""},
		{"CPU", proc(t, "cpuinfo", `model name\s*: (.*)`) + ", " + said(t, `(?s)(.*)`, "nproc") + " cores"},
		{"load when it began", load},
		{"memory", proc(t, "meminfo", `MemTotal:\s*(.*)`)},
		{"kernel", said(t, `(?s)(.*)`, "uname", "-sr")},
		{"zone folder", ramDisk + " (tmpfs)"},
		{"Go", runtime.Version()},
		{"zonegen", said(t, `(?s)(.*)`, "git", "describe", "--tags", "--always", "--dirty")},
		{"CoreDNS", said(t, `CoreDNS-(\S+)`, coredns(t), "-version")},
		{"Knot", said(t, `version (\S+)`, tool(t, "knotd", "knot"), "-V")},
		{"dnsperf", said(t, `Version (\S+)`, tool(t, "dnsperf", "dnsperf"), "-h")},
		{"kube-apiserver", said(t, `Kubernetes (\S+)`, filepath.Join(binaries, "kube-apiserver"), "--version")},
		{"etcd", said(t, `etcd Version: (\S+)`, filepath.Join(binaries, "etcd"), "--version")},
	}
}

// said is a part of what a command prints, whatever its exit code: dnsperf -h fails.
func said(t testing.TB, pattern, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	match := regexp.MustCompile(pattern).FindSubmatch(out)
	if match == nil {
		t.Fatalf("%s %q prints no %s: %v\n%s", name, args, pattern, err, out)
	}
	return strings.TrimSpace(string(match[1]))
}

// proc is a part of a file in /proc.
func proc(t testing.TB, name, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", name))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(pattern).FindSubmatch(text)
	if match == nil {
		t.Fatalf("no %s in /proc/%s", pattern, name)
	}
	return strings.TrimSpace(string(match[1]))
}
