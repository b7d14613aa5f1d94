# Users are promised three targets: `make run`, `make shop` and `make test`. The others serve those who change hubbub.

GO ?= go
FUZZTIME ?= 30s
SOAK ?= 1m
# The race detector looks at our code and not at SQLite's, which is translated from C with locks of its own: with it that is ten times slower.
# Nothing else may be left out: generic code of the standard library, such as sync.Map, is compiled with whoever uses it, and where the
# linker takes the copy that the detector does not see into, it reports races that there are not.
RACE = -race -gcflags='modernc.org/sqlite/lib=-race=false'
KILLS ?= 300
CHAOS ?= 10m

.PHONY: run shop test deps fmt vet cross test-go test-portable test-examples build-bench bench generate fuzz soak chaos

# Starts the server in development mode on http://localhost:8080; it needs nothing but Go.
run:
	$(GO) run ./cmd/hubbub serve --dev

# Opens the shop of examples/shop: two services with the gateway in front of them, and a page, on http://localhost:8090.
shop:
	cd examples && $(GO) run ./shop

# Everything that must hold before a change lands, cheap checks first. It installs what it needs (Debian: apt, npm).
test: deps fmt vet cross test-go test-portable test-examples build-bench

deps:
	scripts/install-test-deps

# Fails and names the files that gofmt would change.
fmt:
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$files" ]; then echo "run gofmt -w on:" $$files >&2; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags portable ./ws/... ./internal/reactor/...

# The other systems run the goroutine-per-conn engine; here we can only see that it compiles: the binary, and the tests of the
# packages that differ.
cross:
	GOOS=darwin $(GO) build ./cmd/... && GOOS=darwin $(GO) vet ./ws/... ./internal/reactor/... ./internal/testkit ./driver/sqlite
	GOOS=windows $(GO) build ./cmd/... && GOOS=windows $(GO) vet ./ws/... ./internal/reactor/... ./internal/testkit ./driver/sqlite

test-go:
	$(GO) test $(RACE) ./...

# The engine of the other systems, on this one.
test-portable:
	$(GO) test -race -tags portable ./ws/... ./internal/reactor/...

test-examples:
	cd examples && $(GO) vet ./... && $(GO) test -race ./...

build-bench:
	cd bench && $(GO) build -o /dev/null ./... && $(GO) vet ./...

# Measures hubbub beside its peers and writes docs/benchmarks.md. With SCENARIOS or SERVERS it measures only those and prints the page.
bench:
	cd bench && $(GO) run ./run $(if $(SCENARIOS),-scenarios $(SCENARIOS)) $(if $(SERVERS),-servers $(SERVERS))

# Writes the typed queries of the stores anew, after a change of their migrations or queries. The generator has a module of its own.
generate:
	cd driver/sqlite && $(GO) tool -modfile=../../tools/go.mod sqlc generate
	cd driver/postgres && $(GO) tool -modfile=../../tools/go.mod sqlc generate

# Runs every fuzz target for FUZZTIME.
fuzz:
	scripts/fuzz $(FUZZTIME)

# Churns connections for SOAK and looks for what they leave behind; then cuts clients off for as long and looks for what they miss;
# then kills a process that writes to a store KILLS times, and a whole server as often, and looks for what is lost or doubled; and
# damages the files of a store as often, and looks for what is lost in silence.
soak:
	HUBBUB_CHURN=$(SOAK) HUBBUB_CHURN_CONNS=10000 $(GO) test -race -run TestChurn -count=1 -timeout 30m -v ./ws
	HUBBUB_RECOVERY=$(SOAK) $(GO) test $(RACE) -run TestRecovery -count=1 -timeout 30m -v ./gateway
	HUBBUB_KILLS=$(KILLS) $(GO) test $(RACE) -run TestKill -count=1 -timeout 60m -v ./driver/sqlite ./cmd/hubbub
	HUBBUB_DAMAGES=$(KILLS) $(GO) test $(RACE) -run TestDamageIsNeverSilent -count=1 -timeout 60m -v ./driver/sqlite

# Lets gateways on Redis and PostgreSQL live for CHAOS, in all, while everything happens to them that can, and compares what is left with
# what people were told. SEED repeats the faults of a run, SERVERS=redis,sentinel,cluster names the servers to stand on, and
# FAULTS='a gateway is killed,Redis*' the faults.
chaos:
	HUBBUB_CHAOS=$(CHAOS) HUBBUB_CHAOS_SEED=$(SEED) HUBBUB_CHAOS_SERVERS=$(SERVERS) HUBBUB_CHAOS_FAULTS='$(FAULTS)' \
		$(GO) test -race -run TestChaos -count=1 -timeout 0 -v ./internal/chaos
