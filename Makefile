.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP := $(VENV)/.installed
PROJECTS ?= ../shared/data/projects
ANIMALS ?= 1
# What is checked for American spelling and retired words; pyproject.toml lists what is left out.
PROSE := *.md *.cff Makefile pyproject.toml .github dlcx docs examples benchmarks tests

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Install again only if the dependencies have changed.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("dlcx needs Python 3.11 or newer: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

.PHONY: install
install: $(STAMP) ## Create the virtual environment .venv and install dlcx into it

.PHONY: demo
demo: $(STAMP) ## Train on a synthetic project, analyze its video and write reports (a few minutes); ANIMALS=2: two animals
	@BIN=$(BIN) examples/demo.sh $(if $(filter 1,$(ANIMALS)),demo,demo-$(ANIMALS)) $(ANIMALS)

.PHONY: format
format: $(STAMP) ## Format the code and apply automatic lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: check
check: $(STAMP) ## Check format, lint, import layers, types and words, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/codespell -D - -D tests/docs/retired_words.txt $(PROSE)

.PHONY: test
test: check ## Run all checks and all quick tests on all cores, as continuous integration does
	$(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: coverage
coverage: $(STAMP) ## Run the quick tests and report which lines they reach (htmlcov/index.html)
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html

.PHONY: docs
docs: $(STAMP) ## Build the documentation site (site/index.html); broken links are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs site

.PHONY: test-slow
test-slow: $(STAMP) ## Run the slow tests
	$(BIN)/python -m pytest -m slow

.PHONY: test-slurm
test-slurm: $(STAMP) ## Run jobs on a SLURM started for the tests (as root; installs Debian's slurm-wlm and munge)
	@for program in munged slurmctld slurmd sbatch; do \
		PATH=$$PATH:/usr/sbin command -v $$program >/dev/null && continue; \
		apt-get -q update && DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y -o DPkg::Lock::Timeout=300 install slurm-wlm munge && break; exit 1; done
	$(BIN)/python -m pytest -m slurm

.PHONY: campaign
campaign: $(STAMP) ## Test about 1,700 invalid files and unusual command lines and write RESULTS.md (a few minutes)
	PYTHONPATH=tests $(BIN)/python -m campaign.run $(if $(CAMPAIGN),$(CAMPAIGN),--table tests/campaign/RESULTS.md)

.PHONY: mutation
mutation: $(STAMP) ## Change the code in about 120 places, one at a time, and count the changes that tests detect (hours)
	PYTHONPATH=tests $(BIN)/python -m mutation.run $(MUTATION)

.PHONY: interchange-env
interchange-env: ## Create an environment with DeepLabCut 3.0.2 (about 6 GB)
	PYTHON=$(PYTHON) tests/interchange/make_env.sh

.PHONY: interchange
interchange: $(STAMP) interchange-env ## Exchange projects with DeepLabCut 3.0.2 in both directions
	$(BIN)/python tests/interchange/run.py --projects $(PROJECTS) $(INTERCHANGE)

.PHONY: consumers
consumers: $(STAMP) ## Read the output of dlcx with movement, sleap-io, keypoint-moseq, napari-deeplabcut, DeepLabCut-Live
	PYTHON=$(PYTHON) tests/interchange/make_consumers_env.sh
	$(BIN)/python tests/interchange/consumers.py --project $(PROJECTS)/openfield-Pranav-2018-10-30
	$(BIN)/python tests/interchange/live.py --projects $(PROJECTS)

.PHONY: bench
bench: $(STAMP) ## Measure speed and memory, also of DeepLabCut if interchange-env exists; BENCH="startup pipeline": only these rows
	$(BIN)/python benchmarks/bench.py --projects $(PROJECTS) $(BENCH)

.PHONY: bench-tracking
bench-tracking: $(STAMP) interchange-env ## Compare accuracy and speed of tracking with DeepLabCut 3.0.2 on synthetic and real animals
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/tracking.py $(BENCH)

.PHONY: clean
clean: ## Remove environments, demo projects, results and caches
	rm -rf $(VENV) .venv-* demo demo-* interchange bench bench-tracking site htmlcov build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
