# Every target sets up what it needs. The environment is .venv; choose another Python with make PYTHON=python3.12 ...
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SOURCES := nasdip tests experiments
# Tests run side by side, one for each core (JOBS= for one after the other). They have small fits, whose second threads would wait for each other longer than they work.
JOBS ?= $(shell nproc)
THREADS = $(if $(JOBS),OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1})

.PHONY: help install demo test lint format bench clean
.DEFAULT_GOAL := help

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY)  ## Make .venv and install nasdip there, with pinned versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "nasdip needs Python 3.11, 3.12 or 3.13: try make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	@# What is never imported need not be compiled, which takes more time than all else.
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[nni,dev]'
	@touch $@

demo: $(READY)  ## Search, restore and report on a noisy picture: runs/demo/report.html (minutes)
	$(BIN)/python experiments/demo.py

test: $(READY)  ## Run the tests (others: make test MARK=nni, real kills of NNI; MARK=slow; MARK=gpu; JOBS=4: so many at once)
	$(THREADS) $(BIN)/pytest $(if $(MARK),-m "$(MARK)") $(if $(JOBS),-n $(JOBS) --dist loadfile)

lint: $(READY)  ## Check style, types, and that imports go downward
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## Run the benchmarks that need no data of yours (see experiments/benchmarks/README.md)
	$(BIN)/python experiments/benchmarks/step_cost.py

clean:  ## Remove the environment and caches; runs/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
