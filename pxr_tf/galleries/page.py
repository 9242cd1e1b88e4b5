"""The page of a gallery: plain HTML and CSS, no scripts, no external files. Its numbers come from the tables."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pxr_tf import files, rundir
from pxr_tf.errors import count_words
from pxr_tf.explain.verdicts import CHECKS, counted
from pxr_tf.galleries.cases import LEAST, RIGHT, WRONG
from pxr_tf.galleries.conclusion import conclude, describe_seen
from pxr_tf.galleries.state import GalleryFacts
from pxr_tf.galleries.tables import (
    LUNG_AREA,
    LUNG_SHARE,
    ORDERS,
    TRUSTED_LUNGS,
    UNSEEN,
    chance_words,
    describe_pass,
    method_title,
)
from pxr_tf.inference.pictures import ASKED
from pxr_tf.report.figures import SYNTHETIC_NOTE

PAGE = "index.html"
_GROUPS = {
    RIGHT: "Most certain, right", WRONG: "Most certain, wrong", LEAST: "Least certain", ASKED: "Requested",
}  # fmt: skip
_ROLES = {
    "test": "test picture",
    "train": 'training picture: <span class="bad">trained on it</span>',
    "val": "validation picture",
    "": "unknown to the run",
}
STATES = {"passed": "✓ passed", "failed": "✗ failed", "undecided": "undecided", "not measured": "not measured"}


def write_page(folder: Path, about: GalleryFacts, table: pd.DataFrame, checks: pd.DataFrame) -> None:
    """Write ``index.html``; `table` and `checks` are ``explained.csv`` and ``checks.csv``."""
    files.write_text(folder / PAGE, "\n".join(page_lines(about, table, checks)) + "\n")


def page_lines(about: GalleryFacts, table: pd.DataFrame, checks: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the page."""
    title = f"What the network looked at: {about['run']}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>"
    yield f"<h1>{escape(title)}</h1>"
    yield from _head(about, table, checks)
    yield from _groups(about, table)
    yield from _legend(about, table)
    yield from _methods(about, table, checks)
    yield from _shares(about, table, checks)
    yield from _measured(checks)
    yield from _warnings(about)
    yield "</body>\n</html>"


def _head(about: GalleryFacts, table: pd.DataFrame, checks: pd.DataFrame) -> Iterator[str]:
    """Yield the conclusion, and what must accompany every picture."""
    roles = table.drop_duplicates("image_id").role
    yield f'<p class="notice">{escape(conclude(about["methods"], roles, checks if about["checks"] else None))}</p>'
    leaky = "Leaky split: some patients or pictures are in both the training and the test images"
    marks = [mark for mark, holds in ((SYNTHETIC_NOTE, about["synthetic"]), (leaky, about["leaky"])) if holds]
    yield from (f'<p class="bad">{escape(mark)}.</p>' for mark in marks)
    yield f'<p class="faint">{escape(about["title"])}. {escape(about["notice"])}</p>'


def _warnings(about: GalleryFacts) -> Iterator[str]:
    if about["warnings"]:
        yield "<h2>Warnings about the run</h2>"
    for text in about["warnings"]:
        yield f'<p class="notice"><b>Warning.</b> {escape(text)}</p>'


def _whose_models(about: GalleryFacts, once: pd.DataFrame) -> Iterator[str]:
    """Yield which models explain the pictures, and how they used the pictures before."""
    tested = int((once.role == "test").sum())
    if tested:
        whose = "the model of the fold that tested it" if about["folds"] > 1 else "the model that was tested on it"
        folds = f" ({about['folds']} folds)" if about["folds"] > 1 else ""
        yield (
            f"{count_words(tested, 'test picture')}: each is explained by {whose}, which was not trained on it{folds}."
        )
    words = {"train": "{} that trained the model of {}", "val": "{} that validated the model of {}"}
    for (fold, role), rows in once[once.role != "test"].groupby(["fold", "role"]):
        said = words.get(role, "{} unknown to the run, explained by the model of {}")
        yield f"{said.format(count_words(len(rows), 'picture'), rundir.fold_name(fold))}."
    copies = int((once.copy_of != "").sum())
    if copies:
        yield f"{count_words(copies, 'picture')} of the run in other files; size or encoding may differ."


def _methods(about: GalleryFacts, table: pd.DataFrame, checks: pd.DataFrame) -> Iterator[str]:
    verdicts = checks[checks.state != ""]
    yield "<h2>Can these maps be trusted?</h2>"
    if not about["checks"]:
        yield "<p>These maps were not checked (--no-checks), so nobody knows whether they can be trusted.</p>"
        return
    yield f"<p>{_who_counts(table.drop_duplicates('image_id').role)}</p>"
    yield '<div class="scroll"><table><tr><th>method</th>'
    yield "".join(f"<th>{escape(check.title)}</th>" for check in CHECKS.values()) + "</tr>"
    for name in about["methods"]:
        own = verdicts[verdicts.method == name].set_index("check")
        cells = [_state(own.loc[check]) if check in own.index else "" for check in CHECKS]
        mark = ' class="bad"' if (own.state == "failed").any() else ""
        yield f"<tr><td{mark}>{escape(method_title(name))}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    yield f"</table></div>\n<p>{chance_words(int(verdicts.low.notna().sum()), 'verdict')}</p>"
    yield "<details><summary>The reason for each verdict</summary><ul>"
    for row in verdicts.itertuples():
        count = f'<span class="faint">({count_words(row.pictures, "picture")})</span>' if row.pictures else ""
        yield f"<li><b>{escape(method_title(row.method))}</b>: {escape(row.reason)} {count}</li>"
    yield "</ul></details>"


def _who_counts(roles: pd.Series) -> str:
    """Return which pictures count for the verdicts, and what the verdicts mean."""
    count = int(counted(roles).sum())
    if not count:
        return f"{describe_seen(roles)}, so none of them counts for the checks."
    tested = (roles == "test").any()
    whose = count_words(count, "test picture") if tested else f"{count_words(count, 'picture')} unknown to the run"
    others = f", not the other {len(roles) - count}" if count < len(roles) else ""
    return (
        f"Verdicts and tables use {whose}{others}. A method passes or fails a check only if its whole confidence "
        "interval is on one side of the bound. Otherwise the check is undecided: too few patients or networks."
    )


def _state(row: pd.Series) -> str:
    style = {"passed": "good", "failed": "bad"}.get(row.state, "faint")
    return f'<span class="{style}">{STATES[row.state]}</span>'


def _shares(about: GalleryFacts, table: pd.DataFrame, checks: pd.DataFrame) -> Iterator[str]:
    area = checks[checks.check == LUNG_AREA].set_index("class")
    if area.empty:
        return
    yield "<h2>How much of each map is inside the lungs</h2>"
    once = table[counted(table.role)].drop_duplicates("image_id")
    left_out = once.lungs[~once.lungs.isin([TRUSTED_LUNGS, *UNSEEN])].value_counts()
    reasons = ", ".join(f"{reason}: {count}" for reason, count in left_out.items())
    yield (
        "<p>Percentage of a map's evidence for the class that is inside the lungs, with a 95 % confidence interval "
        "over patients (images, if the data name no patients). A map without any focus would score the lungs' "
        "percentage of the picture (column lungs). "
        "Even bars around the film do not count. The pictures were selected, not drawn at random, so these means "
        "describe this gallery only."
        + (f" Left out, because no reliable lung outline exists: {escape(reasons)}." if reasons else "")
        + "</p>"
    )
    yield '<div class="scroll"><table><tr><th>true class</th><th class="n">pictures</th><th class="n">lungs</th>'
    yield "".join(f'<th class="n">{escape(method_title(name))}</th>' for name in about["methods"]) + "</tr>"
    shares = checks[checks.check == LUNG_SHARE].set_index(["class", "method"])
    for label in area.index:
        cells = [_percent(shares.loc[(label, name)]) for name in about["methods"]]
        yield f'<tr><td>{escape(label)}</td><td class="n">{area.pictures[label]}</td>'
        yield f'<td class="n">{_percent(area.loc[label], interval=False)}</td>'
        yield "".join(f'<td class="n">{cell}</td>' for cell in cells) + "</tr>"
    yield f"</table></div>\n<p>{chance_words(int(shares.low.notna().sum()), 'interval')}</p>"


def _percent(row: pd.Series, interval: bool = True) -> str:
    if pd.isna(row.value):
        return "–"  # noqa: RUF001 - no value
    ends = "" if not interval or pd.isna(row.low) else f" ({100 * row.low:.0f} to {100 * row.high:.0f})"
    return f"{100 * row.value:.0f}{ends}"


def _measured(checks: pd.DataFrame) -> Iterator[str]:
    """Yield the table of areas and correlations, if they were measured."""
    means = checks[(checks.state == "") & ~checks.check.isin([LUNG_SHARE, LUNG_AREA])]
    if means.empty:
        return
    layers = list(dict.fromkeys(means.detail[means.check == "weights"]))
    columns = {("deletion", ""): "deletion (area)", ("insertion", ""): "insertion (area)"}
    columns |= {("weights", layer): f"random weights down to {layer}" for layer in layers}
    columns |= {("labels", ""): "permuted labels"} if (means.check == "labels").any() else {}
    columns |= {("folds", ""): "agreement between folds"} if (means.check == "folds").any() else {}
    values = means.groupby(["method", "check", "detail"])
    yield "<h2>Deletion, insertion and other networks</h2>"
    yield (
        "<p>Means over a few pictures of each fold (checks.csv has the numbers), with 95 % confidence intervals over "
        "patients, and over networks if there are three or more. Deletion blurs the most important parts of the film "
        "step by step; a small area under the probability curve is good. Insertion brings them back; a large area is "
        "good. The other columns are rank correlations between maps. Random weights and permuted labels compare a map "
        "with one from a network without useful knowledge: small is good. The sign is ignored, and if all weights are "
        "random, several networks are averaged. Agreement between folds compares the folds' networks: large is good "
        "(all but one may have trained on the picture). Maps with signs are compared by value and by absolute value; "
        "the worse result decides.</p>"
    )
    yield '<div class="scroll"><table><tr><th></th>'
    yield "".join(f'<th class="n">{escape(words)}</th>' for words in columns.values()) + "</tr>"
    names = [name for name in dict.fromkeys(means.method) if name not in ORDERS]
    for name in (*names, *ORDERS):
        cells = [_numbers(values.get_group((name, *at))) if (name, *at) in values.groups else "" for at in columns]
        yield f"<tr><td>{escape(method_title(name))}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>"
    yield f"</table></div>\n<p>{chance_words(int(means.low.notna().sum()), 'interval')}</p>"


def _numbers(rows: pd.DataFrame) -> str:
    """Return the mean, or the means of the signed and the absolute values."""
    return "<br>".join(f"{_number(row)} {row.view}".strip() for _, row in rows.iterrows())


def _number(row: pd.Series) -> str:
    if pd.isna(row.value):
        return "–"  # noqa: RUF001 - no value
    return f"{row.value:.2f}" + ("" if pd.isna(row.low) else f" ({row.low:.2f} to {row.high:.2f})")


def _legend(about: GalleryFacts, table: pd.DataFrame) -> Iterator[str]:
    once = table.drop_duplicates("image_id")
    target = {"predicted": "the predicted class", "true": "the true class"}.get(about["class"], about["class"])
    yield "<h2>How to read the pictures</h2>"
    yield (
        f"<p>{count_words(len(once), 'picture')} of {count_words(once.patient_id.nunique(), 'patient')}; for each "
        f"picture, the maps explain {escape(target)}.</p>"
    )
    yield from (f"<p>{escape(text)}</p>" for text in _whose_models(about, once))
    yield (
        "<p>Click a picture for its sheet with all methods. Raw maps are in maps/, numbers in "
        '<a href="explained.csv">explained.csv</a> and <a href="checks.csv">checks.csv</a>. The thumbnails show '
        f"{escape(method_title(table.method.iloc[0]))}. Maps without a sign go from blue to yellow. In maps with signs "
        '<span class="key" style="background:#009e73"></span> green (+) supports the class and '
        '<span class="key" style="background:#d55e00"></span> vermilion (\N{MINUS SIGN}) counts against it. Strong '
        "effects are more opaque. Each map has its own scale: do not compare colours between pictures.</p>"
    )
    if once.apply(describe_pass, axis=1).any():
        yield (
            "<p>The predictions are those of the run, which may average a picture with its mirror image. A map "
            "explains one pass of the picture alone. If that pass predicts otherwise, the picture's text names it.</p>"
        )


def _groups(about: GalleryFacts, table: pd.DataFrame) -> Iterator[str]:
    once = table.drop_duplicates("image_id")
    labels = [label for label in about["classes"] if label in set(once.label)]
    others = sorted(set(once.label) - set(labels))
    for label in (*labels, *others):
        yield f"<h2>True class: {escape(label)}</h2>" if label else "<h2>True class unknown</h2>"
        yield '<div class="groups">'
        for group in _GROUPS if (once.group != ASKED).any() else (ASKED,):
            yield from _group(group, once[(once.label == label) & (once.group == group)])
        yield "</div>"


def _group(group: str, rows: pd.DataFrame) -> Iterator[str]:
    """Yield one group of a class's pictures, or say that there are none."""
    if len(rows):
        yield f"<section><h3>{_GROUPS[group]} ({len(rows)})</h3>"
        yield f'<div class="{"grid asked" if group == ASKED else "grid"}">'
        yield from map(_figure, rows.itertuples())
        yield "</div></section>"
    elif group != ASKED:
        yield f'<section><h3>{_GROUPS[group]}</h3><p class="faint">None.</p></section>'


def _figure(row: NamedTuple) -> str:
    right = row.label == row.predicted
    mark = "" if not row.label else '<span class="good">✓</span> ' if right else '<span class="bad">✗</span> '
    explained = f", explained: {escape(row.explained)} {row.p_explained:.2f}" if row.explained != row.predicted else ""
    passed = f"<br>{escape(describe_pass(row))}" if describe_pass(row) else ""
    copy = f", copy of {escape(row.copy_of)}" if row.copy_of else ""
    words = f"true {row.label}, " if row.label else ""
    alt = f"X-ray {row.image_id} with a map over it; {words}predicted {row.predicted}"
    return (
        f'<figure><a href="{escape(row.sheet)}"><img src="{escape(row.thumbnail)}" alt="{escape(alt)}" loading="lazy" '
        f'width="176" height="176"></a><figcaption>{mark}predicted: {escape(row.predicted)} {row.p_predicted:.2f}'
        f"{explained}{passed}<br>{escape(rundir.fold_name(row.fold))}, {_ROLES[row.role]}<br>"
        f'<span class="faint">{escape(row.image_id)}{copy}</span></figcaption></figure>'
    )
