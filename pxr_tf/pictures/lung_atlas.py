"""Read a lung atlas from a folder of pairs of files: ``images/NAME.jpg`` and ``masks/NAME.png``."""

from functools import partial
from pathlib import Path

from pxr_tf.errors import PxrError, count_words, shorten
from pxr_tf.files import digest_file, reading
from pxr_tf.lungs.atlas import LungAtlas, LungPair, open_stored_atlas
from pxr_tf.pictures.decode import UnreadableImageError, load_grey
from pxr_tf.pictures.mask_codes import MASKS_VERSION, check_lungs, read_mask
from pxr_tf.pictures.store import PICTURES_VERSION

SUFFIXES = (".jpg", ".jpeg", ".png")
_FEWEST = 5  # pairs: the confidence depends on how far they agree
LAYOUT = (
    "accepted: a folder with images/NAME.jpg and masks/NAME.png (or .jpg, .jpeg, .png in both) of the same size, lungs "
    "white, coloured or numbered on black"
)


def read_atlas(folder: Path, cache: Path) -> LungAtlas:
    """Return the atlas of a folder's pairs, kept below `cache`; raise `PxrError` if files have no partner."""
    with reading(f"The atlas {folder}"):
        files = _list_pairs(folder)
        pairs = {_name_content(image, mask): partial(_read_pair, image, mask) for image, mask in files}
    return open_stored_atlas(cache, pairs)


def _name_content(image: Path, mask: Path) -> str:
    """Return a name that differs between pairs of other content, or read in another way."""
    return f"{digest_file(image)}-{digest_file(mask)}-{PICTURES_VERSION}-{MASKS_VERSION}"


def read_pairs(folder: Path) -> dict[str, LungPair]:
    """Return name -> (uint8 [h, w], bool [h, w]) of all pairs in a folder; raise `PxrError` as `read_atlas` does."""
    with reading(f"The atlas {folder}"):
        return {image.stem: _read_pair(image, mask) for image, mask in _list_pairs(folder)}


def _list_pairs(folder: Path) -> list[tuple[Path, Path]]:
    images, masks = (_list_pictures(folder, part) for part in ("images", "masks"))
    _check_names(folder, images, masks)
    return [(path, masks[name]) for name, path in images.items()]


def _list_pictures(folder: Path, part: str) -> dict[str, Path]:
    """Return stem -> file of one of the two folders."""
    if not (folder / part).is_dir():
        raise PxrError(f"The atlas {folder} has no folder {part}/; {LAYOUT}. Check the path.")
    found = sorted(path for path in (folder / part).iterdir() if path.suffix.lower() in SUFFIXES)
    names = {path.stem: path for path in found}
    if len(names) < len(found):
        twice = [path.name for path in found if names[path.stem] != path]
        raise PxrError(f"The atlas {folder} has two {part} with the same name ({shorten(twice)}). Remove one.")
    return names


def _check_names(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> None:
    for these, others, missing in ((images, masks, "mask"), (masks, images, "image")):
        alone = [path.name for name, path in these.items() if name not in others]
        if alone:
            raise PxrError(f"The atlas {folder} has no {missing} for {shorten(alone, 3)}; {LAYOUT}. Add or remove it.")
    if len(images) < _FEWEST:
        raise PxrError(
            f"The atlas {folder} has {count_words(len(images), 'pair')}; at least {_FEWEST} are needed; {LAYOUT}."
        )


def _read_pair(image: Path, mask: Path) -> LungPair:
    lungs = read_mask(mask)
    try:
        picture = load_grey(image)
    except UnreadableImageError as error:
        raise PxrError(f"The atlas's image {image} cannot be read: {error}. Replace or remove the pair.") from error
    if picture.shape != lungs.shape:
        sizes = [f"{shape[1]} x {shape[0]}" for shape in (picture.shape, lungs.shape)]
        raise PxrError(
            f"The mask {mask} has {sizes[1]} pixels, its picture {sizes[0]}; accepted: the same size. "
            "Resize the mask to its picture."
        )
    check_lungs(mask, lungs)
    return picture, lungs
