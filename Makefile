# Each target sets up what it needs, on a fresh clone with nothing but Python 3.11 or newer.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PLAN := plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml
SCENARIO := plan_definitions/tuyen-quang/scenarios/plausible.yaml

.PHONY: setup demo up test postgres postfix bench lint format docs clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Cần Python 3.11 trở lên – Python 3.11 or newer is needed."; exit 1; }
	@echo "Thiết lập môi trường trong .venv – setting up .venv (about half a minute) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/dondoc rehearse $(PLAN) --scenario $(SCENARIO) --out build/demo

up: setup
	@$(BIN)/dondoc up

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint postgres postfix
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The tests want a real PostgreSQL: its programs, which they run in a folder of their own.
postgres: setup
	@$(BIN)/python -m tests.postgres 2>/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || { \
	  echo "Cài PostgreSQL cho các bài kiểm thử – installing PostgreSQL for the tests …"; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	  apt-get -qq install --no-install-recommends postgresql >/dev/null; } || true
	@$(BIN)/python -m tests.postgres

# And Postfix's smtp-sink and smtp-source; its daemon is neither configured nor started.
postfix: setup
	@$(BIN)/python -m tests.postfix 2>/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || { \
	  echo "Cài smtp-sink cho các bài kiểm thử – installing smtp-sink for the tests …"; \
	  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections; \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	  apt-get -qq install --no-install-recommends postfix >/dev/null; } || true
	@$(BIN)/python -m tests.postfix

bench: postfix
	@$(BIN)/python -m benchmarks.run

# The pages that follow from the code and the catalogue; a test says when they are stale.
docs: setup
	@$(BIN)/python docs/generate.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What needs changing when pyproject.toml's dependencies do; `uv` does it, the lock names no index.
requirements.lock: ;

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
