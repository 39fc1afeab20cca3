# make build   the program at bin/garboard, the engine at bin/engine
# make up      the platform with the example application
# make test    what CI runs; make test-all also runs the long suites
SHELL := /bin/bash
.DELETE_ON_ERROR:
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
# kubectl is built in: it is told the version of the Kubernetes that it belongs to.
KUBECTL := k8s.io/component-base/version
KUBERNETES := $(shell awk '$$1 == "kubernetes" {print $$3}' engine/versions)
LDFLAGS := -s -w -X main.version=$(VERSION) -X $(KUBECTL).gitVersion=$(KUBERNETES) -X $(KUBECTL).gitMajor=1 -X $(KUBECTL).gitMinor=$(word 2,$(subst ., ,$(KUBERNETES)))
GO ?= go
modules := . api tool
engine := bridge buildkitd containerd containerd-shim-runc-v2 coredns etcd host-local kubernetes loopback portmap runc

# A script of the front end's, once `make build` has installed what it needs.
define front
@if [ -d console/front/node_modules ]; then cd console/front && npm run --silent $(1); else echo "SKIP the front end's $(1): make build with npm installs what it needs"; fi
endef

.PHONY: up build garboard hello engine front deps test test-deps test-all e2e conformance machine bench lint dist generate clean new-capability

up: deps build
	bin/garboard up
	example/wordpress/up.sh

build: engine front garboard hello

garboard:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/garboard ./cmd/garboard
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/garboard-agent ./cmd/garboard-agent

# The example's program, which its image holds alone.
hello:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o example/hello/images/hello/hello ./example/hello/images/hello

# The engine, and what it is made of: bin/engine/licences and bin/engine/sbom.cdx.json.
engine:
	engine/build.sh $(CURDIR)/bin/engine
	cd tool && $(GO) build -o ../bin/licences ./licences
	bin/licences -out bin/engine -version $(VERSION) -deb 'libseccomp-dev=runc;libc6-dev=runc,pause' $(addprefix bin/engine/,$(engine))

# The console's pages are built with npm and embedded; without npm the program says so when they are asked for.
# npm install keeps to the lock file; npm ci would refuse it, for it misses other systems' optional packages.
front:
	@if [ ! -f console/front/package.json ]; then :; \
	elif command -v npm >/dev/null; then cd console/front && npm install --no-fund --no-audit && npm run build; \
	else echo "npm is missing: the console is built without its pages"; fi

# What Debian has to bring; only what is missing is installed.
deps:
	@.ci/packages .ci/packages.run

test-deps:
	@.ci/packages .ci/packages.run .ci/packages.test

test: garboard
	set -e; for m in $(modules); do (cd $$m && $(GO) test ./...); done
	$(call front,test)
	$(MAKE) e2e

# The real engine, from nothing to pods and back; takes root.
e2e: build
	$(GO) test -tags e2e -count=1 -timeout 25m ./test/e2e/...

test-all: test
	GARBOARD_TEST_ALL=1 $(GO) test -tags e2e -count=1 -timeout 120m ./test/e2e/...
	$(MAKE) conformance
	$(MAKE) machine

# A Debian machine with systemd and cgroup v2 in an emulator, over a reboot and a power cut.
machine: build
	test/machine/run

# Upstream's conformance cases against the platform; CASES='sig-network.*DNS' runs those whose names match. What was found
# stands in bin/conformance/results.
CASES ?= .
conformance: build
	test/conformance/kubernetes/build
	GARBOARD_CONFORMANCE='$(CASES)' $(GO) test -tags e2e -count=1 -timeout 120m -v -run '^TestConformance$$' ./test/e2e

bench: build
	@for b in bench/*/run; do echo "== $$b"; $$b; done

lint: generate
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	@git diff --exit-code --stat -- capability/all || { echo "capability/all is not up to date: run make generate and commit it"; exit 1; }
	set -e; for m in $(modules); do (cd $$m && $(GO) vet ./...); done
	$(GO) vet -tags e2e ./test/...
	set -e; cd tool && $(GO) build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	set -e; for m in $(modules); do (cd $$m && $(CURDIR)/bin/staticcheck ./...); done
	$(call front,check)
	@.ci/no-hosts
	@.ci/vulnerabilities $(modules)

generate:
	cd tool && $(GO) build -o ../bin/capabilities ./capabilities
	bin/capabilities

dist: build
	tool/dist/dist.sh $(VERSION)

new-capability:
	@[ -n "$(NAME)" ] || { echo "make new-capability NAME=word"; exit 2; }
	cd tool && $(GO) build -o ../bin/scaffold ./scaffold
	bin/scaffold $(NAME)
	$(MAKE) generate

clean:
	rm -rf bin dist
