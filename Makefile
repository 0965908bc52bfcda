# What one types; each target says what it is for in `make help`.
# Variables: PYTHON (an interpreter, 3.11 to 3.14), PYTEST_ARGS, LOCK_ARGS (to `uv pip compile`).

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
PYTEST_ARGS ?= -n 2 --dist loadgroup
UV ?= uv
INSTALL := sh .ci/install $(BIN)/python
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-strip-extras --no-header --no-annotate \
	--constraints requirements/constraints.in $(LOCK_ARGS)

# If the Python of an installed environment was upgraded or removed, everything is installed again.
ifneq ($(wildcard $(VENV)/.dev),)
$(shell $(BIN)/python -c 'import editables' 2>/dev/null || rm -f $(VENV)/.dev $(VENV)/.test)
endif

.DEFAULT_GOAL := help
.PHONY: help dev fresh migrate test faults bench check fmt docs screenshots audit sbom lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

dev: $(VENV)/.dev ## Run everything on this machine, with a simulated Jira
	@exec $(BIN)/routecard dev

fresh: $(VENV)/.dev ## The same, with empty data
	@exec $(BIN)/routecard dev --fresh

migrate: $(VENV)/.dev ## Bring the database of the environment up to date
	@exec $(BIN)/routecard migrate

test: $(VENV)/.test ## Run all tests except the long ones
	@sh .ci/chromium
	@exec $(BIN)/python -m pytest $(PYTEST_ARGS) -m "not long"

faults: $(VENV)/.test ## Run all fault trials, the long ones too: kill -9, broker away, Jira down
	@exec $(BIN)/python -m pytest tests/faults tests/integration/fill/test_right_values.py

bench: $(VENV)/.test ## Run the benchmarks
	@exec $(BIN)/python -m benchmarks

check: $(VENV)/.test ## Style, types, layers, licences of the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@sh .ci/licences $(BIN)/python

audit: $(VENV)/.audit ## Look up known vulnerabilities of the locked packages (asks PyPI)
	@$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/base.txt

sbom: $(VENV)/.test ## Write a CycloneDX bill of materials to dist/routecard.cdx.json
	@mkdir -p dist
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements/base.txt \
		--pyproject pyproject.toml --output-reproducible --output-file dist/routecard.cdx.json
	@echo "dist/routecard.cdx.json"

fmt: $(VENV)/.test ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## Write .env.example and docs/settings.md from the settings
	@$(BIN)/python -m shared.settings.pages

screenshots: $(VENV)/.test ## Write pictures of every page, light and dark, to docs/screenshots
	@sh .ci/chromium
	@exec $(BIN)/python -m tests.support.screenshots docs/screenshots

lock: ## Lock the dependencies; LOCK_ARGS=--upgrade takes the newest allowed (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@$(LOCK) requirements/build.in -o requirements/build.txt
	@$(LOCK) requirements/audit.in -o requirements/audit.txt
	@$(LOCK) pyproject.toml -o requirements/base.txt
	@$(LOCK) --extra embedded pyproject.toml -o requirements/dev.txt
	@$(LOCK) --extra embedded --extra test pyproject.toml -o requirements/test.txt

clean: ## Remove the environment and caches; .routecard, the data, stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Routecard is installed in place and last: its build tools are among the locked packages.
$(VENV)/.dev: requirements/dev.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Routecard needs …"
	@$(INSTALL) requirements/dev.txt requirements/build.txt -- --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Routecard and its tests need …"
	@$(INSTALL) requirements/test.txt requirements/build.txt -- --editable .
	@touch $(VENV)/.dev $@

# pip-audit brings its own pip, so it has an environment of its own.
$(VENV)/.audit: requirements/audit.txt | $(BIN)/python
	@$(BIN)/python -m venv --clear $(VENV)/audit
	@sh .ci/install $(VENV)/audit/bin/python requirements/audit.txt
	@touch $@

$(BIN)/python:
	@python=$$(sh .ci/find-python $(PYTHON)) && "$$python" -m venv --clear $(VENV)
