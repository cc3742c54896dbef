# Every target works from nothing: the first one makes .venv and installs into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A requirement to install before all others, for example TORCH=torch==2.13.0 to fix the build of torch.
TORCH ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-slow check format settings benchmark quality fullres chaos chaos-slice clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; choose it with PYTHON=..." >&2; exit 1; }
	@echo "Installing into $(VENV): torch is large, so the first time takes minutes" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check -q --upgrade pip  # older ones resolve for minutes
	@$(if $(TORCH),$(BIN)/python -m pip install --disable-pip-version-check -q '$(TORCH)')
	@$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[dev]'
	@touch $@

run: $(STAMP) ## Start store, worker, API and keeper on http://127.0.0.1:8000; Ctrl-C stops them
	@exec $(BIN)/pentimento serve

test: $(STAMP) ## Run the test suite (under 10 minutes on 2 cores)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: $(STAMP) ## Run the tests that take minutes each
	@$(BIN)/python -m pytest -m slow

check: $(STAMP) ## Run ruff, mypy --strict and the test of the import arrows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_arrows.py

format: $(STAMP) ## Rewrite the sources in the house format
	@$(BIN)/ruff check -q --fix . && $(BIN)/ruff format .

settings: $(STAMP) ## Write docs/settings.md anew
	@$(BIN)/python docs/settings.py > docs/settings.md

benchmark: $(STAMP) ## Compare StyleDiffusion with the published algorithm: seconds, counts, SD-1.5 (half an hour)
	@$(BIN)/python -m benchmarks.stylediffusion
	@$(BIN)/python -m benchmarks.stylediffusion --arch sd15

quality: $(STAMP) ## Measure edits against their truth into docs/quality.md (hours; goes on where it was)
	@$(BIN)/python -m benchmarks.quality

fullres: $(STAMP) ## Measure edits at four times the model's size into docs/fullres.md (minutes)
	@$(BIN)/python -m benchmarks.fullres

chaos: $(STAMP) ## Inject 27 faults under 35 jobs each and audit every outcome into docs/reliability.md (20 minutes)
	@$(BIN)/python -m benchmarks.chaos --report docs/reliability.md

chaos-slice: $(STAMP) ## Two minutes of it, which continuous integration runs too
	@$(BIN)/python -m benchmarks.chaos --jobs 60 --clients 8 --faults "a killed worker" --faults "a killed API" \
		--faults "half a command in the append-only file" --faults "a flipped bit in an inversion" --faults "20 bodies of 27 MB"

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
