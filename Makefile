# The commands of this repository: `make` lists them. All they need is Go, git and a C compiler for the race detector;
# what else the tests call is installed by `make test` on Debian and its kin.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL: # the steps of `make test` are in order, and each uses all cores

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
FUZZTIME ?= 20s
LOADTIME ?= 1h

# Where govulncheck finds the vulnerability database: for a machine without Internet, file:///FOLDER with what is in
# https://vuln.go.dev/vulndb.zip.
VULNDB ?= https://vuln.go.dev

# Every module that has Go code. cmd/coredns/nosdk has stand-ins for modules of others.
MODULES := . e2e

GOLANGCI_LINT := .cache/tools/golangci-lint
GOVULNCHECK := .cache/tools/govulncheck
GOTESTSUM := .cache/tools/gotestsum

# How the programs are built. Version control is not asked, so that an archive of the source gives the same bytes;
# -trimpath leaves the builder's folders out. Without cgo they are static: no loader, no library of the image's, and no
# memory that can be both written and executed. Not -buildmode=pie: Go's linker makes such programs for a dynamic
# loader, which an empty image does not have.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false
ZONEGEN := -ldflags '-s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)' ./cmd/zonegen
COREDNS := -tags grpcnotrace -ldflags '-s -w -X github.com/coredns/coredns/coremain.GitCommit=$(VERSION)' ./cmd/coredns

# The container image. Its files have the time of the commit.
ARCHES ?= $(shell go env GOARCH)
IMAGE ?= zonegen:$(VERSION)
BUILDAH ?= buildah
empty :=
comma := ,

# Rows of the benchmark, as a regular expression; all if it is empty.
ROWS ?=

.PHONY: help build man run test test-tools unit e2e lint load bench bench-quick bench-packages bench-tools fuzz vuln licences dist image clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/zonegen and bin/coredns, static (the first time takes some minutes)
	@hack/step.sh "building bin/zonegen" env $(GO_BUILD) -o bin/zonegen $(ZONEGEN)
	@GOWORK=$(CURDIR)/cmd/coredns/nosdk.work hack/step.sh "building bin/coredns" env $(GO_BUILD) -o bin/coredns $(COREDNS)

man: build ## manual pages in bin/man, from the same source as --help
	@rm -rf bin/man && bin/zonegen man bin/man

run: build ## serve examples/ on port 1053 (or DNS_PORT=) until Ctrl-C
	@hack/run.sh

test: test-tools lint unit e2e ## everything that CI runs: lint, the tests of each package, the tests on a real API server

test-tools:
	@hack/install-tools.sh test

unit: $(GOTESTSUM) ## the tests of each package, with the race detector
	@hack/step.sh "tests of each package" hack/test.sh standard-quiet -race ./...

e2e: $(GOTESTSUM) ## the built programs on a real API server (builds kube-apiserver and etcd once, about six minutes)
	@cd e2e && assets=$$(../hack/step.sh "kube-apiserver and etcd" go run ./cmd/controlplane) && \
		KUBEBUILDER_ASSETS=$$assets ../hack/step.sh "tests on a real API server" \
		../hack/test.sh standard-verbose -race -count=1 -p=1 -timeout=60m ./...

load: ## the load test of `make e2e` for LOADTIME (1h) instead of a minute
	@cd e2e && assets=$$(../hack/step.sh "kube-apiserver and etcd" go run ./cmd/controlplane) && \
		KUBEBUILDER_ASSETS=$$assets ZONEGEN_E2E_LOAD=$(LOADTIME) go test -run '^TestLoad$$' -v -count=1 -timeout=0 .

lint: $(GOLANGCI_LINT) ## golangci-lint (format, go vet, import rules, …) on every module, licences, and shellcheck
	@status=0; for module in $(MODULES) tools; do \
		(cd $$module && $(CURDIR)/hack/step.sh "golangci-lint in $$module" $(CURDIR)/$(GOLANGCI_LINT) run ./... && \
			go mod tidy -diff) || status=1; \
	done; exit $$status
	@cd tools && ../hack/step.sh "licences" go run ./licences -check ../docs/licences.md
	@if PATH=$$PATH:/usr/sbin command -v shellcheck >/dev/null; then shellcheck hack/*.sh .ci/run; \
	else echo "shellcheck is missing: scripts not checked (apt-get install shellcheck)"; fi

bench: bench-tools ## zonegen and its peers side by side, into bench/RESULTS.md (half an hour); ROWS=Latency: one row
	@$(call bench,$(if $(ROWS),,-results ../bench/RESULTS.md))

bench-quick: bench-tools ## the same with the small clusterset only, in under five minutes; writes no file
	@$(call bench,-quick)

bench-tools:
	@hack/install-tools.sh bench

# Assets of a benchmark are those of `make e2e`. The machine should do nothing else meanwhile.
bench = cd e2e && assets=$$(../hack/step.sh "kube-apiserver and etcd" go run ./cmd/controlplane) && KUBEBUILDER_ASSETS=$$assets \
	go test -run '^$$' -bench '^BenchmarkPeers$$/$(if $(ROWS),^($(ROWS))$$)' -benchtime 1x -timeout 0 . -args $(1)

bench-packages: ## benchmarks of each package
	@go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME (20s)
	@hack/fuzz.sh $(FUZZTIME)

vuln: $(GOVULNCHECK) ## known vulnerabilities in what is called (asks Go's vulnerability database, or VULNDB=)
	@for module in $(MODULES); do (cd $$module && $(CURDIR)/$(GOVULNCHECK) -db $(VULNDB) ./...) || exit; done
	@GOWORK=$(CURDIR)/cmd/coredns/nosdk.work $(GOVULNCHECK) -db $(VULNDB) -tags grpcnotrace ./cmd/coredns

licences: ## docs/licences.md, of all that is linked into the programs
	@cd tools && go run ./licences -list >../docs/licences.md.tmp && mv ../docs/licences.md.tmp ../docs/licences.md

dist: $(addprefix dist/,$(ARCHES)) dist/LICENSES.txt ## the programs for the image, in dist/linux/ARCH for ARCHES="amd64 arm64 …"

dist/LICENSES.txt: FORCE
	@mkdir -p dist && cd tools && ../hack/step.sh "licences" go run ./licences -texts ../$@

# An architecture is a folder of two programs. What is to be built again is for go build to say.
.PHONY: $(addprefix dist/,$(ARCHES)) FORCE
$(addprefix dist/,$(ARCHES)): dist/%: dist/linux/%/zonegen dist/linux/%/coredns

dist/linux/%/zonegen: FORCE
	@GOOS=linux GOARCH=$* hack/step.sh "building $@" env $(GO_BUILD) -o $@ $(ZONEGEN)

dist/linux/%/coredns: FORCE
	@GOOS=linux GOARCH=$* GOWORK=$(CURDIR)/cmd/coredns/nosdk.work hack/step.sh "building $@" env $(GO_BUILD) -o $@ $(COREDNS)

image: dist ## a container image IMAGE=name:tag of both, with buildah; several ARCHES become one manifest list
	@$(BUILDAH) bud --isolation chroot --timestamp $$(git log -1 --format=%ct 2>/dev/null || echo 0) \
		--platform $(subst $(empty) $(empty),$(comma),$(addprefix linux/,$(ARCHES))) \
		--manifest $(IMAGE) --file deploy/Dockerfile dist
	@echo "built $(IMAGE); push it: $(BUILDAH) manifest push --all $(IMAGE) docker://REGISTRY/zonegen:TAG"

clean: ## remove what was built here
	rm -rf bin dist .cache

$(GOLANGCI_LINT): PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(GOVULNCHECK): PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(GOTESTSUM): PACKAGE := gotest.tools/gotestsum
.cache/tools/%: tools/go.mod tools/go.sum
	@cd tools && CGO_ENABLED=0 ../hack/step.sh "building $* (some minutes the first time)" go build -o ../$@ $(PACKAGE)
