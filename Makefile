# The tasks of this repository. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE  # without compiled modules every process takes twice the time to start

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

setup: $(READY)  ## create .venv with everything, from the hashed lock files

$(READY): requirements/setup.lock requirements/dev.lock deploy/link_checkout.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Holdfast needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --no-compile --require-hashes -r requirements/setup.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.lock \
		|| $(BIN)/python -m pip install --quiet --no-deps --no-compile --require-hashes -r requirements/dev.lock
	$(BIN)/python deploy/link_checkout.py
	@touch $(READY)

demo: setup  ## run the whole job on a simulated shop, in ./demo
	$(BIN)/holdfast demo --dir demo

test: setup  ## run all tests, one process per processor
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-quick: setup  ## run the tests that are not slow
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not slow"

lint: setup  ## check formatting, lint rules and import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup  ## check types
	$(BIN)/mypy

serve: setup  ## serve the scores of ./demo on port 3000
	$(BIN)/holdfast serve --config demo/holdfast.toml

bento: setup  ## build the bento of the scoring service
	$(BIN)/bentoml build

bench: setup  ## run the benchmarks
	$(BIN)/python -m benchmarks.features
	$(BIN)/python -m benchmarks.serving

lock: setup  ## rewrite the lock files from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --group dev -o requirements/dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --group setup -c requirements/dev.lock -o requirements/setup.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" -c requirements/dev.lock -o requirements/server.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" --group image -c requirements/dev.lock -o requirements/image.lock

clean:  ## remove the virtual environment, caches and the demo
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo

.PHONY: help setup demo test test-quick lint types serve bento bench lock clean
