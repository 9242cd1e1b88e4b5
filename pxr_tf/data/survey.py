"""What a set of images is made of, and whether a class could be told from something else than the lungs.

Shortcuts are real here: COVID-19 pictures come from other hospitals and other archives than the rest, and the official
training part's normals are JPEGs of a quality of their own. A network learns the encoder as gladly as the disease.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.images import Header, UnreadableImageError, load_grey, read_header
from pxr_tf.data.manifest import add_content

MAX_SIZES = 20  # more distinct sizes than this are put into bins
BYTES_BINS = 10  # deciles: a class of 3 % at one end of the scale would drown in a quartile
WARN_AT = 0.9  # balanced accuracy from which one property alone is called a shortcut
MIN_IMAGES = 10  # in fewer images any property tells a class by chance
PROPERTIES = {
    "source": "source",
    "mode": "colour mode",
    "size": "size",
    "format": "file format",
    "encoding": "bytes per pixel",
}


class Duplicates(NamedTuple):
    """Files with the same bytes; each count is of groups of copies, `copies` of the files beyond each group's first."""

    groups: int
    copies: int
    across_patients: int
    across_labels: int
    across_splits: int


class Survey(NamedTuple):
    """Everything that `pxr data` tells of a manifest."""

    files: pd.DataFrame  # a row per image: the manifest's columns and those of `survey_files`
    groups: pd.DataFrame  # see `summarise`
    duplicates: Duplicates
    unreadable: pd.DataFrame  # path, reason
    association: pd.DataFrame  # property, categories, cramers_v
    shortcuts: pd.DataFrame  # see `find_shortcuts`
    warnings: list[str]


def survey(table: pd.DataFrame, threads: int = 4) -> Survey:
    """Return the survey of a manifest. Reads and decodes every file once; an unreadable one is listed, not raised."""
    table = table if "content" in table.columns else add_content(table)
    files = survey_files(table, threads)
    readable = files[files.reason == ""].reset_index(drop=True)
    properties = describe_properties(readable)
    shortcuts = find_shortcuts(readable.label, properties)
    return Survey(
        files=files,
        groups=summarise(files),
        duplicates=count_duplicates(files),
        unreadable=files.loc[files.reason != "", ["path", "reason"]].reset_index(drop=True),
        association=associate(readable.label, properties),
        shortcuts=shortcuts,
        warnings=shortcut_warnings(shortcuts) + split_warnings(readable, properties),
    )


def survey_files(table: pd.DataFrame, threads: int = 4) -> pd.DataFrame:
    """Return the table with each file's header and, where it cannot be decoded, the reason.

    Adds ``format, width, height, mode, bytes`` (missing for an unreadable file), ``bytes_per_pixel`` and ``reason``
    (empty for a readable one). Decoding is at an eighth of the size for JPEG, enough to find truncation.
    """
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(_survey_file, table.path))
    headers = pd.DataFrame(found, columns=[*Header._fields, "reason"], index=table.index)
    sizes = headers[["width", "height", "bytes"]].apply(pd.to_numeric).astype("Int64")
    headers = headers.assign(**sizes, bytes_per_pixel=(sizes.bytes / (sizes.width * sizes.height)).astype("Float64"))
    return pd.concat([table, headers], axis=1)


def summarise(files: pd.DataFrame) -> pd.DataFrame:
    """Return a row per label, source and official split.

    Columns: ``label, source, official_split, images, patients, unreadable``; median, lowest and highest ``width_…``
    and ``height_…`` in pixels; ``formats`` and ``modes`` as text (``JPEG 96 %, PNG 4 %``); bytes per pixel as median,
    5th and 95th percentile.
    """
    grouped = files.groupby(["label", "source", "official_split"])
    return pd.DataFrame([_summarise_group(key, group) for key, group in grouped])


def count_duplicates(files: pd.DataFrame) -> Duplicates:
    """Return how many files are byte-identical copies, and across what. Needs the ``content`` column."""
    copies = files[files.content.duplicated(keep=False)].groupby("content")
    spread = copies[["patient_id", "label", "official_split"]].nunique() > 1
    return Duplicates(
        groups=copies.ngroups,
        copies=int(files.content.duplicated().sum()),
        across_patients=int(spread.patient_id.sum()),
        across_labels=int(spread.label.sum()),
        across_splits=int(spread.official_split.sum()),
    )


def describe_properties(readable: pd.DataFrame) -> pd.DataFrame:
    """Return what a file tells without its picture, as categories: ``source, mode, size, format, encoding``.

    With more than 20 distinct sizes, the rare ones (under 1 % or 20 images) are put into quarters of their area.
    Encoding is bytes per pixel in tenths of the images, an ordered category.
    """
    size = readable.width.astype(str) + " x " + readable.height.astype(str)
    if size.nunique() > MAX_SIZES:
        rare = size.map(size.value_counts()) < max(20, 0.01 * len(size))
        megapixels = (readable.width * readable.height / 1e6).astype(float)
        quarters = _bin_values(megapixels[rare], 4).astype(str).str.partition("|")[2] + " megapixels"
        size = size.mask(rare, quarters)
    encoding = _bin_values(readable.bytes_per_pixel.astype(float), BYTES_BINS)
    columns = {"source": readable.source, "mode": readable["mode"], "size": size, "format": readable.format}
    return pd.DataFrame(columns | {"encoding": encoding})


def cramers_v(first: Sequence | pd.Series, second: Sequence | pd.Series) -> float:
    """Return the association of two categorical variables, 0 (none) to 1 (each tells the other); bias-corrected.

    Bergsma, W. (2013), "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society
    42(3), 323-328. 0 where a variable has one category only, or as many categories as there are values.
    """
    observed = pd.crosstab(np.asarray(first), np.asarray(second)).to_numpy(float)
    total = observed.sum()
    if total < 2 or min(observed.shape) < 2:
        return 0.0
    expected = observed.sum(1, keepdims=True) * observed.sum(0, keepdims=True) / total
    phi_squared = ((observed - expected) ** 2 / expected).sum() / total
    rows, columns = observed.shape
    phi_squared = max(0.0, phi_squared - (rows - 1) * (columns - 1) / (total - 1))
    smaller = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)) - 1
    return float(min(1.0, np.sqrt(phi_squared / smaller))) if smaller > 0 else 0.0


def associate(labels: pd.Series, properties: pd.DataFrame) -> pd.DataFrame:
    """Return Cramér's V of the label with each property: columns ``property, categories, cramers_v``."""
    rows = [(name, properties[name].nunique(), cramers_v(labels, properties[name])) for name in properties]
    return pd.DataFrame(rows, columns=["property", "categories", "cramers_v"])


def find_shortcuts(labels: pd.Series, properties: pd.DataFrame) -> pd.DataFrame:
    """Return how well each property alone tells each class from the rest, under the best rule there is.

    Columns: ``label, property, images, balanced_accuracy, values`` (where the rule says "this class"),
    ``share_of_class`` and ``share_of_others`` with such a value.
    """
    rows = [
        (label, name, int((labels == label).sum()), *_tell_apart(properties[name], labels == label))
        for label in sorted(labels.unique())
        for name in properties
    ]
    columns = ["label", "property", "images", "balanced_accuracy", "values", "share_of_class", "share_of_others"]
    return pd.DataFrame(rows, columns=columns)


def shortcut_warnings(shortcuts: pd.DataFrame) -> list[str]:
    """Return a sentence per class that one property alone tells from the rest with 90 % balanced accuracy or more."""
    strong = shortcuts[(shortcuts.balanced_accuracy >= WARN_AT) & (shortcuts.images >= MIN_IMAGES)]
    warnings = []
    for label, found in strong.groupby("label"):
        # The source first: where it tells the class, size and encoding do so only as its consequence.
        found = found.assign(rank=found.property != "source").sort_values(
            ["rank", "balanced_accuracy"], ascending=[True, False]
        )
        first, *others = found.itertuples()
        also = f" Its {_join([PROPERTIES[other.property] for other in others])} would do as well." if others else ""
        warnings.append(f"{label} can be told from its {PROPERTIES[first.property]} alone: {_explain(first)}.{also}")
    return warnings


def split_warnings(readable: pd.DataFrame, properties: pd.DataFrame) -> list[str]:
    """Return a sentence per class of a source whose official training and test images differ in a property.

    What a model learns on such a training part may not hold on the test part, however good the validation looks.
    """
    warnings = []
    for (label, source), group in readable[readable.official_split.isin(["train", "test"])].groupby(
        ["label", "source"]
    ):
        train = group.official_split == "train"
        if min(train.sum(), (~train).sum()) < MIN_IMAGES:
            continue
        for name in properties:
            accuracy, values, in_train, in_test = _tell_apart(properties.loc[group.index, name], train)
            if accuracy >= WARN_AT:
                warnings.append(
                    f"{label} of {source}: the official training and test images differ in {PROPERTIES[name]}: "
                    f"{_percent(in_train)} and {_percent(in_test)} have {values}. "
                    "A model that uses it fails on the test part."
                )
    return warnings


def _survey_file(path: str) -> tuple:
    try:
        header = read_header(path)
        load_grey(path, at_least=max(1, min(header.width, header.height) // 8))
        return *header, ""
    except UnreadableImageError as error:
        return *[None] * len(Header._fields), str(error)


def _summarise_group(key: tuple[str, str, str], group: pd.DataFrame) -> dict:
    label, source, split = key
    row = {"label": label, "source": source, "official_split": split, "images": len(group)}
    row |= {"patients": group.patient_id.nunique(), "unreadable": int((group.reason != "").sum())}
    for side in ("width", "height"):
        row |= {
            f"{side}_median": group[side].median(),
            f"{side}_min": group[side].min(),
            f"{side}_max": group[side].max(),
        }
    row |= {"formats": _shares(group.format), "modes": _shares(group["mode"])}
    low, middle, high = group.bytes_per_pixel.astype(float).quantile([0.05, 0.5, 0.95])
    return row | {"bytes_per_pixel_median": middle, "bytes_per_pixel_p5": low, "bytes_per_pixel_p95": high}


def _bin_values(values: pd.Series, bins: int) -> pd.Series:
    """Return the quantile range of each value, an ordered category ``low to high``; equal values share one."""
    if values.nunique() < 2:
        return values.map("{:.3g}".format).astype("category")
    ranges = pd.qcut(values, bins, duplicates="drop").cat.remove_unused_categories()
    span = values.groupby(ranges, observed=True).agg(["min", "max"])
    # The bin's number keeps two bins apart whose ends look the same when rounded; `_merge_ranges` removes it.
    names = [f"{number}|{low:.3g} to {high:.3g}" for number, (low, high) in enumerate(span.to_numpy())]
    return ranges.cat.rename_categories(names)


def _tell_apart(values: pd.Series, inside: pd.Series) -> tuple[float, str, float, float]:
    """Return (balanced accuracy, values, share inside, share outside) of the best rule "inside where one of values".

    That rule takes every value that is more frequent inside than outside; its balanced accuracy is one half plus
    half of the total variation distance of the two distributions (Youden's index in another guise).
    """
    if inside.all() or not inside.any():
        return 0.5, "", 0.0, 0.0
    share_inside = values[inside].value_counts(normalize=True)
    share_outside = values[~inside].value_counts(normalize=True).reindex(share_inside.index, fill_value=0.0)
    chosen = share_inside > share_outside
    covered, false = float(share_inside[chosen].sum()), float(share_outside[chosen].sum())
    names = list(share_inside.index[chosen])
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = _merge_ranges(names, list(values.cat.categories))
    return 0.5 + (covered - false) / 2, _join(names), covered, false


def _merge_ranges(names: list[str], order: list[str]) -> list[str]:
    """Return the ranges with neighbours joined: ``0.1 to 0.2`` and ``0.2 to 0.4`` become ``0.1 to 0.4``."""
    merged: list[list[str]] = []
    for position in sorted(order.index(name) for name in names):
        low, _, high = order[position].rpartition("|")[2].partition(" to ")
        if merged and position > 0 and order[position - 1] in names:
            merged[-1][1] = high or low
        else:
            merged.append([low, high or low])
    return [low if low == high else f"{low} to {high}" for low, high in merged]


def _explain(shortcut: NamedTuple) -> str:
    verb = "come from" if shortcut.property == "source" else "have"
    if shortcut.share_of_class == 1 and shortcut.share_of_others == 0:
        return f"all of its {shortcut.images:,} images {verb} {shortcut.values}, and no other class does"
    others = f"but {_percent(shortcut.share_of_others)}" if shortcut.share_of_others else "and none"
    inside = f"{_percent(shortcut.share_of_class)} of its {shortcut.images:,} images"
    return f"{inside} {verb} {shortcut.values}, {others} of the others"


def _shares(values: pd.Series) -> str:
    counts = values.value_counts(normalize=True)
    return ", ".join(str(name) if share == 1 else f"{name} {_percent(share)}" for name, share in counts.items())


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or 0.01 <= share <= 0.99 or share == 1 else f"{100 * share:.1f} %"


def _join(names: list[str], limit: int = 3) -> str:
    names = names if len(names) <= limit else [*names[:limit], f"{len(names) - limit} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
