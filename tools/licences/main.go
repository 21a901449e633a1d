// Licences tells under which licences the parts of zonegen's programs are: with -list as a table, which the repository
// keeps, with -texts as the texts themselves, which go with the programs. It fails at a licence that it does not know to
// be free of conditions that a program like these could not meet.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// free are the licences whose conditions are met by giving their texts along, and those of the files that we do not
// change (MPL-2.0), by their SPDX identifiers.
var free = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "Unlicense"}

// programs are built from these packages, in these workspaces, as the Makefile does.
var programs = []struct{ workspace, tags, path string }{
	{"off", "", "./cmd/zonegen"},
	{"cmd/coredns/nosdk.work", "grpcnotrace", "./cmd/coredns"},
}

// architectures are those of the image; some modules are for one only.
var architectures = []string{"amd64", "arm64"}

func main() {
	list := flag.Bool("list", false, "print the table")
	check := flag.String("check", "", "compare the table with a `file`")
	texts := flag.String("texts", "", "write the texts to a `file`")
	flag.Parse()
	if err := run(*list, *check, *texts); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(list bool, check, texts string) error {
	parts, err := collect()
	if err != nil {
		return err
	}
	table, err := tableOf(parts)
	if err != nil {
		return err
	}
	if list {
		if _, err := io.WriteString(os.Stdout, table); err != nil {
			return err
		}
	}
	if check != "" {
		have, err := os.ReadFile(check)
		if err != nil {
			return err
		}
		if string(have) != table {
			return fmt.Errorf("%s is not true any more: run make licences", check)
		}
	}
	if texts == "" {
		return nil
	}
	own, err := os.ReadFile("../LICENSE")
	if err != nil {
		return err
	}
	parts = slices.Insert(parts, 0, part{"github.com/clusterset-dns/zonegen", []file{{"LICENSE", own}}})
	return os.WriteFile(texts, textOf(parts), 0o644)
}

// part is a module, or the Go distribution, and the files with its licences.
type part struct {
	name  string
	files []file
}

type file struct {
	name string // in the module
	text []byte
}

// isLicence matches the names of files with licences, and with notices that go with them.
var isLicence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)([.-].*)?$`)

// collect finds all parts of all programs. A licence counts that is beside a package that is linked, or in a folder above
// it up to its module's own.
func collect() ([]part, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	found := map[string]map[string][]byte{}
	for _, program := range programs {
		for _, arch := range architectures {
			packages, err := packagesOf(root, program.workspace, program.tags, program.path, arch)
			if err != nil {
				return nil, err
			}
			for _, p := range packages {
				if p.Module == nil || p.Module.Main || strings.HasPrefix(p.Dir, root+string(filepath.Separator)) {
					continue // the standard library, or ours
				}
				if found[p.Module.Path] == nil {
					found[p.Module.Path] = map[string][]byte{}
				}
				for dir := p.Dir; len(dir) >= len(p.Module.Dir); dir = filepath.Dir(dir) {
					if err := addFiles(found[p.Module.Path], p.Module.Dir, dir); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	found["Go"] = map[string][]byte{}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	goroot := strings.TrimSpace(string(out))
	if err := addFiles(found["Go"], goroot, goroot); err != nil {
		return nil, err
	}
	var parts []part
	for _, name := range slices.Sorted(maps.Keys(found)) {
		p := part{name: name}
		for _, at := range slices.Sorted(maps.Keys(found[name])) {
			p.files = append(p.files, file{at, found[name][at]})
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// listed is what go list tells of a package.
type listed struct {
	Dir    string
	Module *struct {
		Path, Dir string
		Main      bool
	}
}

func packagesOf(root, workspace, tags, path, arch string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Module", "-tags", tags, path)
	cmd.Dir = root
	if workspace != "off" {
		workspace = filepath.Join(root, workspace)
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOWORK="+workspace)
	out, err := cmd.Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list %s: %w", path, err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func addFiles(to map[string][]byte, module, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !isLicence.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		path := filepath.Join(dir, e.Name())
		name, err := filepath.Rel(module, path)
		if err != nil {
			return err
		}
		if to[name], err = os.ReadFile(path); err != nil {
			return err
		}
	}
	return nil
}

// licencesOf returns the licences of a part.
func licencesOf(p part) ([]string, error) {
	found := map[string]bool{}
	for _, f := range p.files {
		for _, m := range licensecheck.Scan(f.text).Match {
			if !m.IsURL {
				found[m.ID] = true
			}
		}
	}
	delete(found, "GooglePatentsFile") // of the Go project: it grants more
	all := slices.Sorted(maps.Keys(found))
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no licence is found: look for it, and whether it can be a part of zonegen", p.name)
	}
	for _, id := range all {
		if !slices.Contains(free, id) {
			return nil, fmt.Errorf("%s has the licence %s, which is not known here: read it, and add it if its conditions are met", p.name, id)
		}
	}
	return all, nil
}

func tableOf(parts []part) (string, error) {
	var b strings.Builder
	b.WriteString("# Licences\n\nzonegen is under the Apache License 2.0, see LICENSE. Its programs and the CoreDNS in its image have these parts of\n" +
		"others; `LICENSES.txt` in the image has the text of each licence. `make licences` writes this file, and `make lint` compares it.\n\n" +
		"| module | licence |\n|---|---|\n")
	var errs []error
	for _, p := range parts {
		ids, err := licencesOf(p)
		errs = append(errs, err)
		fmt.Fprintf(&b, "| %s | %s |\n", p.name, strings.Join(ids, ", "))
	}
	return b.String(), errors.Join(errs...)
}

// textOf is all texts. Parts that have the same one share it.
func textOf(parts []part) []byte {
	var b bytes.Buffer
	names := map[string][]string{}
	var order []string
	for _, p := range parts {
		for _, f := range p.files {
			if names[string(f.text)] == nil {
				order = append(order, string(f.text))
			}
			names[string(f.text)] = append(names[string(f.text)], p.name+"/"+filepath.ToSlash(f.name))
		}
	}
	for _, text := range order {
		fmt.Fprintf(&b, "==== %s\n\n%s\n\n", strings.Join(names[text], "\n==== "), strings.TrimSpace(text))
	}
	return b.Bytes()
}
