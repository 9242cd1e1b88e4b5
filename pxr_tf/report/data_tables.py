"""The survey of a data set as tables on the screen."""

import pandas as pd
from rich.console import Console
from rich.text import Text

from pxr_tf.data.manifest import is_synthetic, known_details
from pxr_tf.data.shortcuts import MIN_IMAGES, PROPERTIES, WARN_AT
from pxr_tf.errors import count_words, one_line, shorten
from pxr_tf.pictures.survey import DuplicateCounts, Survey
from pxr_tf.report.fitting import FittedTable, print_paths

SHOWN_FILES = 20  # unreadable files named on the screen


def print_survey(console: Console, survey: Survey) -> None:
    """Print what `survey` found: images, encodings, duplicates, unreadable files, shortcuts and warnings."""
    files = survey.files
    if is_synthetic(files):
        console.print(
            "These images are synthetic phantoms, not X-rays of patients. Results say nothing about a disease."
        )
    named, found = files.patient_id.nunique(), survey.num_patients
    merged = "" if found == named else f" ({found:,} after merging those who share a picture)"
    classes = count_words(files.label.nunique(), "class", "classes")
    console.print(f"{count_words(len(files), 'image')} of {count_words(named, 'patient')}{merged} in {classes}")
    details = [f"{name} of {(files[name] != '').sum():,}" for name in known_details(files)]
    if details:
        console.print(f"Known: {', '.join(details)}")
    print_groups(console, survey.groups)
    print_encodings(console, survey.groups)
    console.print()
    console.print(Text(_describe_duplicates("Byte-identical", survey.duplicates)))
    console.print(Text(_describe_duplicates("Near-identical", survey.near_duplicates)))
    print_unreadable(console, survey.unreadable)
    print_empty(console, survey.empty)
    print_shortcuts(console, survey)


def print_groups(console: Console, groups: pd.DataFrame) -> None:
    """Print images, patients and sizes per class, source and official split."""
    table = _make_table("Images", ["class", "source", "split"], ["images", "patients", "width", "height"])
    for row in groups.itertuples():
        counts = (f"{row.images:,}", f"{row.patients:,}")
        width = _range(row.width_median, row.width_min, row.width_max)
        height = _range(row.height_median, row.height_min, row.height_max)
        table.add_row(*_key(row), *counts, width, height)
    _print_table(console, table, "Width and height in pixels: median (lowest-highest).")


def print_encodings(console: Console, groups: pd.DataFrame) -> None:
    """Print file formats, colour modes and bytes per pixel per class, source and official split."""
    table = _make_table("Encoding", ["class", "source", "split", "format", "colour mode"], ["bytes per pixel"])
    for row in groups.itertuples():
        values = (row.bytes_per_pixel_median, row.bytes_per_pixel_p5, row.bytes_per_pixel_p95)
        size = "-" if pd.isna(values[0]) else "{:.2f} ({:.2f}-{:.2f})".format(*values)
        table.add_row(*_key(row), row.formats or "-", row.modes or "-", size)
    _print_table(console, table, "Bytes per pixel: median (5th-95th percentile).")


def print_unreadable(console: Console, unreadable: pd.DataFrame) -> None:
    """Print the files that cannot be decoded, with the reason."""
    if unreadable.empty:
        console.print("Unreadable files: none.")
        return
    console.print(f"Unreadable files: {len(unreadable):,}.")
    for row in unreadable.head(SHOWN_FILES).itertuples():
        print_paths(console, f"{row.reason}:", one_line(row.path))
    if len(unreadable) > SHOWN_FILES:
        console.print(f"and {len(unreadable) - SHOWN_FILES:,} more")


def print_empty(console: Console, empty: pd.DataFrame) -> None:
    """Print the files that show nothing: one grey, or a few grey levels."""
    if empty.empty:
        return
    console.print(f"Files that show nothing but a few grey levels: {len(empty):,}. Remove them if they are no X-rays.")
    for row in empty.head(SHOWN_FILES).itertuples():
        found = "one grey, or fully transparent" if row.levels == 1 else f"{row.levels:.0f} grey levels in a thumbnail"
        print_paths(console, f"{found}:", one_line(row.path))
    if len(empty) > SHOWN_FILES:
        console.print(f"and {len(empty) - SHOWN_FILES:,} more")


def print_shortcuts(console: Console, survey: Survey) -> None:
    """Print how well each property alone predicts the class, and the warnings."""
    labels = list(dict.fromkeys(survey.shortcuts.label))
    table = _make_table(
        "What properties outside the lungs reveal about the class", ["property"], ["Cramér's V", *labels]
    )
    accuracy = survey.shortcuts.pivot(index="property", columns="label", values="balanced_accuracy")
    for row in survey.association.itertuples():
        shares = (accuracy.loc[row.property, label] for label in labels)
        cells = [Text(f"{share:.2f}", style="bold yellow" if share >= WARN_AT else "") for share in shares]
        table.add_row(PROPERTIES[row.property], f"{row.cramers_v:.2f}", *cells)
    _print_table(
        console,
        table,
        "Cramér's V: association of the property with the class, 0 to 1. Under a class: balanced accuracy of "
        f"recognising it by that property alone; 0.50 is chance, {WARN_AT:.2f} or more is a shortcut.",
    )
    console.print()
    for warning in survey.warnings:
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning.text))
    small = list(dict.fromkeys(survey.shortcuts.label[survey.shortcuts.images < MIN_IMAGES]))
    if not survey.warnings and len(small) < len(labels):
        console.print("No class can be recognised by its source, encoding or tones alone.")
    if small:
        console.print(f"Not judged, with fewer than {MIN_IMAGES} readable images: {shorten(small)}.", markup=False)


def _describe_duplicates(kind: str, duplicates: DuplicateCounts) -> str:
    if not duplicates.copies:
        return f"{kind} copies: none."
    across = [
        f"{count_words(count, 'group')} across {name}"
        for name, count in (
            ("patients", duplicates.across_patients),
            ("classes", duplicates.across_labels),
            ("official splits", duplicates.across_splits),
        )
        if count
    ]
    where = f"; {shorten(across)}" if across else "; all within one patient and class"
    return f"{kind} copies: {duplicates.copies:,}, in {count_words(duplicates.groups, 'group')}{where}."


def _make_table(title: str, names: list[str], numbers: list[str]) -> FittedTable:
    table = FittedTable(title)
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _print_table(console: Console, table: FittedTable, explanation: str) -> None:
    console.print("", table)
    console.print(Text(explanation, style="dim"))


def _key(row: tuple) -> tuple[str, ...]:
    return one_line(row.label), one_line(row.source), one_line(row.official_split or "-")


def _range(median: float, low: float, high: float) -> str:
    if pd.isna(median):
        return "-"
    return f"{median:.0f}" if low == high else f"{median:.0f} ({low}-{high})"
