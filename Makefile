# `make` lists what there is. Works with GNU make from 3.81 on, as macOS ships it.

PYTHON = python3
HOST   = 127.0.0.1
PORT   = 8000
ARGS   =

VENV  := .venv
NEWEST := .venv-newest
GENERATORS := .venv-generators
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP   := $(BIN)/python -m pip -qq --disable-pip-version-check

# One environment in three sizes; the larger holds the smaller, and its stamp says so.
INSTALL_RUN  := $(STAMP)-run
INSTALL_TEST := $(STAMP)-test
INSTALL_LINT := $(STAMP)-lint

.DEFAULT_GOAL := help
.PHONY: help run shell check test test-newest environment chromium pgbouncer promtool php generators screenshots catalogues notice lint format bench bench-million check-install constraints clean
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: ## start a server with a demo account and a few orders (HOST=, PORT=)
	@$(call need-python)
	@$(PYTHON) src/packhouse/cli/ports.py $(HOST) $(PORT) || { echo "Choose another: make run PORT=…" >&2; exit 1; }
	@$(MAKE) --no-print-directory $(INSTALL_RUN)
	@echo "Starting $(BIN)/packhouse demo run. (make shell opens a shell in which it is called packhouse.)"
	@PYTHONDONTWRITEBYTECODE= PACKHOUSE_DATABASE_URL=sqlite:///packhouse.db $(BIN)/packhouse demo run --host $(HOST) --port $(PORT)

shell: $(INSTALL_RUN) ## open a shell in which the command is called packhouse
	@echo "Try packhouse --help. exit ends this shell."
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec "$${SHELL:-/bin/sh}" -i

# What runs in this process on SQLite: a minute at most, for every save.
check: $(INSTALL_TEST) ## run the quick tests: in process, on SQLite alone (ARGS="-k upsert -x")
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -m "not processes and not postgresql and not thorough" $(ARGS)

# Some hundred processes are started: where the environment forbids to keep bytecode, each would compile all of it anew.
# What Schemathesis makes up follows the order of sets: with a fixed seed it is the same on every machine.
test: $(INSTALL_TEST) chromium pgbouncer promtool php generators ## run all tests (ARGS="-k upsert -x", ARGS=--durations=25 for the slowest)
	@PYTHONDONTWRITEBYTECODE= PYTHONHASHSEED=0 $(BIN)/python -m pytest $(ARGS)

# In an environment of its own, made anew each time: what is found here is what who installs Packhouse today would find.
test-newest: chromium pgbouncer promtool php generators ## run all tests with the newest dependencies instead of the pinned ones (PYTHON=, ARGS=)
	@$(call need-python)
	@rm -rf $(NEWEST)
	@$(PYTHON) -m venv $(NEWEST)
	@echo "Installing Packhouse and the newest of all that it needs in $(NEWEST) …"
	@$(NEWEST)/bin/python -m pip -qq --disable-pip-version-check install --upgrade --editable '.[test]'
	@PYTHONDONTWRITEBYTECODE= $(NEWEST)/bin/python -m pytest $(ARGS)

environment: $(INSTALL_LINT) chromium pgbouncer promtool php generators ## install whatever the tests and checks need

chromium: ## make sure that there is a browser for the tests of the page
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || { $(call install-debian,chromium); }

pgbouncer: ## make sure that there is a connection pooler for the tests of PostgreSQL
	@command -v pgbouncer > /dev/null || test -x /usr/sbin/pgbouncer || { $(call install-debian,pgbouncer); }

promtool: ## make sure that there is a promtool for the tests of the alerts
	@command -v promtool > /dev/null || { $(call install-debian,prometheus); }

php: ## make sure that there is a PHP for the tests of the examples
	@command -v php > /dev/null || { $(call install-debian,php-cli); }

generators: ## make sure that there are generators of clients for the tests of the API's document
	@command -v npm > /dev/null || { $(call install-debian,nodejs npm); }
	@! command -v npm > /dev/null || $(MAKE) --no-print-directory $(GENERATORS)/.installed

screenshots: $(INSTALL_TEST) chromium ## make the pictures of the page in docs/
	@$(BIN)/python -m tests.browser.screenshots

catalogues: $(INSTALL_TEST) ## put new texts of the page into the catalogues of its languages, and take old ones out
	@$(BIN)/python -m tests.web.catalogues

notice: $(INSTALL_TEST) ## write the licences of what is installed into NOTICE
	@$(BIN)/python -m tests.notice

lint: $(INSTALL_LINT) ## check style, format, types and the ladder of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALL_LINT) ## put the code in the house's format and apply the safe fixes
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

bench: $(INSTALL_TEST) ## measure against the physical limit, in one run (ARGS=)
	@$(BIN)/python -m bench $(ARGS)

bench-million: $(INSTALL_TEST) ## measure lists over a million orders, in 8 minutes (ARGS=)
	@$(BIN)/python -m bench.million $(ARGS)

# In a place of its own: what is tested here is that the package needs nothing of this checkout.
check-install: ## build the package, install it afresh and ask it for its version and help
	@$(call need-python)
	@set -e; place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	$(PYTHON) -m venv "$$place/venv"; \
	pip="$$place/venv/bin/python -m pip -qq --disable-pip-version-check"; \
	$$pip wheel --no-deps --wheel-dir "$$place" .; \
	$$pip install --no-compile --constraint constraints.txt "$$place"/packhouse-*.whl; \
	cd "$$place"; \
	venv/bin/packhouse --version; \
	venv/bin/packhouse --help > /dev/null; \
	venv/bin/python -c 'import packhouse.app, packhouse.cli, packhouse.cli.lazy; packhouse.cli.lazy.load()'; \
	echo "The package installs and answers."

constraints: ## resolve every dependency anew and pin it in constraints.txt
	@$(call need-python)
	@set -e; place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	$(PYTHON) -m venv "$$place/venv"; \
	pip="$$place/venv/bin/python -m pip --disable-pip-version-check"; \
	$$pip install -qq '.[lint]'; \
	$$pip list --format=freeze --exclude packhouse --exclude pip --exclude setuptools --exclude wheel \
		> "$$place/pins"; \
	LC_ALL=C sort -f "$$place/pins" > constraints.txt
	@echo "Pinned $$(wc -l < constraints.txt | tr -d ' ') packages in constraints.txt."

clean: ## remove the environment, caches and builds (never a database)
	rm -rf $(VENV) $(NEWEST) $(GENERATORS) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(call need-python)
	@echo "Making an environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# Python compiles what it imports, a part of all of it: to have pip do so would double the wait for the first start.
$(INSTALL_RUN): $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Packhouse and the packages it needs in $(VENV) …"
	@$(PIP) install --no-compile --constraint constraints.txt --editable .
	@touch $@

$(INSTALL_TEST): $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Packhouse and what its tests need in $(VENV) …"
	@$(PIP) install --constraint constraints.txt --editable '.[test]'
	@touch $(INSTALL_RUN) $@

# Apart from Packhouse's own environment, whose versions they could not share.
$(GENERATORS)/.installed: $(wildcard tests/generators/*.txt) tests/generators/package.json
	@$(call need-python)
	@echo "Installing generators of clients in $(GENERATORS) …"
	@$(PYTHON) -m venv $(GENERATORS)
	@$(GENERATORS)/bin/python -m pip -qq --disable-pip-version-check install \
		--constraint tests/generators/constraints.txt --requirement tests/generators/requirements.txt
	@cp tests/generators/package.json $(GENERATORS)
	@cd $(GENERATORS) && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

$(INSTALL_LINT): $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing Packhouse, its tests and its linters in $(VENV) …"
	@$(PIP) install --constraint constraints.txt --editable '.[lint]'
	@touch $(INSTALL_RUN) $(INSTALL_TEST) $@

# Where that is not for us to do, it is said, and the tests that need it are skipped; not where a change is checked.
define install-debian
if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
echo "Installing $(1) …"; apt-get update -qq && \
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) > /dev/null; \
else echo "Some tests need $(1) (Debian: apt install $(1))." >&2; [ "$$CI" != true ]; fi
endef

# Says what is missing before pip or venv fail in words of their own. Debian keeps ensurepip in a package apart.
define need-python
command -v $(PYTHON) > /dev/null || { echo "Packhouse needs Python 3.11 or newer; there is no $(PYTHON)." >&2; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
{ echo "Packhouse needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try make PYTHON=python3.12 …" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
{ echo "$(PYTHON) cannot make environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef
