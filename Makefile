# Targets install the environment first where it is missing or older than what it is made from.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Modules are compiled once, when they are first imported, and kept: the targets start many processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test lint clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.12 makes $(VENV) with another interpreter (3.11 or newer).'

install: $(INSTALLED)  ## make .venv and install the package and its tools into it

demo: $(INSTALLED)  ## train on a synthetic corpus and report on it
	$(BIN)/python -m music_affect.train experiment=demo overwrite=true

# Tests run side by side, a process each: more threads in each of them would mostly wait for one another.
test: export OMP_NUM_THREADS ?= 1
test: $(INSTALLED)  ## run the whole test suite
	$(BIN)/python -m pytest -n auto --maxprocesses=4 --dist=worksteal

lint: $(INSTALLED)  ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:  ## remove what tools leave behind; the environment and all runs stay
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@echo 'Installing into $(VENV) (minutes the first time).'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# Without compiling all modules, most of which are never imported: half the time.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[dev]"
	@touch $@
