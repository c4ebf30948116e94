# make run     the gateway on 127.0.0.1:3811, with a vendor in a box where no key is configured
# make test    everything that a fresh machine needs, then `make check`, then all tests
# make help    the rest
#
# Needed: make and Python 3.11 or later with venv; for `make test` also node, npm and cc.

PYTHON ?= python3
SECONDS ?= 60
CONF ?= conf/gateway.yaml

VENV := .venv
BIN := $(VENV)/bin
NODE := tests/live/node
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PEERS := .peers
OURS := targon_gw twisted tests bench

# A clean clone has no .venv; these files remember what it holds, and are older than pyproject.toml where that changed.
INSTALLED := $(VENV)/installed
TESTABLE := $(VENV)/installed-for-tests
FUZZABLE := $(VENV)/installed-for-fuzzing
NODE_MODULES := $(NODE)/node_modules/.installed

.NOTPARALLEL:
.PHONY: run test test-slow test-long check format bench-quick bench bench-peers bench-report bench-more bench-latency bench-memory bench-growth bench-lag bench-path bench-pages promises promises-quick screenshots fuzz clean help need-python need-for-tests

run: $(INSTALLED)
	@exec $(BIN)/targon-gw demo -c $(CONF)

test: need-for-tests $(TESTABLE) $(NODE_MODULES) check
	$(BIN)/python -m pytest

check: $(TESTABLE)
	$(BIN)/ruff format --check $(OURS)
	$(BIN)/ruff check $(OURS)
	$(BIN)/mypy

format: $(TESTABLE)
	$(BIN)/ruff format $(OURS)
	$(BIN)/ruff check --fix $(OURS)

# The pages on a machine six times as slow, with answers that come late: no test may look before a page has changed.
test-slow: $(TESTABLE) $(NODE_MODULES)
	BROWSER_SLOWED=6 BROWSER_LATE=150 $(BIN)/python -m pytest tests/browser --deselect tests/browser/test_screenshots.py

test-long: $(TESTABLE)
	HYPOTHESIS_LONG=1 $(BIN)/python -m pytest tests/core

# AGAINST=HEAD~1: this tree beside that revision, which fails where a figure is worse by more than a tenth.
bench-quick: $(INSTALLED)
	$(BIN)/python -m bench.compare --quick $(if $(AGAINST),--against $(AGAINST)) $(BENCH)

bench: $(INSTALLED)
	$(BIN)/python -m bench.compare $(BENCH)

# Each by itself: one that this machine cannot have must not keep the others away.
bench-peers: need-python
	$(PYTHON) -m venv $(PEERS)
	@grep -v '^#' bench/peers.txt | while read -r peer; do echo "$$peer"; \
	  $(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install "$$peer" || echo "$$peer is left out"; done
	@cp bench/peers-node.json $(PEERS)/package.json; echo @portkey-ai/gateway; \
	npm install --prefix $(PEERS) --no-audit --no-fund --no-package-lock || echo "@portkey-ai/gateway is left out"
	@for peer in nginx haproxy; do PATH="$$PATH:/usr/sbin" command -v $$peer >/dev/null \
	  || echo "$$peer is not here, and is left out (Debian: apt install $$peer)"; done

# Each measure by itself: bench-latency, bench-memory, bench-growth, bench-lag, bench-path, bench-pages; less of it:
# BENCH=--quick.
bench-latency bench-memory bench-growth bench-lag bench-path bench-pages: bench-%: $(INSTALLED)
	$(BIN)/python -m bench.$* $(BENCH)

bench-more: bench-latency bench-memory bench-growth bench-lag bench-path bench-pages

bench-report: $(INSTALLED)
	$(BIN)/python -m bench.report

promises-quick: $(TESTABLE)
	$(BIN)/python -m pytest tests/promises

# PROMISES="--only timing,memory" for some of them, --record to write the table of docs/promises.rst.
promises: $(TESTABLE)
	$(BIN)/python -m tests.promises.all $(PROMISES)

# The pictures of docs/pages.rst, by the browser tests.
screenshots: $(TESTABLE) $(NODE_MODULES)
	SCREENSHOTS=1 $(BIN)/python -m pytest tests/browser/test_screenshots.py

# FUZZ="stream --seed 7" for one target; what is found stays in .fuzz/.
fuzz: $(FUZZABLE)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(FUZZ)

clean:
	rm -rf $(VENV) $(PEERS) $(NODE)/node_modules dist .fuzz .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f twisted/plugins/dropin.cache
	find targon_gw twisted tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@echo "make run          start it: CONF=conf/gateway.yaml, PYTHON=python3"
	@echo "make test         install what tests need, check, run all tests"
	@echo "make test-long    the core's property tests at length"
	@echo "make test-slow    the pages on a slow machine"
	@echo "make check        formatting, lint, types"
	@echo "make format       put the formatting right"
	@echo "make bench-quick  the gateway beside the plain relay, in under a minute"
	@echo "                  AGAINST=HEAD~1: beside that revision; fails where a figure is worse by more than a tenth"
	@echo "make bench        beside nginx, haproxy and other gateways too, where installed; BENCH='--rounds 5'"
	@echo "make bench-peers  install those others, into .peers"
	@echo "make bench-more   added latency, memory, what growth and open pages cost, how long the loop stands"
	@echo "                  still; each: bench-latency, bench-memory, bench-growth, bench-lag, bench-path, bench-pages;"
	@echo "                  less of it: BENCH=--quick"
	@echo "make bench-report the figures and charts of docs/performance.rst, out of docs/performance/*.json"
	@echo "make promises     each promise of docs/promises.rst at length, and one table of figures: two hours, one of them the"
	@echo "                  soak; some of them: PROMISES='--only timing,memory'; promises-quick: all in short, three minutes"
	@echo "make fuzz         the parsers under atheris, a minute each: SECONDS=60; Linux on x86-64 alone"
	@echo "make screenshots  the pictures of docs/pages.rst, anew"
	@echo "make clean        remove what the others made"

$(VENV)/bin/python: | need-python
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(INSTALLED): pyproject.toml $(VENV)/bin/python
	$(PIP) install -e .
	@touch $@

$(TESTABLE): pyproject.toml $(VENV)/bin/python
	$(PIP) install -e '.[test]'
	@touch $@ $(INSTALLED)

$(FUZZABLE): $(TESTABLE)
	$(PIP) install -e '.[test,fuzz]'
	@touch $@

$(NODE_MODULES): $(NODE)/package.json
	npm install --prefix $(NODE) --no-audit --no-fund --no-package-lock
	@touch $@

need-python:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "targon-gw needs Python 3.11 or later with the venv module (Debian: apt install python3-venv);"; \
	  echo "'$(PYTHON)' is not that one. Another one: make PYTHON=python3.12 ..."; exit 1; } >&2

need-for-tests: need-python
	@missing=; for tool in node npm cc; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
	  echo "make test needs what is not here:$$missing (Debian: apt install nodejs npm gcc libc6-dev)."; \
	  echo "Tests that need none of them: $(BIN)/python -m pytest, after make check."; exit 1; fi >&2
	@missing=; for tool in strace slowhttptest faketime; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
	  echo "not here:$$missing (Debian: apt install$$missing); tests that need them are left out, and fail under CI=true."; \
	  case "$$CI" in true|1) exit 1;; esac; fi >&2
