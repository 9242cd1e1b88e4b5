"""Shortcuts: properties outside the lungs, such as source, encoding or a bright border, that give a class away.

They are real here: COVID-19 pictures come from other hospitals and archives than the rest, and normal images in the
official training part have their own JPEG quality. A network learns the encoder as readily as the disease.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.run_warnings import RunWarning
from pxr_tf.errors import count_words

MAX_SIZES = 20  # with more distinct sizes, rare sizes are binned
BYTES_BINS = 10  # deciles: in a quartile, a class of 3 % at one end of the scale would drown
WARN_AT = 0.9  # balanced accuracy from which a single property counts as a shortcut
IMAGES_PER_BIN = 20  # of a mean grey: with fewer, ten bins would separate a small class by chance
MIN_IMAGES = 10  # with fewer images, any property separates a class by chance
PROPERTIES = {
    "source": "source",
    "colour_mode": "colour mode",
    "size": "size",
    "format": "file format",
    "encoding": "bytes per pixel",
    "polarity": "polarity",
    "border": "mean grey of the border",
    "centre": "mean grey of the centre",
}


def describe_properties(readable: pd.DataFrame) -> pd.DataFrame:
    """Return properties outside the lungs, as categories, a column for each of `PROPERTIES`.

    `readable` has ``source, format, width, height, colour_mode, bytes_per_pixel`` of every image with a header. With
    more than 20 distinct sizes, rare sizes (under 1 % or 20 images) are binned into quartiles of their area. Encoding
    is bytes per pixel, binned into deciles: an ordered category of `pandas.Interval`. Polarity and the mean greys of
    border and centre are described if `readable` has them; the greys are binned like the encoding, if there are enough
    images.
    """
    size = readable.width.astype(str) + " x " + readable.height.astype(str)
    if size.nunique() > MAX_SIZES:
        rare = size.map(size.value_counts()) < max(20, 0.01 * len(size))
        megapixels = (readable.width * readable.height / 1e6).astype(float)
        quarters = [f"{_describe_range(quarter)} megapixels" for quarter in _bin_values(megapixels[rare], 4)]
        size = size.mask(rare, pd.Series(quarters, index=size.index[rare]))
    encoding = _bin_values(readable.bytes_per_pixel.astype(float), BYTES_BINS)
    columns = {"source": readable.source, "colour_mode": readable.colour_mode, "size": size, "format": readable.format}
    columns["encoding"] = encoding
    if "polarity" in readable:
        columns["polarity"] = readable.polarity.fillna("")
        bins = min(BYTES_BINS, max(2, len(readable) // IMAGES_PER_BIN))
        columns |= {
            name: _bin_values(readable[name].fillna(0).astype(float).round(), bins) for name in ("border", "centre")
        }
    return pd.DataFrame(columns)


def cramers_v(first: Sequence | pd.Series, second: Sequence | pd.Series) -> float:
    """Return the association of two categorical variables, 0 (none) to 1 (each determines the other); bias-corrected.

    Bergsma, W. (2013), "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society
    42(3), 323-328. 0 if a variable has only one category, or a category for each value.
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
    """Return how well each property alone separates each class from the rest, by the best possible rule.

    Columns: ``label, property, images, balanced_accuracy, rule`` (the values that mean "this class"),
    ``share_of_class`` and ``share_of_others`` with one of these values.
    """
    rows = [
        (label, name, int((labels == label).sum()), *_tell_apart(properties[name], labels == label))
        for label in sorted(labels.unique())
        for name in properties
    ]
    columns = ["label", "property", "images", "balanced_accuracy", "rule", "share_of_class", "share_of_others"]
    return pd.DataFrame(rows, columns=columns)


def shortcut_warnings(shortcuts: pd.DataFrame) -> list[RunWarning]:
    """Return a warning for each class that a single property separates with 90 % balanced accuracy or more."""
    strong = shortcuts[(shortcuts.balanced_accuracy >= WARN_AT) & (shortcuts.images >= MIN_IMAGES)]
    warnings = []
    for label, found in strong.groupby("label"):
        # The source first: if it gives the class away, size and encoding do so only as a consequence.
        found = found.assign(rank=found.property != "source").sort_values(
            ["rank", "balanced_accuracy"], ascending=[True, False]
        )
        first, *others = found.itertuples()
        also = f" Its {_join([PROPERTIES[other.property] for other in others])} would be enough, too." if others else ""
        text = f"{label} can be recognised by its {PROPERTIES[first.property]} alone: {_explain(first)}.{also}"
        warnings.append(RunWarning("shortcut", label, first.property, first.balanced_accuracy, text))
    return warnings


def split_warnings(readable: pd.DataFrame, properties: pd.DataFrame) -> list[RunWarning]:
    """Return a warning per source and class if official training and test images differ in a property.

    A model may then learn something that fails on the test part, however good the validation looks.
    """
    warnings = []
    for (label, source), group in readable[readable.official_split.isin(["train", "test"])].groupby(
        ["label", "source"]
    ):
        train = group.official_split == "train"
        if min(train.sum(), (~train).sum()) < MIN_IMAGES:
            continue
        for name in properties:
            accuracy, rule, in_train, in_test = _tell_apart(properties.loc[group.index, name], train)
            if accuracy >= WARN_AT:
                text = (
                    f"{label} of {source}: the official training and test images differ in {PROPERTIES[name]}: "
                    f"{percent(in_train)} and {percent(in_test)} have {rule}. "
                    "A model that uses it fails on the test part."
                )
                warnings.append(RunWarning("split", label, name, accuracy, text))
    return warnings


def _bin_values(values: pd.Series, bins: int) -> pd.Series:
    """Return the quantile range of each value, an ordered category of closed intervals; equal values share one."""
    ranges = pd.qcut(values, bins, duplicates="drop") if values.nunique() > 1 else values.astype("category")
    ranges = ranges.cat.remove_unused_categories()
    span = values.groupby(ranges, observed=True).agg(["min", "max"])
    return ranges.cat.rename_categories(pd.IntervalIndex.from_arrays(span["min"], span["max"], closed="both"))


def _tell_apart(values: pd.Series, inside: pd.Series) -> tuple[float, str, float, float]:
    """Return (balanced accuracy, rule, share inside, share outside) of the best rule "inside if one of these values".

    The best rule takes every value that is more frequent inside than outside. Its balanced accuracy is one half plus
    half of the total variation distance of the two distributions, which equals Youden's index.
    """
    if inside.all() or not inside.any():
        return 0.5, "", 0.0, 0.0
    share_inside = values[inside].value_counts(normalize=True)
    share_outside = values[~inside].value_counts(normalize=True).reindex(share_inside.index, fill_value=0.0)
    chosen = share_inside > share_outside
    covered, false = float(share_inside[chosen].sum()), float(share_outside[chosen].sum())
    names = list(share_inside.index[chosen])
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = [_describe_range(span) for span in _merge_ranges(names, list(values.cat.categories))]
    return 0.5 + (covered - false) / 2, _join(names), covered, false


def _merge_ranges(chosen: Sequence[pd.Interval], ranges: Sequence[pd.Interval]) -> list[pd.Interval]:
    """Return the chosen ranges with neighbours merged: [0.1, 0.2] and [0.21, 0.4] become [0.1, 0.4]."""
    merged: list[pd.Interval] = []
    for before, span in zip([None, *ranges], ranges, strict=False):
        if span in chosen and before in chosen:
            merged[-1] = pd.Interval(merged[-1].left, span.right, closed="both")
        elif span in chosen:
            merged.append(span)
    return merged


def _describe_range(span: pd.Interval) -> str:
    low, high = f"{span.left:.3g}", f"{span.right:.3g}"
    return low if low == high else f"{low} to {high}"


def _explain(shortcut: NamedTuple) -> str:
    verb = "come from" if shortcut.property == "source" else "have"
    if shortcut.share_of_class == 1 and shortcut.share_of_others == 0:
        if shortcut.images == 1:
            verb = "comes from" if shortcut.property == "source" else "has"
            return f"its only image {verb} {shortcut.rule}, and no other class does"
        return f"all of its {shortcut.images:,} images {verb} {shortcut.rule}, and no other class does"
    others = f"but only {percent(shortcut.share_of_others)}" if shortcut.share_of_others else "and none"
    inside = f"{percent(shortcut.share_of_class)} of its {count_words(shortcut.images, 'image')}"
    return f"{inside} {verb} {shortcut.rule}, {others} of the others"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or 0.01 <= share <= 0.99 or share == 1 else f"{100 * share:.1f} %"


def _join(names: list[str]) -> str:
    names = names if len(names) <= 3 else [*names[:3], f"{len(names) - 3} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
