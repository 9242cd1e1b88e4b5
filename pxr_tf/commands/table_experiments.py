"""The options of the commands that run experiments: cv, train, tune, grid and reproduce."""

from pathlib import Path

from pxr_tf.commands.option import NO_DEFAULT, PATHS, Option

PAPER = "bozickovic2021"
PHANTOM = "phantom"
PAPER_BACKBONES = "resnet50,inception_v3,inception_resnet_v2,xception"

EXPERIMENTS = ("cv", "train", "tune", "grid", "reproduce")
CROSS_VALIDATION = ("cv", "grid")
ONE_SPLIT = ("train", "tune")

EXPERIMENT_OPTIONS = (
    Option(
        "config", ("tune",), "A name in configs/ or a YAML file.", default=NO_DEFAULT, variable="CONFIG", argument=True
    ),
    Option("variant", ("tune",), "One of its variants.", otherwise="its own", variable="VARIANT", argument=True),
    Option(
        "config",
        ("reproduce",),
        "A recipe with what its paper ran: a name in configs/, or a file.",
        default=NO_DEFAULT,
        argument=True,
    ),
    Option(
        "over",
        ("tune",),
        "A key and its values, comma-separated: training.learning_rate=0.003,0.01; several make a grid.",
        kind=list[str],
        otherwise="the recipe's `tuning`",
        variable="OVER",
    ),
    Option("models", ("grid",), "Backbones, comma-separated.", default=PAPER_BACKBONES, variable="MODELS"),
    Option("strategies", ("grid",), "Strategies, comma-separated.", default="1,2,3", variable="STRATEGIES"),
    Option(
        "model",
        ("cv", "train", "tune"),
        "Backbone, e.g. xception, resnet50, mobilenet_025.",
        key="model.backbone",
        variable="MODEL",
    ),
    Option(
        "model",
        ("reproduce",),
        "Variants, comma-separated. A backbone among them replaces theirs.",
        otherwise="all of the recipe's",
        variable="MODEL",
    ),
    Option(
        "strategy",
        ("cv", "train"),
        "Short for a variant: 2 means strategy2 (1: all layers; 2: head, then all; 3: as 2, with dropout).",
        kind=int,
        variable="STRATEGY",
    ),
    Option("variant", ("cv", "train"), "One of the recipe's variants, by name.", variable="VARIANT"),
    Option(
        "classes",
        ("cv", "train", "tune"),
        "Comma-separated; labels can be merged into a class: normal,pneumonia=bacterial+viral.",
        variable="CLASSES",
    ),
    Option(
        "seeds",
        ("cv", "train", "reproduce"),
        "Several seeds, comma-separated: one run each, then mean ± sd over seeds.",
        variable="SEEDS",
    ),
    Option(
        "scheme",
        ONE_SPLIT,
        "official: the data's own test part; random: random shares of each class.",
        otherwise="the recipe's, or official where that is folds",
        key="splits.scheme",
        variable="SCHEME",
    ),
    Option(
        "validation",
        ONE_SPLIT,
        "What validates: a share (0.15) or a number of images (800).",
        kind=float,
        key="splits.validation",
        variable="VALIDATION",
    ),
    Option(
        "unit",
        ONE_SPLIT,
        "What random splits: patient, or image as some papers did (a leaky split).",
        key="splits.unit",
        variable="UNIT",
    ),
    Option("folds", CROSS_VALIDATION, "Number of folds.", kind=int, key="splits.folds", variable="FOLDS"),
    Option(
        "config",
        ("cv", "train", "grid"),
        "A name in configs/ or a YAML file.",
        otherwise=f"{PAPER}; {PHANTOM} without data",
        variable="CONFIG",
    ),
    Option("data", EXPERIMENTS, PATHS, otherwise="phantoms", variable="DATA"),
    Option(
        "crop",
        EXPERIMENTS,
        "What a network sees: the box of the lungs (lungs), the lungs alone (lungs_only), all but them "
        "(without_lungs), or the whole picture (none).",
        key="image.crop",
        variable="CROP",
    ),
    Option(
        "atlas",
        EXPERIMENTS,
        "What a crop finds lungs by: builtin, a folder of pairs, or a file of `pxr lungs train`.",
        key="image.atlas",
        variable="ATLAS",
    ),
    Option("weights", EXPERIMENTS, "imagenet, none, or a weights file.", key="model.weights", variable="WEIGHTS"),
    Option(
        "seed", ("cv", "train", "tune", "grid"), "Seed of everything random.", kind=int, key="seed", variable="SEED"
    ),
    Option(
        "runs",
        (*EXPERIMENTS, "lungs", "lungs-train"),
        "Folder for runs and caches.",
        kind=Path,
        default=Path("runs"),
        variable="RUNS",
        make_default="runs",
    ),
    Option("epochs", EXPERIMENTS, "A fixed number of epochs for all phases, or one per phase (5,12)."),
    Option("test_rows", CROSS_VALIDATION, "Which held-out images count: balanced or all.", key="splits.test_rows"),
    Option(
        "nested",
        CROSS_VALIDATION,
        "Early stopping inside each fold, no hold-out.",
        kind=bool,
        default=False,
        key="splits.nested",
    ),
    Option(
        "skip_unreadable",
        (*EXPERIMENTS, "features", "explain"),
        "Go on without damaged images.",
        kind=bool,
        default=False,
    ),
    Option(
        "duplicates",
        EXPERIMENTS,
        "Copies of a picture: drop all but one, drop those with the same bytes only (exact), or keep.",
        key="duplicates",
    ),
    Option(
        "mix_environments",
        EXPERIMENTS,
        "Continue a run under other versions or on another machine; its tables then say so.",
        kind=bool,
        default=False,
    ),
    Option("overrides", EXPERIMENTS, "Any other key: training.batch_size=16.", kind=list[str], spelled="--set"),
    Option("train", ("tune",), "Then train and test the best point, as `train` does.", kind=bool, default=False),
)
