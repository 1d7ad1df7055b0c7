# Fairlead: everything a newcomer needs is `make demo` and `make test`.
GO ?= go

.PHONY: demo test tools bench check cover-fuzz

demo: ## the main job: a hub, made-up agencies and a story on this machine; Ctrl-C ends it
	$(GO) run ./cmd/fairlead-demo

test: ## all tests, with real NATS, OpenPGP, SQLite and files
	$(GO) test ./...

tools: ## what the checks need beside Go; pages and their browser come with the gateway
	$(GO) build -o bin/ honnef.co/go/tools/cmd/staticcheck golang.org/x/tools/cmd/deadcode mvdan.cc/gofumpt
	@python3 -c 'import cryptography' 2>/dev/null || { apt-get update -q && apt-get install -qy python3-cryptography; } || \
		echo "python3-cryptography is not here: the test with the outside verifier will be skipped, loudly"

bench: ## speed, as ratios in one run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./internal/hubtest ./internal/keyring ./internal/seal ./internal/tlog
	GOMAXPROCS=1 $(GO) test -run '^$$' -bench . -benchtime 2s ./internal/policy # a country of agreements, per core

check: tools ## format, vet, lint, dead code, tidy
	@test -z "$$(bin/gofumpt -l -extra .)" || { echo "gofumpt:"; bin/gofumpt -l -extra .; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	bin/staticcheck -checks=all ./...
	@out="$$(bin/deadcode -test ./...)"; test -z "$$out" || { echo "dead code:"; echo "$$out"; exit 1; }
