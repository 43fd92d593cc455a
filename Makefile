# Every target sets up all that it needs; a second run reuses the environment in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow check fix clean

demo: .venv/ready  ## photos to captions, a trained encoder and a measured result: runs/demo/report.html
	$(BIN)/emocap demo --out runs/demo

# Two processes that compute on one core each; tests that start processes themselves wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope

test: .venv/ready
	$(PYTEST) -m "not slow"

test-slow: .venv/ready  ## kills at any moment, served models, every benchmark in miniature
	$(PYTEST) -m slow

check: .venv/ready  ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/ready  ## mend style where a tool can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
		{ echo "emocap needs Python 3.11 or 3.12, $(PYTHON) is another: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@echo "installing into .venv (about 7 GB: torch brings its GPU libraries along)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv runs

.PHONY: pins
pins: .venv/ready  ## write the versions of this environment into constraints.txt
	{ echo "# The versions that the tests and the demo ran with. Made by: make pins"; \
	  $(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable | grep -v '^uv=='; } > constraints.txt
