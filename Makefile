# Each target sets up what it needs, on a fresh clone with nothing but Python 3.11 or newer.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PLAN := plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml
SCENARIO := plan_definitions/tuyen-quang/scenarios/plausible.yaml

.PHONY: setup demo up test programs bench lint format docs clean

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

test: lint programs
	$(BIN)/python -m pytest -n 2 --dist loadfile

# What the tests run beside Python: PostgreSQL, Postfix's smtp-sink, Dovecot, LibreOffice; installed where
# that may be done, and none of them started.
programs: setup
	@$(BIN)/python -m tests.programs

bench: programs
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
