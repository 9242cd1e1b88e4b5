"""The page of the service: what it asks, and what it answers. Everything works without scripts."""

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pxr_tf.deploy.service.answers import PROMISE, FindingText, ModelFacts
from pxr_tf.deploy.service.drawn import Drawn, draw
from pxr_tf.deploy.service.engine import Engine, Looked
from pxr_tf.deploy.service.guard import MEGABYTE, Limits, Refusal
from pxr_tf.evaluation.decisions import predictive_values
from pxr_tf.inference.likeness import FAR
from pxr_tf.inference.predictions_file import NOTICE
from pxr_tf.pictures.decode import MAX_PIXELS
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import origin_and_split

THRESHOLD = 0.5  # before somebody chooses another
_SPACE = "\N{NO-BREAK SPACE}"  # between a number and %
_GRADES = ("critical", "warning")  # of the findings that the page shows


class Chosen(NamedTuple):
    """What somebody chose to decide by."""

    name: str  # of a class
    threshold: float
    prevalence: float


class Rates(NamedTuple):
    """What a threshold is worth; NaN if that is unknown."""

    sensitivity: float
    specificity: float
    ppv: float
    npv: float


class Shown(NamedTuple):
    """An upload on the page."""

    looked: Looked
    drawn: Drawn | None


def asking(engine: Engine, limits: Limits, refusal: Refusal | None = None) -> HTMLResponse:
    """Return the page that asks for pictures, after a refusal with its reason."""
    return _page(engine, limits, _choose(engine, {}), refusal=refusal)


def answered(engine: Engine, limits: Limits, looked: list[Looked], fields: Mapping[str, str]) -> HTMLResponse:
    """Return the page with what is known about the pictures."""
    preparation = engine.run.preparation
    shown = [Shown(one, draw(one.prepared, preparation, one.heat) if one.prepared else None) for one in looked]
    return _page(engine, limits, _choose(engine, fields), shown=shown)


def refused(refusal: Refusal, run: FinishedRun | None) -> HTMLResponse:
    """Return a page that says why a request was refused, and nothing else."""
    text = _templates().get_template("refused.html").render(refusal=refusal, notice=NOTICE)
    return HTMLResponse(text, refusal.status, refusal.headers)


def describe(engine: Engine, limits: Limits) -> ModelFacts:
    """Return what the service knows about its model."""
    run, resident = engine.run, engine.resident
    findings = [FindingText(grade=f.grade, check=f.check, subject=f.subject, text=f.text) for f in engine.findings]
    return ModelFacts(
        model=run.place,
        classes=list(resident.classes),
        folds=list(resident.folds),
        temperature=resident.temperature,
        image=run.preparation.describe(),
        gate=engine.gate is not None,
        heat_maps=resident.explains,
        warnings=[warning.text for warning in engine.warnings],
        audit=findings or None,
        limits={
            "body_bytes": limits.body,
            "pixels": MAX_PIXELS,
            "pictures": limits.pictures,
            "waiting": limits.waiting,
            "requests_per_second": limits.rate,
        },
    )


def rates_of(engine: Engine, chosen: Chosen) -> Rates:
    """Return the rates of the nearest threshold that was measured, and predictive values at the prevalence."""
    rows = engine.rates[engine.rates["class"] == chosen.name]
    row = rows.iloc[int((rows.threshold - chosen.threshold).abs().argmin())]
    values = predictive_values(np.array(row.sensitivity), np.array(row.specificity), chosen.prevalence)
    return Rates(row.sensitivity, row.specificity, *map(float, values))


def _choose(engine: Engine, fields: Mapping[str, str]) -> Chosen:
    """Return the class, threshold and prevalence in a form; what is missing or wrong gets its default.

    The class is by default the one that the worst finding is about.
    """
    names = list(engine.prevalences)
    worst = [finding.subject for finding in engine.findings if finding.subject in names]
    name = next(name for name in (fields.get("class", ""), *worst, names[0]) if name in names)
    return Chosen(
        name,
        _share(fields.get("threshold", ""), THRESHOLD),
        _share(fields.get("prevalence", ""), engine.prevalences[name] * 100, 100) / 100,
    )


def _share(text: str, otherwise: float, most: float = 1) -> float:
    try:
        number = float(text)
    except ValueError:
        return otherwise
    return number if math.isfinite(number) and 0 <= number <= most else otherwise


def _page(
    engine: Engine,
    limits: Limits,
    chosen: Chosen,
    *,
    shown: list[Shown] | None = None,
    refusal: Refusal | None = None,
) -> HTMLResponse:
    findings = [finding for finding in engine.findings if finding.grade in _GRADES]
    text = (
        _templates()
        .get_template("page.html")
        .render(
            run=engine.run,
            about=origin_and_split(engine.run.info),
            resident=engine.resident,
            gate=engine.gate is not None,
            far=FAR,
            audited=bool(engine.findings),
            critical=[finding for finding in findings if finding.grade == "critical"],
            warned=[finding for finding in findings if finding.grade == "warning"],
            warnings=[warning for warning in engine.warnings if warning.what != "audit"],
            chosen=chosen,
            rates=rates_of(engine, chosen),
            data=_data(engine),
            images=len(engine.run.tested),
            shown=shown or [],
            refusal=refusal,
            notice=NOTICE,
            promise=PROMISE,
            limits=limits,
            megabytes=limits.body // MEGABYTE,
        )
    )
    return HTMLResponse(text, refusal.status if refusal else 200)


def _data(engine: Engine) -> dict[str, Any]:
    """Return class -> the numbers that the sliders need."""
    return {
        name: {
            "sensitivity": [None if np.isnan(one) else round(one, 5) for one in rows.sensitivity],
            "specificity": [None if np.isnan(one) else round(one, 5) for one in rows.specificity],
            "prevalence": round(engine.prevalences[name], 4),
        }
        for name, rows in engine.rates.groupby("class", sort=False)
    }


@lru_cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )
    found.filters |= {"percent": percent, "tidy": lambda text: text.replace(" %", f"{_SPACE}%")}
    return found


def percent(share: float | None) -> str:
    """Return a share as a percentage; one that is nearly 0 or 1 is not shown as 0 or 100 %. page.js does the same."""
    if share is None or math.isnan(share):
        return "unknown"
    if 0.9995 <= share < 1 or 0 < share < 0.0005:
        return f"over 99.9{_SPACE}%" if share > 0.5 else f"under 0.1{_SPACE}%"
    return f"{100 * share:.1f}{_SPACE}%"
