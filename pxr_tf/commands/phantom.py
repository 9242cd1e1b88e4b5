"""``pxr phantom``: draw synthetic data sets."""

from pathlib import Path
from typing import Annotated

import typer


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder to make; it must not exist, or be empty.")],
    patients: Annotated[int, typer.Option(help="Patients per class, with one to three images each.")] = 60,
    size: Annotated[int, typer.Option(help="Pixels, both sides.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed; the same one gives the same bytes.")] = 0,
    shortcuts: Annotated[
        str, typer.Option(help="Planted per class: marker, quality, border. E.g. covid19:marker,normal:border+quality.")
    ] = "",
) -> None:
    """Write synthetic chest X-rays in the public layouts, with exact masks of lungs and lesions."""
    from pxr_tf.phantoms.sets import COVID_SET, PHANTOM_CLASSES, parse_shortcuts, write_phantoms

    planted = parse_shortcuts(shortcuts)
    write_phantoms(out, patients=dict.fromkeys(PHANTOM_CLASSES, patients), size=size, seed=seed, shortcuts=planted)
    print(f"Wrote synthetic chest X-rays of {patients} patients per class to {out}. To train on them:")
    print(f"make cv CONFIG=phantom DATA={out / 'chest_xray'},{out / COVID_SET}")
