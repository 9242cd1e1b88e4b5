"""Kermany et al. 2018, Chest X-Ray Images (Pneumonia): ``{train,test,val}/{NORMAL,PNEUMONIA}/person1_virus_6.jpeg``."""

import re
from pathlib import Path

from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.sets.rows import ManifestRow, images_in, labelled_folders, make_row, squeeze

_FILE_NAME = re.compile(
    r"(?P<person>person\d+)_(?P<germ>bacteria|virus)_\d+(_\d+)?"  # person447_virus_921_1
    r"|(?P<normal>(NORMAL2-)?IM-\d+)-\d+(-\d+)*"  # NORMAL2-IM-0173-0001-0002
    r"|(?P<later>(?P<kind>BACTERIA|VIRUS|NORMAL)-\d+)-\d+"  # the publisher's third release: VIRUS-1001-0001
)
_LABELS = {"bacteria": "bacterial", "virus": "viral", "normal": "normal"}


def parse_kermany_name(name: str) -> tuple[str, str] | None:
    """Return (label, patient id) of a file named as in Kermany et al. 2018, or None for any other name.

    The class is part of the id: bacteria and virus reuse person numbers (979 of them).
    """
    match = _FILE_NAME.fullmatch(Path(name).stem)
    if not match:
        return None
    if match["person"]:
        return _LABELS[match["germ"]], f"kermany/{match['germ']}-{match['person']}"
    label = _LABELS[(match["kind"] or "normal").lower()]
    return label, f"kermany/{match['normal'] or match['later']}"


def recognise(root: Path) -> bool:
    """Return whether the folder is ``{train,test,val}/{NORMAL,PNEUMONIA}`` with Kermany's file names (or no file)."""
    pairs = labelled_folders(root)
    if not pairs or any(not split or squeeze(folder.name) not in ("normal", "pneumonia") for split, folder in pairs):
        return False
    images = [path for _, folder in pairs for path in images_in(folder)]
    return not images or any(parse_kermany_name(path.name) for path in images)


def read(root: Path) -> list[ManifestRow]:
    """Return the rows of Kermany's set; raise `PxrError` for a file whose name does not fit its folder."""
    rows, unknown = [], []
    for split, folder in labelled_folders(root):
        for path in images_in(folder):
            label, patient = parse_kermany_name(path.name) or ("", "")
            if not label or (label == "normal") != (squeeze(folder.name) == "normal"):
                unknown.append(path.relative_to(root).as_posix())
            rows.append(make_row("kermany", root, path, label, patient, split))
    if unknown:
        raise PxrError(
            f"{root} is laid out as kermany, but {count_words(len(unknown), 'file')} "
            f"{'is' if len(unknown) == 1 else 'are'} not named as Kermany's "
            f"({shorten(unknown, 3)}); accepted: personN_bacteria_N or personN_virus_N in PNEUMONIA, IM-N-N in "
            "NORMAL. Move them out, or list the images in a CSV with path and label."
        )
    return rows
