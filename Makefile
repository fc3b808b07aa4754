# One command each: `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test lint types unit wheel schemas bench clean

demo: $(VENV)/.installed
	$(BIN)/genoaudit demo --out demo-run

# Everything that continuous integration runs.
test: lint types unit

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

# Two processes share out the tests by file; each numerical library keeps to one thread so that they do not fight.
unit: $(VENV)/.installed
	$(THREADS) $(BIN)/python -m pytest -q -n 2 --dist=loadfile --durations=15

wheel: $(VENV)/.installed
	$(BIN)/python -m hatchling build -t wheel

schemas: $(VENV)/.installed
	$(BIN)/python -m genoaudit.report.schemas data_schemas

# About 20 minutes on a quiet machine; BENCH=--quick takes 2, BENCH="--minutes 5" at most about 5 for each of the two.
bench: $(VENV)/.installed
	$(THREADS) $(BIN)/python tests/benchmarks/bench_engines.py $(BENCH)
	$(THREADS) $(BIN)/python tests/benchmarks/bench_scaling.py $(BENCH)

# torch comes first and pinned: its CPU build is then kept by everything that follows.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
