.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP := $(VENV)/.installed
PROJECTS ?= ../shared/data/projects
ANIMALS ?= 1

.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made again only when what to install has changed.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("dlcx needs Python 3.11 or newer: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

.PHONY: install
install: $(STAMP) ## Make the virtual environment .venv and install dlcx into it

.PHONY: demo
demo: $(STAMP) ## Draw a project, train on it, analyse its video, report; ANIMALS=2 for several (a few minutes)
	@BIN=$(BIN) examples/demo.sh $(if $(filter 1,$(ANIMALS)),demo,demo-$(ANIMALS)) $(ANIMALS)

.PHONY: format
format: $(STAMP) ## Format the code and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: check
check: $(STAMP) ## Format, lint, import layers and types, without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: test
test: check ## Every check and every quick test, on all cores; what the continuous integration runs
	$(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: test-slow
test-slow: $(STAMP) ## The slow tests
	$(BIN)/python -m pytest -m slow

.PHONY: test-slurm
test-slurm: $(STAMP) ## Jobs of SLURM, on one started for the tests (as root; installs Debian's slurm-wlm and munge)
	@for program in munged slurmctld slurmd sbatch; do \
		PATH=$$PATH:/usr/sbin command -v $$program >/dev/null && continue; \
		apt-get -q update && DEBIAN_FRONTEND=noninteractive \
			apt-get -q -y -o DPkg::Lock::Timeout=300 install slurm-wlm munge && break; exit 1; done
	$(BIN)/python -m pytest -m slurm

.PHONY: campaign
campaign: $(STAMP) ## Odd files and odd calls, some 1,700, and their table of results (some minutes)
	PYTHONPATH=tests $(BIN)/python -m campaign.run $(if $(CAMPAIGN),$(CAMPAIGN),--table tests/campaign/RESULTS.md)

.PHONY: mutation
mutation: $(STAMP) ## Put some 120 faults into the code, one at a time, and count those that the tests find (hours)
	PYTHONPATH=tests $(BIN)/python -m mutation.run $(MUTATION)

.PHONY: interchange-env
interchange-env: ## Make the environment that holds DeepLabCut 3.0.2 (about 6 GB)
	PYTHON=$(PYTHON) tests/interchange/make_env.sh

.PHONY: interchange
interchange: $(STAMP) interchange-env ## Trade projects with DeepLabCut 3.0.2, both ways
	$(BIN)/python tests/interchange/run.py --projects $(PROJECTS) $(INTERCHANGE)

.PHONY: consumers
consumers: $(STAMP) ## Let movement, sleap-io, keypoint-moseq, napari-deeplabcut and DeepLabCut-Live read what dlcx writes
	PYTHON=$(PYTHON) tests/interchange/make_consumers_env.sh
	$(BIN)/python tests/interchange/consumers.py --project $(PROJECTS)/openfield-Pranav-2018-10-30
	$(BIN)/python tests/interchange/live.py --projects $(PROJECTS)

.PHONY: bench
bench: $(STAMP) ## Speed and memory beside DeepLabCut 3.0.2 (where interchange-env is); BENCH="startup pipeline" chooses rows
	$(BIN)/python benchmarks/bench.py --projects $(PROJECTS) $(BENCH)

.PHONY: bench-tracking
bench-tracking: $(STAMP) interchange-env ## Tracks of drawn and real animals, and the time they take, against DeepLabCut 3.0.2
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/tracking.py $(BENCH)

.PHONY: clean
clean: ## Remove the environments, the demo and what the tools cached
	rm -rf $(VENV) .venv-* demo demo-* interchange bench bench-tracking build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
