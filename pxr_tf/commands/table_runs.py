"""The options of the commands that open a finished run."""

from pathlib import Path

from pxr_tf.commands.option import NO_DEFAULT, PATHS, Option

_WHOSE_MODEL = "Whose model: 0, fold-0, official …"

RUN_OPTIONS = (
    Option(
        "folder",
        ("runs",),
        "Folder of runs, or a part of it.",
        kind=Path,
        default=Path("runs"),
        variable="RUNS",
        argument=True,
    ),
    Option(
        "run",
        ("feature-maps", "explain"),
        "Folder of a finished run.",
        kind=Path,
        default=NO_DEFAULT,
        variable="RUN",
        argument=True,
    ),
    Option(
        "run",
        ("features",),
        "Folder of a finished run with a network.",
        kind=Path,
        default=NO_DEFAULT,
        variable="RUN",
        argument=True,
    ),
    Option("data", ("features",), PATHS, otherwise="the run's own", variable="DATA", argument=True),
    Option(
        "images",
        ("explain",),
        "Image ids of the run, picture files, folders or data sets.",
        kind=list[str],
        otherwise="of each class the most certain right, the most certain wrong and the least certain ones, "
        "out of fold",
        variable="IMAGES",
        spelled="[IMAGE]...",
        argument=True,
    ),
    Option(
        "image",
        ("feature-maps",),
        "An image id of the run, or a picture's path.",
        otherwise="one test image of each class",
        variable="IMAGE",
    ),
    Option(
        "methods",
        ("explain",),
        "Comma-separated: grad_cam, grad_cam_plus_plus, layer_cam, score_cam, saliency, "
        "smooth_grad, integrated_gradients, guided_grad_cam, occlusion.",
        otherwise="grad_cam,guided_grad_cam,integrated_gradients",
        variable="METHODS",
    ),
    Option(
        "layer",
        ("feature-maps",),
        "One layer, by name.",
        otherwise="the convolutions and feature_map",
        variable="LAYER",
    ),
    Option(
        "layer",
        ("explain",),
        "Layer of the methods that need one.",
        otherwise="feature_map or the last one",
        variable="LAYER",
    ),
    Option(
        "target",
        ("explain",),
        "The class that is explained: predicted, true, or its name.",
        default="predicted",
        variable="CLASS",
        spelled="--class",
    ),
    Option(
        "number",
        ("explain",),
        "Pictures of each kind and class, where no image is named.",
        kind=int,
        otherwise="3",
        variable="NUMBER",
        least=1,
    ),
    Option("fold", ("feature-maps",), _WHOSE_MODEL, otherwise="the first", variable="FOLD"),
    Option("fold", ("features",), _WHOSE_MODEL, otherwise="the fold that held an image out", variable="FOLD"),
    Option(
        "fold",
        ("explain",),
        _WHOSE_MODEL,
        otherwise="the fold that tested a picture; the first for strangers",
        variable="FOLD",
    ),
    Option(
        "atlas",
        ("feature-maps", "features"),
        "Where the atlas lies now that the run found lungs by.",
        otherwise="where it was",
        variable="ATLAS",
    ),
    Option(
        "atlas",
        ("explain",),
        "What lungs are found by: builtin, a folder with images/ and masks/, or a file that `pxr lungs train` wrote.",
        variable="ATLAS",
    ),
    Option(
        "masks",
        ("explain",),
        "Lung masks that are read instead: data (beside the images), or a folder.",
        variable="MASKS",
    ),
    Option("out", ("features",), "The file.", kind=Path, otherwise="features.parquet in RUN", variable="OUT"),
    Option(
        "out",
        ("explain",),
        "The gallery's folder.",
        kind=Path,
        otherwise="RUN/explained; of images, RUN/explained-images-…",
        variable="OUT",
    ),
    Option(
        "checks",
        ("explain",),
        "Measure what the maps are worth, or leave that out.",
        kind=bool,
        default=True,
        spelled="--checks/--no-checks",
    ),
    Option(
        "check_pictures",
        ("explain",),
        "Pictures per fold for all checks but the shares in the lungs.",
        kind=int,
        otherwise="6",
        least=2,
    ),
    Option("runs", ("features", "explain"), "Folder of the cache.", kind=Path, otherwise="the one that RUN lies in"),
)
