# Fairlead: everything a newcomer needs is `make demo` and `make test`.
GO ?= go

.PHONY: demo test tamper tools assets shots bench check cover-fuzz

demo: ## the main job: a hub, made-up agencies and a story on this machine; Ctrl-C ends it
	$(GO) run ./cmd/fairlead-demo

test: ## all tests, with real NATS, OpenPGP, SQLite and files
	$(GO) test -timeout 30m ./...

tamper: ## attacks on the log, run one by one: attack, who notices, how
	@out="$$($(GO) test -count=1 -v -run '^TestTamper$$' ./internal/monitor)" || { echo "$$out"; exit 1; }; \
		echo "$$out" | sed -n 's/^ *tamper: //p'
	@out="$$($(GO) test -count=1 -v -run '^(TestLies|TestGossip|TestProvedRubbish|TestKeySwappedUnlogged|TestUnproved|TestFirstKeyIsOurs)' ./internal/client)" || \
		{ echo "$$out"; exit 1; }; \
		echo "$$out" | sed -n 's/^ *--- PASS: \(Test[^ ]*\) .*/\1/p' | tr _ ' ' | sed 's/^Test//; s/\([a-z]\)\([A-Z]\)/\1 \2/g' | grep / | \
		grep -v '/true$$\|/the same once more$$\|/an older one that was announced$$' | \
		awk -F/ '{printf "%-48s %-25s %s\n", $$2, "the agency itself", $$1 ": alarm, or not shown"}'

assets: ## stylesheet and script of the pages, from npm; without them a plain sheet of ours is embedded
	cd internal/web && npm ci && npm run build

shots: ## pictures of the pages, in shots/
	mkdir -p shots
	FAIRLEAD_SHOTS=$(CURDIR)/shots $(GO) test -count=1 -timeout 30m -run 'TestRoad|TestLooks|TestMistakes|TestPasskey|TestOfflineFile|TestNotice|InBrowser' ./internal/gateway

tools: ## what the checks need beside Go: tools, the built stylesheet, a browser
	@$(MAKE) assets || echo "the stylesheet is not built: the tests of the pages in a browser will be skipped, loudly"
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends chromium fonts-liberation fonts-noto-core; } || \
		echo "Chromium is not here: the tests of the pages in a browser will be skipped, loudly"
	$(GO) build -o bin/ honnef.co/go/tools/cmd/staticcheck golang.org/x/tools/cmd/deadcode mvdan.cc/gofumpt
	@command -v strace >/dev/null || { apt-get update -q && apt-get install -qy strace; } || echo "strace is not here: the test of the log's writer under faults will be skipped, loudly"
	@python3 -c 'import cryptography' 2>/dev/null || { apt-get update -q && apt-get install -qy python3-cryptography; } || \
		echo "python3-cryptography is not here: the test with the outside verifier will be skipped, loudly"

bench: ## speed, as ratios in one run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./cmd/fairlead-gateway ./internal/broker ./internal/gateway ./internal/hubtest ./internal/keyring ./internal/monitor ./internal/seal ./internal/strictjson ./internal/tlog
	GOMAXPROCS=1 $(GO) test -run '^$$' -bench . -benchtime 2s ./internal/policy # a country of agreements, per core

check: tools ## format, vet, lint, dead code, tidy
	@test -z "$$(bin/gofumpt -l -extra .)" || { echo "gofumpt:"; bin/gofumpt -l -extra .; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	bin/staticcheck -checks=all ./...
	@out="$$(bin/deadcode -test ./...)"; test -z "$$out" || { echo "dead code:"; echo "$$out"; exit 1; }
