# Each target installs what it needs. Python >= 3.11 with venv, make and git have to be there.
PYTHON ?= python3
UV := .uv/bin/uv
RUN := .venv/bin/python
# What serving needs, and all of it: with what tests and checks need.
SERVING := .venv/.serving
STAMP := .venv/.ready
# Two for each core: a test that starts programs, or waits for a page or an emulator, leaves its core idle.
WORKERS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
PYTEST := -m pytest -n $(WORKERS) --dist worksteal -q
QUICK := tests/domain tests/channels tests/answering tests/security tests/usecases

# Compiled files are kept, also where the environment says otherwise: a run of the tests starts dozens of processes, and
# compiling what they import takes longer than most tests.
export PYTHONDONTWRITEBYTECODE :=

# Tests write into memory where it has 2 GB to spare and lets programs run: to sync to a disk takes the hub two
# milliseconds, several times in each test.
PYTEST_DEBUG_TEMPROOT ?= $(shell awk '$$2 == "/dev/shm" && $$4 !~ /noexec/' /proc/mounts 2>/dev/null | grep -q . && \
	[ "$$(df -k /dev/shm | awk 'END { print $$4 }')" -gt 2000000 ] && echo /dev/shm)
export PYTEST_DEBUG_TEMPROOT

SHELL := bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help serve quick test coverage check lint types audit fix bench cost emulators terraform mutants hooks

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(SERVING) ## Run the whole hub on this machine (http://127.0.0.1:8000)
	@$(RUN) -m infra.local.serve

emulators: $(STAMP) ## Run what `make serve BACKEND=google` talks to, and print the variables that lead there
	@$(RUN) -m infra.local.emulators

quick: $(STAMP) ## Run the quick tests: domain, channels, answering, security, use cases, without a running hub
	$(RUN) $(PYTEST) -m "not slow and not hub" $(QUICK) $(OPTIONS)

test: $(STAMP) ## Run all tests
	$(RUN) $(PYTEST) $(OPTIONS)

coverage: $(STAMP) ## Run all tests, or those in OPTIONS, and print which lines of shared/ they run
	$(RUN) -m coverage erase
	$(RUN) -m coverage run $(PYTEST) $(OPTIONS)
	@$(RUN) -m coverage combine --quiet
	@$(RUN) -m coverage report

check: lint types test ## Formatting, lint, layers, spelling, types, then the tests

lint: $(STAMP) ## Formatting, lint, layers, spelling
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/codespell

types: $(STAMP) ## mypy --strict
	.venv/bin/mypy .

hooks: $(STAMP) ## Check formatting, lint, layers and spelling before every commit
	@.venv/bin/pre-commit install

mutants: $(STAMP) ## Change the hub in small ways and see whether the tests notice (OPTIONS="--paths shared/domain")
	@$(RUN) -m tests.mutants $(OPTIONS)

fix: $(STAMP) ## Format, mend what lint can mend, and write the generated tables
	$(RUN) -m infra.channel_index --write
	$(RUN) -m infra.channel_tables --write
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

audit: $(UV) ## Look for known holes in the libraries
	@.ci/audit

terraform: ## Check the deployment: Terraform's tests, checkov
	.ci/terraform

cost: $(STAMP) ## Price a million messages with their replies on Google Cloud
	@$(RUN) -m infra.cost

bench: $(STAMP) ## Measure the budgets and print the table
	$(RUN) -m infra.bench

# What they say goes to stderr: the output of `make serve` and `make emulators` is for programs, too.
$(UV):
	@echo "Installing uv into .uv ..." >&2
	@$(PYTHON) -m venv .uv || { rm -rf .uv; echo "Python's venv is missing: apt install python3-venv" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

$(SERVING): Makefile pyproject.toml uv.lock | $(UV)
	@test -x $(RUN) || $(UV) venv --quiet --python $(PYTHON) .venv
	@echo "Installing what the hub needs into .venv (200 MB) ..." >&2
	@$(UV) sync --frozen --no-dev --inexact 2>&1 | { grep -v '^ [-+~] ' || true; } >&2
	@# So that commands of the environment find the packages, functions-framework for one.
	@$(RUN) -c 'import os, site; print(os.getcwd(), file=open(site.getsitepackages()[0] + "/hub.pth", "w"))'
	@touch $@

$(STAMP): $(SERVING)
	@echo "Installing what tests and checks need into .venv (300 MB more) ..." >&2
	@$(UV) sync --frozen --quiet
	@touch $@
