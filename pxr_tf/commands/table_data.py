"""The options of the commands that look at data, find lungs and draw phantoms."""

from pathlib import Path

from pxr_tf.commands.option import NO_DEFAULT, PATHS, Option

DATA_OPTIONS = (
    Option(
        "pairs",
        ("lungs-train",),
        "Folder with images/NAME.jpg and masks/NAME.png (white = lung).",
        default=NO_DEFAULT,
        variable="ATLAS",
        argument=True,
    ),
    Option(
        "out",
        ("lungs-train",),
        "The file to write.",
        kind=Path,
        otherwise="RUNS/lungs/<name of PAIRS>-unet.npz",
        variable="OUT",
    ),
    Option(
        "steps",
        ("lungs-train",),
        "Steps of training, 12 pictures each.",
        kind=int,
        otherwise="900",
        least=1,
        most=100_000,
    ),
    Option(
        "seed",
        ("lungs-train",),
        "Seed of weights and of how pictures are changed.",
        kind=int,
        default=0,
        variable="SEED",
        least=0,
        most=2**32 - 1,
    ),
    Option("data", ("data",), PATHS, default=NO_DEFAULT, variable="DATA", argument=True),
    Option(
        "data",
        ("lungs",),
        "Data sets, comma-separated, or any folders of pictures; one that is called train is ./train.",
        default=NO_DEFAULT,
        variable="DATA",
        argument=True,
    ),
    Option(
        "atlas",
        ("lungs",),
        "What lungs are found by: builtin (phantoms), a folder with images/NAME.jpg and "
        "masks/NAME.png, or a file that `pxr lungs train` wrote.",
        default="builtin",
        variable="ATLAS",
    ),
    Option("out", ("lungs",), "Where to write.", kind=Path, otherwise="RUNS/lungs/<name of DATA>", variable="OUT"),
    Option(
        "masks", ("lungs",), "Folder of masks that come with the data: read, not computed.", kind=Path, variable="MASKS"
    ),
    Option(
        "out",
        ("phantom",),
        "Folder to make; it must not exist, or be empty.",
        kind=Path,
        default=NO_DEFAULT,
        variable="OUT",
        make_default="phantoms",
        argument=True,
    ),
    Option("patients", ("phantom",), "Patients per class, with one to three images each.", kind=int, default=60),
    Option("size", ("phantom",), "Pixels, both sides.", kind=int, default=256),
    Option("seed", ("phantom",), "Seed; the same one gives the same bytes.", kind=int, default=0),
    Option(
        "shortcuts",
        ("phantom",),
        "Planted per class: marker, quality, border. E.g. covid19:marker,normal:border+quality.",
        default="",
    ),
)
