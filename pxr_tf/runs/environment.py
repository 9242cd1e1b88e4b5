"""Record the environment of each fold in its folder, and compare it before the next fold is trained.

``<fold>/environment.json`` is a list of environments: one, or more if the fold was stopped and continued in another.
What decides the numbers of a fold must be the same in all folds of a run (`check`), unless the user allows a mix.
`describe_mix` then says so next to the numbers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pxr_tf import files, machine, rundir
from pxr_tf.errors import PxrError, shorten

Environment = Mapping[str, Any]

# Recorded, but never refused. The numbers of processors and of parallel operations change no result if the threads of
# one operation stay the same. Most commits change none either: those that do raise a VERSION, or the package version.
RECORDED_ONLY = ("started", "processors", "operations_at_once", "commit", "modified")
OF_TABLES = ("python", "pandas")  # libraries that make a run's tables, once, before its first fold
MAX_DIFFERENCES = 4  # that a message names


def read_environment(**learner: object) -> dict[str, Any]:
    """Return the environment of this process; `learner` adds what its learner decides: device, precision, threads."""
    return {
        "started": rundir.now(),
        "processor": machine.processor(),
        "processors": machine.processors(),
        **learner,
        "switches": machine.switches(),
        "versions": rundir.versions(),
        **rundir.read_commit(),
    }


def check(folder: Path, now: Environment, *, mix: bool) -> None:
    """Raise `PxrError` if folds were trained or begun elsewhere and may not `mix`; only shared keys are compared."""
    found = find_differences({**read_folds(folder), "now": [now]})
    if found and not mix:
        raise PxrError(
            f"{folder} was begun in another environment: {shorten(found, MAX_DIFFERENCES)}. Continue in the old one, "
            "use another folder (RUNS=...), or allow a mix (--mix-environments): every table then says so."
        )


def enter(folder: Path, fold: str, now: Environment, *, mix: bool) -> str:
    """Record that a fold is trained in this environment; return the new `describe_mix`. Raises as `check`."""
    check(folder, now, mix=mix)
    before = read_folds(folder).get(fold, [])
    if not before or _without_time(before[-1]) != _without_time(now):
        files.write_json(folder / fold / rundir.ENVIRONMENT, [*before, now])
    return describe_mix(folder, fold)


def describe_mix(folder: Path, *begun: str) -> str:
    """Return a sentence if the folds of a run were, or may have been, trained in several environments; else "".

    `begun` names folds that count although they have no epoch yet.
    """
    folds = read_folds(folder, *begun)
    found = find_differences(folds)
    if found:
        return (
            "This run was trained in more than one environment, and its folds may differ for that reason alone: "
            f"{shorten(found, MAX_DIFFERENCES)}."
        )
    unknown = [fold for fold, environments in folds.items() if "processor" not in environments[0]]
    if unknown and any("processor" in environments[-1] for environments in folds.values()):
        return f"The environment of {shorten(unknown)} was not recorded; it may differ from the other folds."
    return ""


def describe_commits(folder: Path, now: Environment) -> str:
    """Return a sentence if folds of a run were trained at another commit than this one; else ""."""
    past = {fold: _commit_of(environments[-1]) for fold, environments in read_folds(folder).items()}
    others = {fold: commit for fold, commit in past.items() if commit and commit != _commit_of(now)}
    if not others or not _commit_of(now):
        return ""
    words = shorten([f"{fold} was trained at {commit}" for fold, commit in others.items()], 3)
    return f"The code is at commit {_commit_of(now)} now; {words}."


def find_differences(environments: Mapping[str, Sequence[Environment]]) -> list[str]:
    """Return differences between named environments that can change numbers: ``keras 3.14 (fold-0), 3.15 (now)``."""
    values: dict[str, dict[str, list[str]]] = {}
    for name, several in environments.items():
        for environment in several:
            for what, value in _decisive(environment).items():
                holders = values.setdefault(what, {}).setdefault(str(value), [])
                holders += [name] * (name not in holders)
    return [
        f"{what} " + ", ".join(f"{value} ({shorten(names, 3)})" for value, names in found.items())
        for what, found in values.items()
        if len(found) > 1
    ]


def read_folds(folder: Path, *begun: str) -> dict[str, list[Environment]]:
    """Return name -> environments of folds begun or trained; if a file is gone, the versions that prepared the run."""
    found = {file.parent.name for name in (rundir.PREDICTIONS, rundir.CHECKPOINT) for file in folder.glob(f"*/{name}")}
    run = files.read_json(folder / rundir.PROVENANCE) or {}
    unrecorded = [{"versions": run.get("versions", {})}]
    return {
        fold: files.read_json(folder / fold / rundir.ENVIRONMENT) or unrecorded for fold in sorted({*found, *begun})
    }


def _decisive(environment: Environment) -> dict[str, object]:
    versions = {name: value for name, value in environment.get("versions", {}).items() if name not in OF_TABLES}
    others = {name: value for name, value in environment.items() if name not in (*RECORDED_ONLY, "versions")}
    if "switches" in others:
        others["switches"] = " ".join(f"{name}={value}" for name, value in others["switches"].items()) or "none"
    if "precision" in others:  # a network; older folds, and those without a frozen phase, record none
        others.setdefault("extractor", "tensorflow")
    return others | versions


def _without_time(environment: Environment) -> dict[str, object]:
    return {name: value for name, value in environment.items() if name != "started"}


def _commit_of(environment: Environment) -> str:
    commit = environment.get("commit")
    return f"{commit[:10]}{' (modified)' if environment.get('modified') else ''}" if commit else ""
