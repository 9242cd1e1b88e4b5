# pxr_tf: every target first makes the environment that it needs. `make` alone lists the targets.
#
#   make cv MODEL=xception STRATEGY=2                       cross-validate on synthetic phantoms
#   make cv MODEL=xception STRATEGY=2 DATA=path/chest_xray,path/covid-chestxray-dataset
#   make train DATA=path/chest_xray CLASSES=normal,pneumonia=bacterial+viral SEEDS=0,1,2

include scripts/options.mk

# Those of another Python would break the one in .venv.
unexport PYTHONPATH PYTHONHOME

ARGS       ?=
FULLRES    ?=
QUICK      ?=
GPU        ?=
# KerasHub, for resnet18: also with chen2021, unless MODEL is given without resnet18.
HUB        ?= $(if $(filter chen2021,$(MAKECMDGOALS)),$(if $(MODEL),$(findstring resnet18,$(MODEL)),1))
# Ray, for a cluster: also with EXECUTOR=ray.
RAY        ?= $(if $(filter ray,$(EXECUTOR)),1)
MODULE     ?=
PYTHON     ?= python3
ACCEPTED   := "Python 3.11."*|"Python 3.12."*|"Python 3.13."*
INSTALL    := install Python 3.11 to 3.13, or set PYTHON=python3.12
VENV       := .venv
READY      := $(VENV)/.ready$(if $(GPU),-gpu)$(if $(HUB),-hub)$(if $(RAY),-ray)
PXR        := $(VENV)/bin/pxr
# The tests of a file run in one process, as they share its fixtures. TensorFlow takes 1 GB per process: at most four.
PYTEST     := $(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# An audit is of a run, or of data.
ifeq ($(MAKECMDGOALS)$(RUN),audit)
override RUN := $(DATA)
override DATA :=
endif

# A target takes its command's variables (TAKES_... in scripts/options.mk), ARGS, and the variables of .venv (OF_VENV).
# Any other variable on make's command line is refused, as it would have no effect. In the shell's environment only
# the variables of an experiment are checked.
PAPERS  := chen2021 novokshanov2022 vazquez2021
CHECKED := cv train tune grid $(PAPERS) data lungs lungs-train phantom download feature-maps features predict evaluate export audit explain serve calibrate gate compare report runs status plan task check-published bundle verify tensorboard
command = $(if $(filter $(1),$(PAPERS)),reproduce,$(1))
takes   = $(TAKES_$(call command,$(1))) ARGS
OF_VENV := GPU HUB RAY PYTHON VENV
TAKES_tensorboard := RUNS

typed    = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
exported = $(foreach name,$(EXPERIMENT),$(if $(filter environment,$(origin $(name))),$(name)))
received = $(foreach name,$(sort $(filter-out $(call takes,$(1)) $(OF_VENV) MAKE%,$(typed) $(exported))),$(if $($(name)),$(name)))
lacks    = $(if $(NEEDS_$(1)),$(if $(strip $($(NEEDS_$(1)))),,$(NEEDS_$(1))))
refuse   = $(if $(2),$(error make $(1) received $(firstword $(2))=$($(firstword $(2))), which it does not take. Accepted: $(call takes,$(1))))

$(foreach goal,$(filter $(CHECKED),$(MAKECMDGOALS)),$(call refuse,$(goal),$(call received,$(goal))))
$(foreach goal,$(filter $(CHECKED),$(MAKECMDGOALS)),$(if $(call lacks,$(goal)),$(error make $(goal) received no $(call lacks,$(goal)). Accepted: $(WANTED_$(goal)) ($(call lacks,$(goal))=...))))

# Messages name the target that was typed, and its variables.
$(CHECKED): export PXR_MAKE = $@

.DEFAULT_GOAL := help
.PHONY: help setup cv train tune grid chen2021 novokshanov2022 vazquez2021 data lungs lungs-train phantom download runs status plan task feature-maps features predict evaluate export audit explain serve calibrate gate compare report check-published bundle verify tensorboard bench test check mutants format clean

help: ## list the targets and the variables
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@$(foreach target,$(CHECKED),printf '  %-29s %s\n' "variables of $(target):" "$(call takes,$(target))" \
		| fold -s -w 80 | sed -e 's/ *$$//' -e '2,$$s/^/        /';)
	@echo "  of other targets:             DATA WEIGHTS FULLRES QUICK ARGS GPU HUB RAY MODULE PYTHON"
	@echo "  make cv MODEL=xception STRATEGY=2 DATA=chest_xray,covid-chestxray-dataset"
	@echo "  make train DATA=chest_xray CLASSES=normal,pneumonia=bacterial+viral SEEDS=0,1"

setup: $(READY) ## make .venv; GPU=1 adds CUDA, HUB=1 KerasHub (resnet18), RAY=1 Ray (a cluster)

# An environment that was not finished is made again; one that somebody else made is never deleted.
$(READY): requirements.txt pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found; $(INSTALL)" >&2; exit 2; }
	@version=$$($(PYTHON) --version 2>&1); case "$$version" in $(ACCEPTED)) ;; \
		*) echo "$$version is not accepted; $(INSTALL)" >&2; exit 2;; esac
	@[ ! -e $(VENV)/.unfinished ] || rm -rf $(VENV)
	@[ ! -e $(VENV)/bin/python ] || { version=$$($(VENV)/bin/python --version 2>&1); case "$$version" in $(ACCEPTED)) ;; \
		*) echo "$(VENV) has $$version, which is not accepted; delete it (make clean) and run this again" >&2; exit 2;; esac; }
	@echo "Making the environment in $(VENV) (once, about 1.5 minutes) ..."
	@[ -e $(VENV)/.ready ] || { mkdir -p $(VENV) && touch $(VENV)/.unfinished; }
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(GPU),"tensorflow[and-cuda]") -r requirements.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(if $(HUB),$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements.txt --editable ".[hub]")
	@$(if $(RAY),$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint requirements.txt --editable ".[ray]")
	@rm -f $(VENV)/.unfinished
	@touch $(VENV)/.ready $@

cv: $(READY) ## cross-validate MODEL with STRATEGY on DATA or phantoms
	@$(PXR) cv $(OPTIONS_cv) $(ARGS)

train: $(READY) ## train and test MODEL on one split of DATA
	@$(PXR) train $(OPTIONS_train) $(ARGS)

tune: $(READY) ## train and rank the points of OVER=key=value,value
	@$(PXR) tune $(ARGUMENTS_tune) $(OPTIONS_tune) $(ARGS)

grid: $(READY) ## cross-validate MODELS with STRATEGIES (default: 12 runs)
	@$(PXR) grid $(OPTIONS_grid) $(ARGS)

chen2021: $(READY) ## reproduce chen2021: five models or MODEL, three seeds
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

novokshanov2022: $(READY) ## reproduce novokshanov2022: by image and by patient
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

vazquez2021: $(READY) ## reproduce vazquez2021: both stages, whole and cropped
	@$(PXR) reproduce $@ $(OPTIONS_reproduce) $(ARGS)

data: $(READY) ## describe DATA: images, patients, duplicates, shortcuts
	@$(PXR) data $(ARGUMENTS_data) $(ARGS)

lungs: $(READY) ## find the lungs in DATA: masks, boxes, confidence
	@$(PXR) lungs $(OPTIONS_lungs) $(ARGS) $(ARGUMENTS_lungs)

lungs-train: $(READY) ## train a network that finds lungs on ATLAS=folder
	@$(PXR) lungs train $(ARGUMENTS_lungs-train) $(OPTIONS_lungs-train) $(ARGS)

phantom: $(READY) ## write synthetic chest X-rays to OUT
	@$(PXR) phantom $(ARGUMENTS_phantom) $(ARGS)

download: $(READY) ## download the public data set SET to OUT, after its licence
	@$(PXR) download $(ARGUMENTS_download) $(OPTIONS_download) $(ARGS)

runs: $(READY) ## list the runs in RUNS: state, accuracy, warnings
	@$(PXR) runs $(ARGUMENTS_runs) $(ARGS)

status: $(READY) ## show how the runs in RUNS stand: running tasks, failures, time left
	@$(PXR) status $(ARGUMENTS_status) $(ARGS)

plan: $(READY) ## list the tasks of an experiment without doing them (ARGS=--json)
	@$(PXR) plan $(OPTIONS_plan) $(ARGS)

task: $(READY) ## do one task of a plan: PLAN=file NUMBER=0
	@$(PXR) task $(ARGUMENTS_task) $(ARGS)

check-published: $(READY) ## check the printed figures of a paper: FILE=paper.yaml
	@$(PXR) check-published $(ARGUMENTS_check-published) $(ARGS)

feature-maps: $(READY) ## draw feature maps of IMAGE in RUN's model
	@$(PXR) feature-maps $(ARGUMENTS_feature-maps) $(OPTIONS_feature-maps) $(ARGS)

predict: $(READY) ## predict PICTURES with the models of RUN
	@$(PXR) predict $(ARGUMENTS_predict) $(OPTIONS_predict) $(ARGS)

evaluate: $(READY) ## evaluate RUN on other DATA, with negative controls
	@$(PXR) evaluate $(ARGUMENTS_evaluate) $(OPTIONS_evaluate) $(ARGS)

export: $(READY) ## export RUN to onnx, savedmodel, litert or openvino: TO=onnx
	@$(PXR) export $(ARGUMENTS_export) $(OPTIONS_export) $(ARGS)

audit: $(READY) ## audit RUN or DATA for leaks and shortcuts; STRICT=1 fails at critical findings
	@$(PXR) audit $(ARGUMENTS_audit) $(OPTIONS_audit) $(ARGS)

bundle: $(READY) ## pack RUN as a folder or a zip (OUT=) that predicts anywhere
	@$(PXR) bundle $(ARGUMENTS_bundle) $(OPTIONS_bundle) $(ARGS)

verify: $(READY) ## verify BUNDLE: its bytes, and its answers to its samples
	@$(PXR) verify $(ARGUMENTS_verify) $(OPTIONS_verify) $(ARGS)

features: $(READY) ## write the features of DATA in RUN's network
	@$(PXR) features $(ARGUMENTS_features) $(OPTIONS_features) $(ARGS)

explain: $(READY) ## show what RUN's models looked at in IMAGES
	@$(PXR) explain $(ARGUMENTS_explain) $(OPTIONS_explain) $(ARGS)

serve: $(READY) ## answer pictures with RUN on a page and to programs
	@$(PXR) serve $(ARGUMENTS_serve) $(OPTIONS_serve) $(ARGS)

calibrate: $(READY) ## calibrate RUN; judge thresholds, PPV, referral, sets
	@$(PXR) calibrate $(ARGUMENTS_calibrate) $(OPTIONS_calibrate) $(ARGS)

gate: $(READY) ## fit what refuses pictures before RUN predicts them
	@$(PXR) gate $(ARGUMENTS_gate) $(OPTIONS_gate) $(ARGS)

compare: $(READY) ## compare the runs in RUN="a b" with the first of them
	@$(PXR) compare $(ARGUMENTS_compare) $(OPTIONS_compare) $(ARGS)

report: $(READY) ## write a page on RUN, or one that compares RUN="a b"
	@$(PXR) report $(ARGUMENTS_report) $(OPTIONS_report) $(ARGS)

tensorboard: $(READY) ## show all runs in TensorBoard
	@$(VENV)/bin/python scripts/tensorboard_light.py --logdir "$(RUNS)" $(ARGS)

bench: $(READY) ## compare times with plain Keras: docs/benchmarks.md; QUICK=1 in three minutes
	@$(VENV)/bin/python scripts/bench.py --data "$(DATA)" --weights "$(WEIGHTS)" --fullres "$(FULLRES)" $(if $(QUICK),--quick) $(ARGS)

test: $(READY) ## run the fast tests (ARGS="-m slow": the slow tests)
	@$(PYTEST) $(ARGS)

check: $(READY) ## check format, lint, imports, tests: before a commit
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports
	@$(PYTEST) $(ARGS)

mutants: $(VENV)/.mutmut ## plant faults, list survivors (MODULE=data.splits: there)
	@$(VENV)/bin/python scripts/mutants.py $(MODULE)

$(VENV)/.mutmut: $(READY) pyproject.toml
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[mutation]"
	@touch $@

format: $(READY) ## format and fix with ruff; write the option files
	@$(VENV)/bin/python scripts/write_option_files.py
	@$(VENV)/bin/python scripts/write_recipe_page.py
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

clean: ## delete the environment and caches; keep runs
	@rm -rf $(VENV) mutants .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
