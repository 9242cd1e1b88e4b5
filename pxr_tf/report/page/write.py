"""Write a report: the page, and its tables and figures as files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pxr_tf import files, rundir
from pxr_tf.errors import PxrError
from pxr_tf.evidence.crossfit import read_checked
from pxr_tf.report.figures import write_figure
from pxr_tf.report.page.checklists import OPEN
from pxr_tf.report.page.closer import CANDIDATES
from pxr_tf.report.page.comparison import compare_sections, name_runs
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.inline import to_svg
from pxr_tf.report.page.latex import write_table
from pxr_tf.report.page.parts import Drawing, Section, drawings_of, tables_of
from pxr_tf.report.page.sections import make_sections
from pxr_tf.runs.finished import FinishedRun

PAGE, PDF, TABLES, FIGURES = "report.html", "report.pdf", "tables", "figures"
FORMATS = ("png", "pdf", "svg")


class Written(NamedTuple):
    """What was written."""

    page: Path
    size: int  # bytes of the page
    tables: int
    figures: int


def check_runs(runs: Sequence[FinishedRun]) -> None:
    """Raise `PxrError` for a run that is named twice, or whose files were changed after they were written."""
    places = [run.folder.resolve() for run in runs]
    for place, run in zip(places, runs, strict=True):
        if places.count(place) > 1:
            raise PxrError(f"RUN received {str(run.folder)!r} twice. Accepted: each run once.")
        changed = run.changed_files()
        if changed:
            raise PxrError(
                f"Run {str(run.folder)!r} was edited: {changed[0]} was changed or removed after the run was prepared. "
                "Restore the file, or run the experiment in another folder (RUNS=...)."
            )
        read_checked(run)


def write_report(facts: Sequence[RunFacts], folder: Path) -> Written:
    """Write ``report.html``, ``tables/`` and ``figures/`` of one run, or of several runs that are compared."""
    if len(facts) > 1:
        named = name_runs([one.run for one in facts])
        return write_page(f"{len(facts)} runs compared", compare_sections(named), folder)
    (one,) = facts
    if "patient_id" in one.tested:
        files.write_csv(folder / TABLES / CANDIDATES, one.label_candidates)
    return write_page(f"{one.info.title} ({one.info.name})", make_sections(one), folder)


def write_page(title: str, sections: Sequence[Section], folder: Path) -> Written:
    """Write the page of these sections, and their tables and figures as files; delete those of the page before it."""
    tables, drawings = tables_of(sections), drawings_of(sections)
    _delete_old(folder, {table.name for table in tables}, {drawing.name for drawing in drawings})
    for table in tables:
        write_table(folder / TABLES, table)
    text = render_page(title, sections)
    for drawing in drawings:
        write_figure(folder / FIGURES / f"{drawing.name}.png", drawing.figure, FORMATS)
    files.write_text(folder / PAGE, text)
    return Written(folder / PAGE, len(text.encode()), len(tables), len(drawings))


def _delete_old(folder: Path, tables: set[str], figures: set[str]) -> None:
    """Delete the tables and figures of the page in the folder, if there is one, but those that are written again."""
    page = folder / PAGE
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    for name in {*re.findall(r'id="cap-([^"/]+)"', text)} - tables:
        for ending in ("csv", "tex"):
            (folder / TABLES / f"{name}.{ending}").unlink(missing_ok=True)
    for name in {*re.findall(r'id="([^"/]+)-figure_1"', text)} - figures:
        for ending in FORMATS:
            (folder / FIGURES / f"{name}.{ending}").unlink(missing_ok=True)


def render_page(title: str, sections: Sequence[Section]) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    here = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined)

    def svg(part: Drawing) -> Markup:
        return Markup(to_svg(part.figure, part.name, part.alternative))

    style = Markup((here / "page.css").read_text(encoding="utf-8"))
    template = environment.get_template("page.html")
    text = template.render(
        title=title, sections=sections, style=style, svg=svg, unanswered=OPEN, version=rundir.versions()[rundir.PACKAGE]
    )
    return text.replace(" %", "\u00a0%") + "\n"  # no line begins with a percent sign
