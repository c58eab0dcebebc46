# make report    sets everything up, makes the reports of three example studies (or of STUDY=folder), prints their paths
# make reports   the same for every study in data/
# make test      sets everything up, runs all tests
# Needs Python 3.11 or newer and a package index; uses uv where it is there, venv and pip where it is not.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
STUDY ?= data/mobile data/power data/software

.DEFAULT_GOAL := help
.PHONY: help report reports test coverage lab lint types bench lock clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml requirements.lock
	@set -e; \
	python=; \
	for candidate in $(PYTHON) $(PYTHONS); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed and was not found (looked for: $(PYTHON) $(PYTHONS))." >&2; \
	  echo "Install it, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if uv --version >/dev/null 2>&1; then \
	  echo "Setting up $(VENV) with uv (once) ..."; \
	  $(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); uv venv --quiet --python "$$($$python -c 'import sys; print(sys.executable)')" $(VENV); }; \
	  uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock; \
	  uv pip install --quiet --python $(BIN)/python --no-deps --editable .; \
	else \
	  echo "Setting up $(VENV) with pip (once; a few minutes) ..."; \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $$python -m venv --clear $(VENV); \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; \
	fi; \
	$(BIN)/python -m compileall -q csr_lib; \
	touch $@

report: $(VENV)/.ready  ## make the reports of three example studies (or of STUDY=folder), Chinese and English
	@$(BIN)/csr reports $(STUDY) --out reports

reports: $(VENV)/.ready  ## make every report of every study in data/, Chinese and English, two at a time
	@$(BIN)/csr reports --out reports

test: $(VENV)/.ready  ## run all tests
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 -m "not slow"

coverage: $(VENV)/.ready  ## run the long simulations that show how often intervals cover the truth
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 -m slow

lab: $(VENV)/.ready  ## open JupyterLab on the notebooks
	@$(BIN)/jupyter lab notebooks

lint: $(VENV)/.ready  ## style of the code, rules of the notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/check_notebooks.py

types: $(VENV)/.ready  ## check the types
	@$(BIN)/mypy

bench: $(VENV)/.ready  ## measure how long things take
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: $(VENV)/.ready  ## write requirements.lock anew from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --upgrade --python-version 3.11 --extra dev --no-emit-index-url --no-header pyproject.toml -o requirements.lock.new
	@{ echo "# The versions that everything was tested with. Written by 'make lock' from pyproject.toml, for every platform"; \
	   echo "# and Python >= 3.11; not edited by hand."; cat requirements.lock.new; } > requirements.lock
	@rm requirements.lock.new

clean:  ## remove reports, caches and the environment
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build
	find reports -mindepth 1 ! -name .gitkeep -delete
	find csr_lib tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
