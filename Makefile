# Latchkey. `make help` lists what there is; nothing but Python 3.13 and make is needed.

PORT ?= 8000
DATA_DIR ?= .data
export PORT DATA_DIR N SEED

# Candidates are run, not looked up: a pyenv shim is there for versions that are not installed.
FIND_PYTHON = for p in $(PYTHON) python3.13 python3.14 python3 "$$HOME"/.pyenv/versions/3.1[3-9]*/bin/python; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1 && { echo "$$p"; break; }; done

BIN := .venv/bin
APPS := dashboard environments keys
CODE := $(APPS) tests manage.py

.DEFAULT_GOAL := help
.PHONY: help run test check lint lock bench faults fuzz mutants table

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run.stamp  ## Start Latchkey here (PORT=8000 DATA_DIR=.data) until Ctrl-C
	@exec $(BIN)/python manage.py up

test: .venv/dev.stamp  ## Run the tests on SQLite, and on PostgreSQL + Redis where they answer
	@.ci/test

check: .venv/dev.stamp  ## Everything that must hold: formats, lint, contracts, types, settings, tests
	@.ci/check

bench: .venv/dev.stamp  ## Measure (tests/bench); takes minutes, judges nothing
	@set -e; for bench in tests/bench/*_bench.py; do $(BIN)/python -m tests.bench.$$(basename $$bench .py); done

faults: .venv/dev.stamp  ## Kill, stop and lose things at random (N=200 SEED=1); says what it cost
	@$(BIN)/python -m tests.faults

fuzz: .venv/dev.stamp  ## Throw requests of every shape at the token service (N=20000 SEED=1)
	@$(BIN)/python -m tests.fuzz

mutants: .venv/dev.stamp  ## Change what reads and seals in a thousand places: do the tests notice? (docs/mutants.md)
	@$(BIN)/python -m tests.mutants

table: .venv/dev.stamp  ## Write who is answered how at which address (rights.csv), as the tests walk it
	@$(BIN)/python -m tests.rights rights.csv

lock: .venv/dev.stamp  ## Resolve requirements.in and tests/requirements.in again, with hashes
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.13 \
	  --custom-compile-command "make lock" requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.13 -c requirements.txt \
	  --custom-compile-command "make lock" tests/requirements.in --output-file tests/requirements.txt

.venv/bin/python:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
	  echo "Latchkey needs Python 3.13 or newer with venv, and none was found." >&2; \
	  echo "Install it (Debian 13: apt install python3.13-venv; macOS: brew install python@3.13; anywhere: uv python install 3.13)" >&2; \
	  echo "or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	echo "Making .venv with $$("$$python" -V)"; "$$python" -m venv .venv

.venv/run.stamp: requirements.txt | .venv/bin/python
	@echo "Installing what requirements.txt lists, hashes checked …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/dev.stamp: tests/requirements.txt requirements.txt | .venv/bin/python
	@echo "Installing what tests/requirements.txt lists, hashes checked …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@ .venv/run.stamp
