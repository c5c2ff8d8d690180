# Two commands matter: `make run` and `make test`. Both need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TESTS  ?= tests
JOBS   ?= 2

.PHONY: run test test-all soak mutants bench schema format lint clean

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
	$(BIN)/ruff format gateway tests bench
	$(BIN)/ruff check --fix gateway tests bench

lint: $(VENV)/.developing
	$(BIN)/ruff format --check gateway tests bench
	$(BIN)/ruff check gateway tests bench
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

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
