# pxr_tf: every target makes the environment it needs first. `make` alone lists them.
#
#   make cv MODEL=xception STRATEGY=2                       cross-validate on synthetic phantoms
#   make cv MODEL=xception STRATEGY=2 DATA=path/chest_xray,path/covid-chestxray-dataset
#   make train DATA=path/chest_xray CLASSES=normal,pneumonia=bacterial+viral SEEDS=0,1,2

include scripts/options.mk

ARGS       ?=
FULLRES    ?=
GPU        ?=
# KerasHub, for resnet18: with chen2021, unless MODEL names others only.
HUB        ?= $(if $(filter chen2021,$(MAKECMDGOALS)),$(if $(MODEL),$(findstring resnet18,$(MODEL)),1))
MODULE     ?=
PYTHON     ?= python3
VENV       := .venv
READY      := $(VENV)/.ready$(if $(GPU),-gpu)$(if $(HUB),-hub)
PXR        := $(VENV)/bin/pxr
# A file's tests stay together, for they share what it makes; a process holds TensorFlow, 1 GB: at most four of them.
PYTEST     := $(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# A target takes the variables that its command takes (TAKES_... in scripts/options.mk), ARGS, and those of the environment.
# Anything else that was typed would be lost in silence, so it is refused; of what the shell's environment holds, only
# variables of an experiment count.
PAPERS  := chen2021 novokshanov2022 vazquez2021
CHECKED := cv train tune grid $(PAPERS) lungs lungs-train features explain
command = $(if $(filter $(1),$(PAPERS)),reproduce,$(1))
takes   = $(TAKES_$(call command,$(1))) ARGS
OF_VENV := GPU HUB PYTHON VENV

typed    = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
exported = $(foreach name,$(EXPERIMENT),$(if $(filter environment,$(origin $(name))),$(name)))
received = $(foreach name,$(sort $(filter-out $(call takes,$(1)) $(OF_VENV) MAKE%,$(typed) $(exported))),$(if $($(name)),$(name)))
refuse   = $(if $(2),$(error make $(1) received $(firstword $(2))=$($(firstword $(2))), which it does not take. Accepted: $(call takes,$(1))))

$(foreach goal,$(filter $(CHECKED),$(MAKECMDGOALS)),$(call refuse,$(goal),$(call received,$(goal))))
ifeq ($(and $(filter tune,$(MAKECMDGOALS)),$(if $(strip $(CONFIG)),,missing)),missing)
$(error make tune received no CONFIG. Accepted: a name in configs/ or a YAML file, as in make tune CONFIG=chen2021 VARIANT=small_cnn)
endif

.DEFAULT_GOAL := help
.PHONY: help setup cv train tune grid chen2021 novokshanov2022 vazquez2021 data lungs lungs-train phantom runs feature-maps features explain tensorboard bench test check mutants format clean

help: ## list the targets and the variables
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@$(foreach target,$(CHECKED),printf '  %-29s %s\n' "variables of $(target):" "$(call takes,$(target))";)
	@echo "  of feature-maps:              $(call takes,feature-maps)"
	@echo "  of other targets:             DATA OUT FULLRES RUNS ARGS GPU HUB MODULE PYTHON, e.g."
	@echo "  make cv MODEL=xception STRATEGY=2 DATA=chest_xray,covid-chestxray-dataset WEIGHTS=imagenet"
	@echo "  make train DATA=chest_xray CLASSES=normal,pneumonia=bacterial+viral SEEDS=0,1,2"

setup: $(READY) ## make the environment (.venv); GPU=1 adds CUDA, HUB=1 KerasHub for MODEL=resnet18

$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "No $(PYTHON) here; install Python 3.11 or newer, or say PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$$($(PYTHON) --version) is too old; Python 3.11 or newer is needed: PYTHON=python3.12" >&2; exit 2; }
	@echo "Making the environment in $(VENV) (once, about 1.5 minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(GPU),"tensorflow[and-cuda]") -r requirements.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(if $(HUB),$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements.txt --editable ".[hub]")
	@touch $(VENV)/.ready $@

cv: $(READY) ## cross-validate MODEL under STRATEGY on DATA (none: synthetic phantoms)
	@$(PXR) cv $(OPTIONS_cv) $(ARGS)

train: $(READY) ## train MODEL on one split of DATA: its own test part, or SCHEME=random
	@$(PXR) train $(OPTIONS_train) $(ARGS)

tune: $(READY) ## train every point of OVER on validation data alone: CONFIG=... VARIANT=... OVER=key=value,value
	@$(PXR) tune $(ARGUMENTS_tune) $(OPTIONS_tune) $(ARGS)

grid: $(READY) ## cross-validate MODELS under STRATEGIES (default: the paper's 12 cells)
	@$(PXR) grid $(OPTIONS_grid) $(ARGS)

chen2021: $(READY) ## chen2021: its five models, or MODEL, on the official split with three seeds, beside the paper
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

novokshanov2022: $(READY) ## novokshanov2022: with and without class weights, split by image and by patient, three seeds
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

vazquez2021: $(READY) ## vazquez2021: both stages, ResNet50 or MODEL, three seeds, ROC and thresholds
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

data: $(READY) ## describe DATA: images, patients, encodings, duplicates, shortcuts
	@$(PXR) data $(ARGUMENTS_data)

lungs: $(READY) ## find the lungs in DATA: masks, boxes, confidence, a sheet; ATLAS=pairs or a network (none: phantoms)
	@$(PXR) lungs $(OPTIONS_lungs) $(ARGS) $(ARGUMENTS_lungs)

lungs-train: $(READY) ## train a network that finds lungs on ATLAS=folder of pairs; OUT=file, for ATLAS of other targets
	@$(PXR) lungs train $(ARGUMENTS_lungs-train) $(OPTIONS_lungs-train) $(ARGS)

phantom: $(READY) ## write synthetic chest X-rays in the public layouts to OUT
	@$(PXR) phantom $(ARGUMENTS_phantom) $(ARGS)

runs: $(READY) ## list the runs below RUNS: how they stand, accuracy, warnings
	@$(PXR) runs $(ARGUMENTS_runs) $(ARGS)

feature-maps: $(READY) ## draw what the layers of RUN's model make of IMAGE, or of one test image per class
	@$(PXR) feature-maps $(ARGUMENTS_feature-maps) $(OPTIONS_feature-maps) $(ARGS)

features: $(READY) ## write what RUN's network makes of DATA (none: its own images) to features.parquet
	@$(PXR) features $(ARGUMENTS_features) $(OPTIONS_features) $(ARGS)

explain: $(READY) ## show what RUN's models looked at in IMAGES (none: telling cases of each class), and what such maps are worth
	@$(PXR) explain $(ARGUMENTS_explain) $(OPTIONS_explain) $(ARGS)

tensorboard: $(READY) ## show all runs in TensorBoard
	@$(VENV)/bin/tensorboard --logdir "$(RUNS)" $(ARGS)

bench: $(READY) ## time everything beside plain Keras: DATA=..., WEIGHTS=..., FULLRES=...; writes docs/benchmarks.md
	@$(VENV)/bin/python scripts/bench.py --data "$(DATA)" --weights "$(WEIGHTS)" --fullres "$(FULLRES)" $(ARGS)

test: $(READY) ## run the fast tests (ARGS="-m slow" for the slow ones)
	@$(PYTEST) $(ARGS)

check: $(READY) ## format, lint, import contract, tests: what to run before a commit
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports
	@$(PYTEST) $(ARGS)

mutants: $(VENV)/.mutmut ## plant faults in what guards the science, see which live (MODULE=data.splits: in that alone)
	@$(VENV)/bin/python scripts/mutants.py $(MODULE)

$(VENV)/.mutmut: $(READY) pyproject.toml
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[mutation]"
	@touch $@

format: $(READY) ## let ruff format and mend what it can; write what the table of options makes
	@$(VENV)/bin/python scripts/write_option_files.py
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

clean: ## remove the environment and caches; runs stay
	@rm -rf $(VENV) mutants .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
