# Bowline's front door. `make help` lists what is here.

SWIFT_SOURCES = Package.swift Sources Tests
# Rooms are modules, and small functions that cross them are inlined at link time: 18 % fewer
# instructions a proxied request.
RELEASE = --configuration release --static-swift-stdlib --product bowline \
	--experimental-lto-mode=full
BINARY = .build/release/bowline

.DEFAULT_GOAL := help
.PHONY: help setup swift-present build run test lint test-debug test-release test-end-to-end \
	test-asan test-tsan test-bench interop soak race race-quick reuse conformance bench bench-quick \
	bench-parser fuzz fuzz-corpora simulate simulate-bugs format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: swift-present ## install what tests and benchmarks need and this machine lacks
	@Scripts/setup.sh

swift-present:
	@command -v swift > /dev/null || { \
	  echo "No 'swift' on PATH. Bowline needs Swift 6.2 or later: https://www.swift.org/install" >&2; \
	  exit 1; }

build: swift-present ## build .build/release/bowline, the Swift runtime linked in
	swift build $(RELEASE)

run: build ## build, then start the demo (Ctrl-C ends it)
	@exec $(BINARY) demo

test: lint test-debug test-release simulate test-bench test-end-to-end ## all that must pass before a merge

lint: swift-present ## check the formatting; changes nothing
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)

test-debug: swift-present ## unit tests and Tidy, debug
	swift test --disable-xctest

test-release: swift-present ## the same in release: only there can BoundsTests see the hole
	swift test --disable-xctest --configuration release

test-end-to-end: build ## real processes and real sockets, with the binary that is shipped
	@Tests/EndToEnd/run.sh

interop: build ## with real peers: nginx, Apache, HAProxy, curl, Chromium, WebSocket, slowhttptest
	@Scripts/setup.sh interop
	@Tests/Interop/run.py

test-asan: swift-present ## every test under the address sanitizer, leaks of the binary too
	@Scripts/sanitize.sh address

test-tsan: swift-present ## every test under the thread sanitizer
	@Scripts/sanitize.sh thread

soak: build ## ten minutes of hostile clients and a hostile origin (SOAK_SECONDS, SEED)
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} Tests/EndToEnd/soak.py

race: build ## the keep-alive race, beside nginx and HAProxy, three minutes (SEED, MANNER)
	@Scripts/race/race.py

race-quick: build ## Bowline alone, ten seconds
	@Scripts/race/race.py --quick

reuse: build ## connections opened for 1,000,000 requests, beside nginx and HAProxy (REQUESTS)
	@Scripts/race/reuse.py

test-bench: ## the page of `make bench` from a fixture, its origin and its tunnels
	python3 -B -m unittest discover --start-directory Tests/Bench --pattern '*_test.py'

conformance: swift-present ## write what docs/conformance.md and docs/pool.md have from the code
	BOWLINE_UPDATE=1 swift test --disable-xctest --filter 'conformancePageIsCurrent|PoolPageTests'

bench: build ## beside nginx, HAProxy and Squid, ten minutes; writes docs/performance.*
	@python3 -B Scripts/bench/bench.py

bench-quick: build ## one scenario of it in half a minute; writes nothing
	@python3 -B Scripts/bench/bench.py --quick

bench-parser: swift-present ## what reading a head costs, in ns and instructions, a minute
	swift build $(subst --product bowline,--product ParserBench,$(RELEASE))
	@Scripts/bench-parser.sh

fuzz: swift-present ## each fuzz target for FUZZ_SECONDS (30), from its corpus in Fuzz
	@Scripts/fuzz.sh

fuzz-corpora: swift-present ## the same, then keep what reached other code in Fuzz/Corpora
	@Scripts/fuzz.sh --fold

simulate: swift-present ## seeds of the simulator: SEEDS (2000) from FIRST (1), or one with SEED
	@Scripts/simulate.sh

simulate-bugs: swift-present ## five bugs put in by flags, each of which the simulator must find
	@Scripts/simulate-bugs.sh

format: swift-present ## format every Swift file in place
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

clean: ## remove what the build made
	rm -rf .build
