# Two commands matter: `make run` and `make test`. Both need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TESTS  ?= tests
JOBS   ?= 2

# A build says when its commit was made, and nothing of when it was built: the same commit gives the same files.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)
RELEASED := build/released

.PHONY: run test test-all soak mutants bench schema chart dashboards dist lock audit format lint clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

run: $(VENV)/.installed
	@$(BIN)/tollhouse serve

format: $(VENV)/.developing
	$(BIN)/ruff format gateway tests bench deploy
	$(BIN)/ruff check --fix gateway tests bench deploy

lint: $(VENV)/.developing
	$(BIN)/ruff format --check gateway tests bench deploy
	$(BIN)/ruff check gateway tests bench deploy
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m 'not system and not long' $(TESTS)

test-all: $(VENV)/.developing
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m 'system or long' $(TESTS)

soak: $(VENV)/.developing
	FAULT_JOBS=20000 $(BIN)/pytest -s --timeout 0 -m long tests/crash/test_fault_run.py

mutants: $(VENV)/.developing
	$(BIN)/python -m tests.mutants

bench: $(VENV)/.developing
	$(BIN)/python -m bench $(BENCH)

schema: $(VENV)/.installed
	$(BIN)/tollhouse config schema --write docs/schema

# The Grafana dashboards, and then the chart's copies.
dashboards: $(VENV)/.developing
	$(BIN)/python -m deploy.dashboards
	$(BIN)/python -m deploy.chart

# What the Helm chart repeats from elsewhere.
chart: $(VENV)/.developing
	$(BIN)/python -m deploy.chart

# What is handed out: source, wheel, what the wheel runs with (as a list, and as CycloneDX), and sums of all of it.
dist: $(VENV)/.developing
	rm -rf dist $(RELEASED)
	$(BIN)/python -m build --outdir dist
	$(PYTHON) -m venv --without-pip $(RELEASED)
	$(BIN)/python -m pip --python $(RELEASED)/bin/python install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip --python $(RELEASED)/bin/python install --quiet --disable-pip-version-check --no-deps dist/*.whl
	$(BIN)/cyclonedx-py environment --output-reproducible --output-file dist/sbom.cdx.json $(RELEASED)/bin/python
	$(BIN)/pip-licenses --python $(RELEASED)/bin/python --format markdown --ignore-packages tollhouse --output-file dist/licences.md
	cp requirements.txt dist
	cd dist && sha256sum * > SHA256SUMS

# What a release runs with on any system, pinned by the hashes of its files.
lock: $(VENV)/.developing
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --output-file requirements.txt pyproject.toml

# Whether an advisory is known for what a release runs with. Fails where that cannot be asked.
audit: $(VENV)/.developing
	$(BIN)/pip-audit --strict --require-hashes --requirement requirements.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
