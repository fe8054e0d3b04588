# Urban Home School. `make help` lists the targets. release comes with the room
# it is about.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(PATH):/usr/local/go/bin
export CGO_ENABLED := 1
# The module files are the truth; a developer's own GOFLAGS are not.
export GOFLAGS := -tags=sqlite_fts5

MODULES   := syncproto migrations shared cloud edge installer
BIN       := $(CURDIR)/bin
CACHE     := $(CURDIR)/.cache
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT      := $(CACHE)/bin/golangci-lint
LINT_VERSION := v2.15.0
WEB       := shared/web
CONTENT   := installer/content

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

## ---- the demo

.PHONY: demo demo-unplug demo-plug demo-reset
demo: build ## Start a cloud and two schools on this computer; Ctrl-C stops, data are kept
	@.ci/prerequisites postgres
	@exec $(BIN)/uhs-demo -bin $(BIN) -content $(CONTENT) start

demo-unplug: ## Take a school's internet away: make demo-unplug SCHOOL=lodwar
	@test -x $(BIN)/uhs-demo || { echo "the demo is not running; start it with: make demo"; exit 1; }
	@$(BIN)/uhs-demo unplug "$(SCHOOL)"

demo-plug: ## Give a school its internet back: make demo-plug SCHOOL=lodwar
	@test -x $(BIN)/uhs-demo || { echo "the demo is not running; start it with: make demo"; exit 1; }
	@$(BIN)/uhs-demo plug "$(SCHOOL)"

demo-reset: ## Delete the demo's data
	@$(MAKE) $(BIN)/uhs-demo
	@$(BIN)/uhs-demo reset

## ---- building

.PHONY: build binaries web
build: web binaries ## Build the web app and the binaries

binaries: $(BIN)/uhs-cloud $(BIN)/uhs-simgate $(BIN)/uhs-edge $(BIN)/uhs-demo $(BIN)/uhs-bench $(BIN)/uhs-postgres $(BIN)/uhs-verify

# Go knows what is up to date; make does not need to.
.PHONY: FORCE
FORCE:

$(BIN)/uhs-cloud: FORCE
	@echo "building uhs-cloud"; cd cloud && go build -trimpath -ldflags "-s -w -X urbanhomeschool.org/uhs/cloud/internal/app.Version=$(VERSION)" -o $@ ./cmd/uhs-cloud

# The builds of the crash tests; nobody else runs them.
.PHONY: crash-binaries
crash-binaries: $(BIN)/uhs-cloud-crash $(BIN)/uhs-edge-crash

$(BIN)/uhs-cloud-crash $(BIN)/uhs-edge-crash: $(BIN)/uhs-%-crash: FORCE
	@echo "building $(@F)"; cd $* && go build -tags=sqlite_fts5,no_web,crashpoints -trimpath -ldflags "-s -w" -o $@ ./cmd/uhs-$*

$(BIN)/uhs-simgate: FORCE
	@echo "building uhs-simgate"; cd cloud && go build -trimpath -ldflags "-s -w" -o $@ ./cmd/uhs-simgate

$(BIN)/uhs-edge: FORCE
	@echo "building uhs-edge"; cd edge && go build -trimpath -ldflags "-s -w -X urbanhomeschool.org/uhs/edge/internal/app.Version=$(VERSION)" -o $@ ./cmd/uhs-edge

# What uhs-bench measures the engine of the sync with.
$(BIN)/uhs-rates: FORCE
	@echo "building uhs-rates"; cd shared && go build -trimpath -ldflags "-s -w" -o $@ ./registry/rates

# The tests' real Ollama; only the appliance's module may talk to one.
$(BIN)/uhs-ollama: FORCE
	@echo "building uhs-ollama"; cd edge && go build -trimpath -ldflags "-s -w" -o $@ ./internal/ollama/ollamatest/serve

$(BIN)/uhs-demo $(BIN)/uhs-bench $(BIN)/uhs-postgres $(BIN)/uhs-verify: FORCE
	@echo "building $(@F)"; cd installer && go build -trimpath -ldflags "-s -w" -o $@ ./cmd/$(@F)

web: $(WEB)/dist/app/index.html ## Build the web app

WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public $(WEB)/scripts $(WEB)/index.html $(WEB)/*.ts $(WEB)/*.js -type f 2>/dev/null)

$(WEB)/node_modules/.package-lock.json: $(WEB)/package.json $(WEB)/package-lock.json
	@.ci/prerequisites node
	@echo "installing the web app's packages"
	@cd $(WEB) && npm ci --prefer-offline --no-progress --loglevel=error
	@touch $@

$(WEB)/dist/app/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	@echo "building the web app"
	@cd $(WEB) && npm run --silent build
	@touch $@

## ---- checking

SEED    ?= 0
SEEDS   ?= 300
SCHOOLS ?= 50000
DAYS    ?= 30
FROM    ?= 1
MUTANTS ?= all

.PHONY: test lint verify generate unit sim soak mutants e2e e2e-full browser screenshots bench postgres
test: ## Run everything that can break; prints the time of each part
	@.ci/test

lint: $(LINT) ## Run golangci-lint (pinned) over every module
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(LINT) run -c $(CURDIR)/.golangci.yml ./...) || failed=1; done; test -z "$${failed:-}"

$(LINT): Makefile
	@echo "installing golangci-lint $(LINT_VERSION)"
	@mkdir -p $(CACHE)/bin && GOFLAGS= GOWORK=off CGO_ENABLED=0 GOBIN=$(CACHE)/bin go install -trimpath -ldflags="-s -w" github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@touch $@

# The appliance's document first: the cloud's test joins it with its own.
generate: $(WEB)/node_modules/.package-lock.json ## Write the generated files: routes, openapi.json, API types, page of records
	@cd edge && go test -count=1 -run UpToDate ./internal/app -write
	@cd cloud && go test -count=1 -run UpToDate ./internal/app -write
	@cd shared && go test -count=1 -run UpToDate ./registry -write
	@cd shared && go test -count=1 -run UpToDate ./personal -write
	@cd $(WEB) && npm run --silent generate

verify: $(BIN)/uhs-verify $(WEB)/node_modules/.package-lock.json ## Check the generated files and the size limits; prints the ten largest
	@cd edge && go test -count=1 -run UpToDate ./internal/app
	@cd cloud && go test -count=1 -run UpToDate ./internal/app
	@cd shared && go test -count=1 -run UpToDate ./registry
	@cd shared && go test -count=1 -run UpToDate ./personal
	@mkdir -p $(CACHE) && cp $(WEB)/src/api/schema.gen.ts $(CACHE)/schema.gen.ts
	@cd $(WEB) && npm run --silent generate
	@cmp -s $(CACHE)/schema.gen.ts $(WEB)/src/api/schema.gen.ts || { cp $(CACHE)/schema.gen.ts $(WEB)/src/api/schema.gen.ts; echo "schema.gen.ts is out of date: run make generate"; exit 1; }
	@$(BIN)/uhs-verify -root $(CURDIR)

unit: $(BIN)/uhs-postgres ## Run the Go unit and store tests on real PostgreSQL and SQLite
	@$(BIN)/uhs-postgres -- .ci/unit

sim: ## Simulate schools and their cloud in trouble, without a database: make sim SEEDS=1000, or make sim SEED=7 to see one run
	@cd shared && go test -count=1 -v -timeout 30m ./syncer/simtest -run TestSchoolsAndCloudAgree -args -seed $(SEED) -seeds $(SEEDS)

soak: ## Simulate 50,000 schools over 30 days, 20 at a time: make soak, or a part of it: make soak SCHOOLS=2000 FROM=101
	@cd shared && go test -count=1 -v -timeout 24h ./syncer/simtest -run TestManySchoolsForManyDays -args -soak $(SCHOOLS) -days $(DAYS) -from $(FROM)

mutants: ## Put deliberate faults into the engine and let the simulation find each: make mutants, or MUTANTS="a part of a name"
	@cd shared && go test -count=1 -v -timeout 4h ./syncer/simtest -run 'TestTheDeliberateFaults|TestDeliberateFaults' -args -mutants "$(MUTANTS)"

e2e: build crash-binaries $(BIN)/uhs-ollama $(BIN)/uhs-rates ## Run the main job on the built binaries, with the link cut, the processes killed and the files damaged
	@cd installer && UHS_BIN=$(BIN) go test -count=1 -timeout 30m ./e2e/...

e2e-full: build crash-binaries ## The crash tests in full: every point 10 times on each side
	@cd installer && UHS_BIN=$(BIN) UHS_FULL=10 go test -count=1 -v -timeout 60m -run TestCrashPoints ./e2e/...

browser: build ## Drive the pages of all roles in Chromium, and let axe read those of sign-in, people and safety
	@.ci/prerequisites chromium
	@cd installer && UHS_BIN=$(BIN) UHS_BROWSER=1 go test -count=1 -timeout 10m -run TestBrowser ./e2e/...

screenshots: build ## Take the pictures of README anew
	@.ci/prerequisites chromium
	@mkdir -p docs/screenshots
	@cd installer && UHS_BIN=$(BIN) UHS_SHOTS=$(CURDIR)/docs/screenshots go test -count=1 -timeout 10m -run TestBrowser ./e2e/...

bench: build $(BIN)/uhs-rates ## Measure everything: pages, memory, arrival of backlogs, the sync engine against bare databases
	@$(BIN)/uhs-bench -bin $(BIN) -content $(CONTENT)

bench-%: build $(BIN)/uhs-rates ## Measure one part: make bench-month, bench-snapshot, bench-rates; the names are in uhs-bench -help
	@$(BIN)/uhs-bench -bin $(BIN) -content $(CONTENT) -only $*

.PHONY: farm storm
storm: $(BIN)/uhs-postgres ## A thousand appliances catch up at once: memory of the cloud, fairness: make storm STORM_EVENTS=1000 STORM_FRAME=100
	@cd cloud && $(BIN)/uhs-postgres -- go test ./internal/fleet -count=1 -v -run TestTheStorm -timeout 6h -storm.schools=$(or $(STORM_SCHOOLS),1000) -storm.events=$(or $(STORM_EVENTS),10000) -storm.frame=$(or $(STORM_FRAME),1000)

farm: ## Measure what 10 to 500 schools cost the hub: memory, goroutines, descriptors, processor
	@cd cloud && go test ./internal/hub -count=1 -v -run TestTheFarm -timeout 60m -farm.sizes=10,50,100,250,500 -farm.idle=15s -farm.load=50

.PHONY: security
security: ## Look for weaknesses: gosec, staticcheck, gitleaks, a short fuzz of every parser
	@.ci/security $(or $(SECONDS_EACH),5)

.PHONY: fuzz-api sqlmap
fuzz-api: build ## Fuzz the API of a demo by its openapi.json, as everybody: make fuzz-api EXAMPLES=20
	@EXAMPLES=$(or $(EXAMPLES),5) .ci/with-demo installer/security/fuzz-api

sqlmap: build ## Let sqlmap try every parameter of a demo's cloud, as an admin: make sqlmap MINUTES=60
	@MINUTES=$(or $(MINUTES),30) .ci/with-demo installer/security/sqlmap

.PHONY: fuzz
fuzz: ## Fuzz every decoder for a while: make fuzz SECONDS_EACH=60
	@.ci/fuzz $(or $(SECONDS_EACH),20)

postgres: $(BIN)/uhs-postgres ## Run a private PostgreSQL for development and print TEST_DATABASE_URL
	@exec $(BIN)/uhs-postgres -dir $(CACHE)/postgres -port 55432
