# Each target sets up what it needs: Python >= 3.11 and make are enough.
PYTHON ?= python3
UV := .uv/bin/uv
RUN := .venv/bin/python
STAMP := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help serve test check fix bench cost emulators terraform mutants

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(STAMP) ## Run the whole hub on this machine (http://127.0.0.1:8000)
	@$(RUN) -m infra.local.serve

emulators: $(STAMP) ## Run what `make serve BACKEND=google` talks to, and print the variables that lead there
	@$(RUN) -m infra.local.emulators

test: $(STAMP) ## Run all tests
	$(RUN) -m pytest -n 2 --dist worksteal -q

check: $(STAMP) ## Formatting, lint, types, layers, spelling, then the tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/codespell
	@$(MAKE) --no-print-directory test

mutants: $(STAMP) ## Change the hub in small ways and see whether the tests notice (OPTIONS="--paths shared/domain")
	@$(RUN) -m tests.mutants $(OPTIONS)

fix: $(STAMP) ## Format, mend what lint can mend, and write the generated tables
	$(RUN) -m infra.channel_index --write
	$(RUN) -m infra.capabilities --write
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

terraform: ## Check the deployment: Terraform's tests, checkov
	.ci/terraform

cost: $(STAMP) ## Price a million messages with their replies on Google Cloud
	@$(RUN) -m infra.cost

bench: $(STAMP) ## Measure the budgets and print the table
	$(RUN) -m infra.bench

$(STAMP): Makefile pyproject.toml uv.lock
	@test -x $(UV) || ($(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9)
	@test -x .venv/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) sync --quiet --frozen
	@# So that commands of the environment find the packages, functions-framework for one.
	@$(RUN) -c 'import os, site; print(os.getcwd(), file=open(site.getsitepackages()[0] + "/hub.pth", "w"))'
	@touch $@
