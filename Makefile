# Two commands do everything on a fresh machine: `make run` and `make test`.
# Recipes use nothing but the shell's builtins and Python, so that Python, make and git suffice.
PYTHON ?= python3
SECONDS ?= 300
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c requirements.lock
RUNTIME := .venv/.runtime
DEV := .venv/.dev
# In their own order, as the files with the fewest tests take the longest and would come last.
SPREAD := -n auto --dist loadfile --no-loadscope-reorder

.PHONY: run test endurance corpus lint bench interop fault fuzz

run: $(RUNTIME)
	@$(BIN)/gateway demo

test: $(DEV)
	@$(BIN)/python -m pytest $(SPREAD) -m "not endurance and not corpus and not interop"

endurance: $(DEV)
	@$(BIN)/python -m pytest $(SPREAD) -m endurance

corpus: $(DEV)
	@$(BIN)/python -m pytest tests/corpus -m corpus -n 2 --dist loadgroup

lint: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(DEV)
	@$(BIN)/python -m bench

interop: $(DEV)
	@$(BIN)/python -m pytest -m interop

fault: $(DEV)
	@GATEWAY_FAULTS=2000 $(BIN)/python -m pytest tests/crash/test_faulty_network.py

fuzz: $(DEV)
	@for target in mime sbdh ebms smp; do $(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; done

$(RUNTIME): pyproject.toml requirements.lock
	@echo "Setting up .venv (a minute on the first run)"
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) -e ".[demo]"
	@: > $@

$(DEV): $(RUNTIME)
	@$(PIP) -e ".[dev]"
	@: > $@
