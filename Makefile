# Only Python 3.11+, make and access to the package registries are assumed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
TESTS := $(BIN)/pytest
# Two at a time: half of them wait for a daemon most of the time. Each file stays with one worker, those that take
# longest come first (tests/conftest.py), so that none is left over for the end.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-large bench-pages soak lint types imports format dist clean

help:
	@echo "make run    install what is needed, build the web assets, start the demo"
	@echo "make test   lint, types, import rules and every test, with the real peers"
	@echo "make check  lint, types, import rules and the fast tests"
	@echo "make bench  the benchmarks"
	@echo "make bench-large  pages over two years of usage, 50 million slices"
	@echo "make bench-pages  every page over 20,000 subscribers, and log-ins beside people who click"
	@echo "make soak   the long ones"

# -- what is installed, each with a stamp so that a second run works offline ----------------------------------------

$(VENV)/.run-stamp: lock/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "netbilld needs Python 3.11 or newer; name one: make PYTHON=python3.12 run")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r lock/run.txt
	$(PIP) install --no-build-isolation --no-deps --editable .
	$(BIN)/python -m compileall -q netbilld  # a command must not compile the program first, where Python may not write
	@touch $@

$(VENV)/.dev-stamp: $(VENV)/.run-stamp lock/dev.txt
	$(PIP) install --require-hashes -r lock/dev.txt
	@touch $@

$(VENV)/.web-stamp: $(VENV)/.run-stamp web/package.json web/package-lock.json scripts/build_web.py
	$(BIN)/python scripts/build_web.py
	@touch $@

.PHONY: peers
peers:
	scripts/install-peers

# -- what one types -------------------------------------------------------------------------------------------------

run: $(VENV)/.run-stamp $(VENV)/.web-stamp
	$(BIN)/netbilld demo

lint: $(VENV)/.dev-stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev-stamp
	$(BIN)/mypy

imports: $(VENV)/.dev-stamp
	$(BIN)/lint-imports

check: lint types imports $(VENV)/.web-stamp
	$(TESTS) -q -m "not slow and not soak and not peer"

test: peers lint types imports $(VENV)/.web-stamp
	$(TESTS) $(PARALLEL) -m "not soak"

soak: peers $(VENV)/.dev-stamp $(VENV)/.web-stamp
	$(TESTS) -m soak

bench: $(VENV)/.dev-stamp $(VENV)/.web-stamp
	scripts/install-peers bench
	$(BIN)/python -m benchmarks.run

bench-large: $(VENV)/.dev-stamp $(VENV)/.web-stamp
	scripts/install-peers
	$(BIN)/python -m benchmarks.large

bench-pages: $(VENV)/.dev-stamp $(VENV)/.web-stamp
	scripts/install-peers
	$(BIN)/python -m benchmarks.pages

format: $(VENV)/.dev-stamp
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

dist: $(VENV)/.dev-stamp $(VENV)/.web-stamp
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) web/node_modules web/static/vendor dist build benchmarks/build .mypy_cache .ruff_cache .pytest_cache
