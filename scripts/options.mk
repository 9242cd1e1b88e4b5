# Written by scripts/write_option_files.py (make format) from pxr_tf/commands/options.toml.

# If empty, the program's own default holds, mostly the recipe's.
RUNS ?= runs
PLAN ?=
NUMBER ?=
FILE ?=
RUN ?=
BUNDLE ?=
DATA ?=
LABEL ?=
IMAGES ?=
CHECKS ?=
STRICT ?=
REFUSE ?=
PICTURES ?=
TO ?=
IMAGE ?=
PREVALENCE ?=
SENSITIVITY ?=
SPECIFICITY ?=
COST ?=
METHODS ?=
LAYER ?=
CLASS ?=
FIGURES ?=
FOLD ?=
OUT ?=
ATLAS ?=
ENGINE ?=
MASKS ?=
HOST ?=
PORT ?=
SEED ?=
SET ?=
ACCEPT_LICENCE ?=
CONFIG ?=
VARIANT ?=
OVER ?=
MODELS ?=
STRATEGIES ?=
MODEL ?=
STRATEGY ?=
CLASSES ?=
SEEDS ?=
SCHEME ?=
VALIDATION ?=
UNIT ?=
FOLDS ?=
CROP ?=
WEIGHTS ?=
EXECUTOR ?=
ADDRESS ?=
GPUS ?=
RETRIES ?=

# The variables of an experiment, except the folder of runs.
EXPERIMENT := MODEL STRATEGY VARIANT CLASSES SEEDS FOLDS CONFIG DATA CROP ATLAS WEIGHTS SEED FIGURES EXECUTOR ADDRESS \
    GPUS RETRIES SCHEME VALIDATION UNIT OVER MODELS STRATEGIES

# The variables of each command, besides ARGS.
TAKES_cv := MODEL STRATEGY VARIANT CLASSES SEEDS FOLDS CONFIG DATA CROP ATLAS WEIGHTS SEED RUNS FIGURES EXECUTOR \
    ADDRESS GPUS RETRIES
TAKES_train := MODEL STRATEGY VARIANT CLASSES SEEDS SCHEME VALIDATION UNIT CONFIG DATA CROP ATLAS WEIGHTS SEED RUNS \
    FIGURES EXECUTOR ADDRESS GPUS RETRIES
TAKES_tune := CONFIG VARIANT OVER MODEL CLASSES SCHEME VALIDATION UNIT DATA CROP ATLAS WEIGHTS SEED RUNS FIGURES \
    EXECUTOR ADDRESS GPUS RETRIES
TAKES_grid := MODELS STRATEGIES FOLDS CONFIG DATA CROP ATLAS WEIGHTS SEED RUNS FIGURES EXECUTOR ADDRESS GPUS RETRIES
TAKES_reproduce := MODEL SEEDS DATA CROP ATLAS WEIGHTS RUNS FIGURES EXECUTOR ADDRESS GPUS RETRIES
TAKES_data := DATA
TAKES_download := SET OUT ACCEPT_LICENCE
TAKES_lungs := DATA ATLAS OUT MASKS RUNS
TAKES_phantom := OUT
TAKES_feature-maps := RUN IMAGE LAYER FIGURES FOLD ATLAS EXECUTOR ADDRESS GPUS RETRIES
TAKES_features := RUN DATA FOLD ATLAS OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_predict := RUN STRICT PICTURES FOLD ATLAS ENGINE OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_evaluate := RUN DATA LABEL FOLD ATLAS OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_export := RUN TO FOLD OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_audit := RUN CHECKS STRICT OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_explain := RUN IMAGES METHODS LAYER CLASS NUMBER FOLD ATLAS MASKS OUT EXECUTOR ADDRESS GPUS RETRIES
TAKES_serve := RUN FOLD ATLAS HOST PORT
TAKES_calibrate := RUN PREVALENCE SENSITIVITY SPECIFICITY COST FIGURES
TAKES_gate := RUN REFUSE EXECUTOR ADDRESS GPUS RETRIES
TAKES_compare := RUN OUT
TAKES_report := RUN OUT
TAKES_runs := RUNS
TAKES_status := RUNS
TAKES_plan := MODEL STRATEGY VARIANT CLASSES SEEDS SCHEME VALIDATION UNIT FOLDS CONFIG DATA CROP ATLAS WEIGHTS SEED \
    RUNS FIGURES
TAKES_task := PLAN NUMBER
TAKES_check-published := FILE
TAKES_bundle := RUN FOLD OUT
TAKES_verify := BUNDLE
TAKES_lungs-train := ATLAS OUT SEED RUNS EXECUTOR ADDRESS GPUS RETRIES

# The variable without which a target is refused, and what it accepts.
NEEDS_tune := CONFIG
WANTED_tune := a name in configs/ or a YAML file
NEEDS_data := DATA
WANTED_data := folders or CSV files, comma-separated; an existing path may contain commas
NEEDS_download := SET
WANTED_download := public data set: kermany, covid-chestxray, radiography or coronahack
NEEDS_lungs := DATA
WANTED_lungs := data sets or folders of pictures, comma-separated; write ./train for a folder called train
NEEDS_feature-maps := RUN
WANTED_feature-maps := folder of a finished run
NEEDS_features := RUN
WANTED_features := folder of a finished run with a network, or a bundle of one
NEEDS_predict := RUN
WANTED_predict := folder of a finished run, or a bundle
NEEDS_evaluate := RUN
WANTED_evaluate := folder of a finished run, or a bundle
NEEDS_export := RUN
WANTED_export := folder of a finished run, or a bundle
NEEDS_audit := RUN
WANTED_audit := folder of a finished run, or data sets, comma-separated
NEEDS_explain := RUN
WANTED_explain := folder of a finished run, or a bundle
NEEDS_serve := RUN
WANTED_serve := folder of a finished run, or a bundle
NEEDS_calibrate := RUN
WANTED_calibrate := folder of a finished run
NEEDS_gate := RUN
WANTED_gate := folder of a finished run
NEEDS_compare := RUN
WANTED_compare := two or more folders of finished runs, or of seeds of one experiment; the first is the reference
NEEDS_report := RUN
WANTED_report := folders of finished runs; several are compared on one page
NEEDS_task := PLAN
WANTED_task := file with the JSON of `pxr plan --json`
NEEDS_check-published := FILE
WANTED_check-published := file (YAML) of a paper's printed figures; docs/check-published.md describes its keys
NEEDS_bundle := RUN
WANTED_bundle := folder of a finished run
NEEDS_verify := BUNDLE
WANTED_verify := a bundle: the folder or the zip that `pxr bundle` made
NEEDS_lungs-train := ATLAS
WANTED_lungs-train := folder of pairs: X-rays images/NAME.jpg (or .png) and lung masks masks/NAME.png, at least five

# Each command's arguments and options: only given values are passed on.
give = $(if $($(2)),--$(1) "$($(2))")
OPTIONS_cv = $(call give,model,MODEL) $(call give,strategy,STRATEGY) $(call give,variant,VARIANT) \
    $(call give,classes,CLASSES) $(call give,seeds,SEEDS) $(call give,folds,FOLDS) $(call give,config,CONFIG) \
    $(call give,data,DATA) $(call give,crop,CROP) $(call give,atlas,ATLAS) $(call give,weights,WEIGHTS) \
    $(call give,seed,SEED) $(call give,runs,RUNS) $(call give,figures,FIGURES) $(call give,executor,EXECUTOR) \
    $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
OPTIONS_train = $(call give,model,MODEL) $(call give,strategy,STRATEGY) $(call give,variant,VARIANT) \
    $(call give,classes,CLASSES) $(call give,seeds,SEEDS) $(call give,scheme,SCHEME) \
    $(call give,validation,VALIDATION) $(call give,unit,UNIT) $(call give,config,CONFIG) $(call give,data,DATA) \
    $(call give,crop,CROP) $(call give,atlas,ATLAS) $(call give,weights,WEIGHTS) $(call give,seed,SEED) \
    $(call give,runs,RUNS) $(call give,figures,FIGURES) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) \
    $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_tune = "$(CONFIG)" $(if $(VARIANT),"$(VARIANT)")
OPTIONS_tune = $(foreach word,$(OVER),--over "$(word)") $(call give,model,MODEL) $(call give,classes,CLASSES) \
    $(call give,scheme,SCHEME) $(call give,validation,VALIDATION) $(call give,unit,UNIT) $(call give,data,DATA) \
    $(call give,crop,CROP) $(call give,atlas,ATLAS) $(call give,weights,WEIGHTS) $(call give,seed,SEED) \
    $(call give,runs,RUNS) $(call give,figures,FIGURES) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) \
    $(call give,gpus,GPUS) $(call give,retries,RETRIES)
OPTIONS_grid = $(call give,models,MODELS) $(call give,strategies,STRATEGIES) $(call give,folds,FOLDS) \
    $(call give,config,CONFIG) $(call give,data,DATA) $(call give,crop,CROP) $(call give,atlas,ATLAS) \
    $(call give,weights,WEIGHTS) $(call give,seed,SEED) $(call give,runs,RUNS) $(call give,figures,FIGURES) \
    $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
OPTIONS_reproduce = $(call give,model,MODEL) $(call give,seeds,SEEDS) $(call give,data,DATA) $(call give,crop,CROP) \
    $(call give,atlas,ATLAS) $(call give,weights,WEIGHTS) $(call give,runs,RUNS) $(call give,figures,FIGURES) \
    $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_data = "$(DATA)"
ARGUMENTS_download = "$(SET)"
OPTIONS_download = $(call give,out,OUT) $(if $(filter-out 0,$(ACCEPT_LICENCE)),--accept-licence)
ARGUMENTS_lungs = "$(DATA)"
OPTIONS_lungs = $(call give,atlas,ATLAS) $(call give,out,OUT) $(call give,masks,MASKS) $(call give,runs,RUNS)
ARGUMENTS_phantom = "$(or $(OUT),phantoms)"
ARGUMENTS_feature-maps = "$(RUN)"
OPTIONS_feature-maps = $(call give,image,IMAGE) $(call give,layer,LAYER) $(call give,figures,FIGURES) \
    $(call give,fold,FOLD) $(call give,atlas,ATLAS) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) \
    $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_features = "$(RUN)" $(if $(DATA),"$(DATA)")
OPTIONS_features = $(call give,fold,FOLD) $(call give,atlas,ATLAS) $(call give,out,OUT) $(call give,executor,EXECUTOR) \
    $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_predict = "$(RUN)" $(foreach word,$(PICTURES),"$(word)")
OPTIONS_predict = $(if $(filter-out 0,$(STRICT)),--strict) $(call give,fold,FOLD) $(call give,atlas,ATLAS) \
    $(call give,engine,ENGINE) $(call give,out,OUT) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) \
    $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_evaluate = "$(RUN)" "$(DATA)"
OPTIONS_evaluate = $(call give,label,LABEL) $(call give,fold,FOLD) $(call give,atlas,ATLAS) $(call give,out,OUT) \
    $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_export = "$(RUN)"
OPTIONS_export = $(call give,to,TO) $(call give,fold,FOLD) $(call give,out,OUT) $(call give,executor,EXECUTOR) \
    $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_audit = "$(RUN)"
OPTIONS_audit = $(call give,checks,CHECKS) $(if $(filter-out 0,$(STRICT)),--strict) $(call give,out,OUT) \
    $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_explain = "$(RUN)" $(if $(IMAGES),"$(IMAGES)")
OPTIONS_explain = $(call give,methods,METHODS) $(call give,layer,LAYER) $(call give,class,CLASS) \
    $(call give,number,NUMBER) $(call give,fold,FOLD) $(call give,atlas,ATLAS) $(call give,masks,MASKS) \
    $(call give,out,OUT) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) \
    $(call give,retries,RETRIES)
ARGUMENTS_serve = "$(RUN)"
OPTIONS_serve = $(call give,fold,FOLD) $(call give,atlas,ATLAS) $(call give,host,HOST) $(call give,port,PORT)
ARGUMENTS_calibrate = "$(RUN)"
OPTIONS_calibrate = $(foreach word,$(PREVALENCE),--prevalence "$(word)") \
    $(foreach word,$(SENSITIVITY),--sensitivity "$(word)") $(foreach word,$(SPECIFICITY),--specificity "$(word)") \
    $(foreach word,$(COST),--cost "$(word)") $(call give,figures,FIGURES)
ARGUMENTS_gate = "$(RUN)"
OPTIONS_gate = $(call give,refuse,REFUSE) $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) \
    $(call give,gpus,GPUS) $(call give,retries,RETRIES)
ARGUMENTS_compare = $(foreach word,$(RUN),"$(word)")
OPTIONS_compare = $(call give,out,OUT)
ARGUMENTS_report = $(foreach word,$(RUN),"$(word)")
OPTIONS_report = $(call give,out,OUT)
ARGUMENTS_runs = $(if $(RUNS),"$(RUNS)")
ARGUMENTS_status = $(if $(RUNS),"$(RUNS)")
OPTIONS_plan = $(call give,model,MODEL) $(call give,strategy,STRATEGY) $(call give,variant,VARIANT) \
    $(call give,classes,CLASSES) $(call give,seeds,SEEDS) $(call give,scheme,SCHEME) \
    $(call give,validation,VALIDATION) $(call give,unit,UNIT) $(call give,folds,FOLDS) $(call give,config,CONFIG) \
    $(call give,data,DATA) $(call give,crop,CROP) $(call give,atlas,ATLAS) $(call give,weights,WEIGHTS) \
    $(call give,seed,SEED) $(call give,runs,RUNS) $(call give,figures,FIGURES)
ARGUMENTS_task = "$(PLAN)" "$(NUMBER)"
ARGUMENTS_check-published = "$(FILE)"
ARGUMENTS_bundle = "$(RUN)"
OPTIONS_bundle = $(call give,fold,FOLD) $(call give,out,OUT)
ARGUMENTS_verify = "$(BUNDLE)"
ARGUMENTS_lungs-train = "$(ATLAS)"
OPTIONS_lungs-train = $(call give,out,OUT) $(call give,seed,SEED) $(call give,runs,RUNS) \
    $(call give,executor,EXECUTOR) $(call give,address,ADDRESS) $(call give,gpus,GPUS) $(call give,retries,RETRIES)
