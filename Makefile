# The same targets serve people, pre-commit and CI. Run them in an environment with `pip install -e '.[test]'`.
BIN ?= .venv/bin/

.PHONY: install format lint types floors check test bench

install:
	python3 -m venv .venv && .venv/bin/pip install -e '.[test]'

format:
	$(BIN)ruff check --fix-only --quiet . && $(BIN)ruff format .

lint:
	$(BIN)ruff check . && $(BIN)ruff format --check .

types:
	$(BIN)mypy

floors:
	$(BIN)lint-imports

check: lint types floors

test:
	$(BIN)pytest -n 2

bench:
	for file in annotators board cold day_one demo find learn map neighbours predict reaudit scores tags webhook; do $(BIN)python benchmarks/$$file.py || exit 1; done
