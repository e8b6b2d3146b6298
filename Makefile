# Everything that is done with this repository has a target here; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO ?= go
BIN := bin
DIST := dist
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# -s -w leave out what only a debugger reads.
LDFLAGS := -s -w -X horae/internal/version.version=$(VERSION)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# More flags for go test in the targets test and test-race, for example TESTFLAGS=-v.
TESTFLAGS ?=

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/manager, bin/horae and bin/devcluster
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

# The tag leaves the dev cluster out. -trimpath makes everything be compiled anew, so only here.
.PHONY: release
release: ## Build dist/manager and dist/horae for production, without the dev cluster
	$(GO) build -tags production -trimpath -ldflags '$(LDFLAGS)' -o $(DIST)/ ./cmd/manager ./cmd/horae

.PHONY: run
run: build ## Build, then start the whole system on loopback with a few example Jobs
	./hack/run.sh

.PHONY: test
test: ## Run the tests, but for those that need minutes or a machine that keeps up
	$(GO) test $(TESTFLAGS) -timeout 15m ./...

# SEED=n repeats the decisions of test/robustness.
.PHONY: test-failures
test-failures: ## Run the tests under failures that `test` leaves out: etcd, Mesos, managers fail around real processes (five minutes)
	$(GO) test -count=1 -timeout 20m ./test/e2e -e2e.failures
	$(ROBUSTNESS) -run TestRobustness -robustness.duration=1m $(ARGS)

.PHONY: test-race
test-race: ## Run the tests under the race detector
	$(GO) test -race $(TESTFLAGS) -timeout 30m ./...

.PHONY: test-long
test-long: ## Run the suites that take minutes: every IANA zone over ten years, longer properties
	$(GO) test -timeout 30m ./internal/schedule -schedule.full

.PHONY: e2e
e2e: build ## Run the system as a user would: binaries, kill -9, real processes
	$(GO) test -count=1 -v -timeout 15m ./test/e2e -e2e.full

# SEED=n repeats the decisions of a run; ARGS adds flags: see test/robustness/README.md.
ROBUSTNESS = $(GO) test -count=1 -v -timeout 2h ./test/robustness -robustness.seed=$(or $(SEED),0)

.PHONY: robustness
robustness: ## Jepsen's test of Chronos, stricter: everything around Horae fails for ten minutes, in a mix that SEED decides
	$(ROBUSTNESS) -run TestRobustness -robustness.duration=10m -robustness.jobs=150 $(ARGS)

.PHONY: robustness-each
robustness-each: ## The same with each fault alone (about half an hour)
	$(ROBUSTNESS) -run TestEachFaultAlone -robustness.each -robustness.duration=50s $(ARGS)

.PHONY: robustness-jepsen
robustness-jepsen: ## Jepsen's own test of Chronos: its constants, its checker, the leader partitioned away for minutes (15 minutes)
	$(ROBUSTNESS) -run TestRobustness -robustness.mode=jepsen -robustness.compress=1 -robustness.jobs=0 -robustness.duration=850s \
		-robustness.faults=isolate -robustness.hold=25 $(ARGS)

.PHONY: test-zookeeper
test-zookeeper: ## Find Mesos masters in a real ZooKeeper (Debian: apt-get install zookeeper default-jre-headless)
	@test -e /usr/share/java/zookeeper.jar && command -v java >/dev/null || { echo "ZooKeeper or Java is not installed: apt-get install zookeeper default-jre-headless" >&2; exit 1; }
	HORAE_TEST_ZOOKEEPER=1 $(GO) test -count=1 -v -timeout 10m -run ZooKeeper ./internal/mesos/discovery ./test/e2e

.PHONY: perturb
perturb: ## Disturb a manager at each of its effects and compare the ends (a quarter of an hour or more)
	$(GO) test -count=1 -timeout 120m -parallel 6 ./test/robustness/perturb -perturb.full -v

# ARGS adds flags: see test/attack.
.PHONY: attack
attack: ## Play what might stop a manager against one with a memory limit, while 100 Runs a second are due (a quarter of an hour)
	$(GO) test -count=1 -v -timeout 40m ./test/attack -run TestAttacks -attack.full $(ARGS)

.PHONY: fuzz
fuzz: ## Fuzz the parsers for a minute each
	./hack/fuzz.sh

.PHONY: bench
bench: build ## Runs per second and lateness beside this machine's raw etcd, as ratios (about four minutes)
	$(GO) run ./hack/bench throughput

.PHONY: bench-scale
bench-scale: build ## 100,000 idle Jobs: memory per Job, idle CPU, time to ready
	$(GO) run ./hack/bench scale

.PHONY: bench-takeover
bench-takeover: build ## From the leader's kill -9, and from its SIGTERM, to its successor's first launch, beside the lease (about two minutes)
	$(GO) run ./hack/bench takeover

.PHONY: lint
lint: ## Run golangci-lint, pinned (the first run builds it)
	$(GO) run $(GOLANGCI) run ./...

.PHONY: generate
generate: ## Generate deepcopy functions, CRD schemas and JSON Schemas
	./hack/generate.sh

.PHONY: verify
verify: ## Prove that what is generated is current, and that format, vet and go.mod are clean
	./hack/verify.sh

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN) $(DIST)
