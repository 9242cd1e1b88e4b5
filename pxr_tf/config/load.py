"""Experiments from files: YAML with dotted overrides -> one validated, frozen value; and back."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pxr_tf.config.messages import explain_errors
from pxr_tf.config.schema import Experiment
from pxr_tf.errors import PxrError, nearest, shown


def configs_folder() -> Path:
    """Return the folder of the recipes: inside the package where it was installed as a wheel, else beside it."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir())


def load_experiment(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Experiment:
    """Return the experiment of a YAML file, or of a recipe's name, with dotted keys replaced (``{"splits.folds": 3}``).

    Raises `PxrError` in one line for a missing file, an unknown key or an impossible value.
    """
    file = _find(path)
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PxrError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise PxrError(f"{file} holds {shown(values)}; an experiment is a mapping of keys to values.")
    values = _unshared(values)
    for key, value in (overrides or {}).items():
        _replace(values, key, value)
    return parse_experiment(values, str(file))


def parse_experiment(values: Mapping[str, Any], origin: str) -> Experiment:
    """Return the validated experiment; `origin` names it in the `PxrError` for a bad one."""
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        raise PxrError(f"{origin}: {explain_errors(error.errors())}") from error


def parse_override(text: str) -> tuple[str, Any]:
    """Return (dotted key, value) of ``key=value``; the value is read as YAML. Raises `PxrError`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise PxrError(f"--set received {text!r}; accepted: key=value, e.g. --set training.batch_size=16.")
    try:
        return key.strip(), yaml.load(value, Loader=_Loader)
    except yaml.YAMLError as error:
        raise PxrError(f"--set received {text!r}; {value!r} is not valid YAML. Try quotes around it.") from error


def dump_experiment(experiment: Experiment) -> str:
    """Return the experiment as YAML; `load_experiment` reads it back to an equal one."""
    return yaml.safe_dump(experiment.model_dump(), sort_keys=False, allow_unicode=True)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys whose values differ, each with both: ``"seed: 0, now 1"``."""
    lines = []
    for key in sorted({*ours, *theirs}, key=str):
        one, other = theirs.get(key), ours.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            lines += differences(other, one, f"{prefix}{key}.")
        elif one != other:
            lines.append(f"{prefix}{key}: {one}, now {other}")
    return lines


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes ``1e-5`` for text; here it is a number, as everyone expects."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+0123456789.")
)


def _find(path: str | Path) -> Path:
    candidates = [Path(path), configs_folder() / f"{path}.yaml"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    names = sorted(file.stem for file in configs_folder().glob("*.yaml"))
    raise PxrError(
        f"No experiment {str(path)!r}. Give a YAML file or one of: {', '.join(names)}.{nearest(str(path), names)}"
    )


def _unshared(value: Any) -> Any:
    """Return a copy of YAML values in which an anchor's places are separate: replacing in one leaves the others."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _replace(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    place: Any = values
    for parent in parents:
        step = _step(place, parent, key)
        place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if not isinstance(place, dict | list):
            raise PxrError(f"The key {key!r} goes through {parent!r}, which is the single value {place!r}.")
    place[_step(place, last, key)] = value


def _step(place: dict[Any, Any] | list[Any], part: str, key: str) -> str | int:
    """Return what a part of a dotted key names in a mapping or a list; raise `PxrError` for a place outside a list."""
    if isinstance(place, list) and (not part.isdigit() or int(part) >= len(place)):
        raise PxrError(f"The key {key!r} names the item {part!r} of a list; accepted: 0 to {len(place) - 1}.")
    return int(part) if part.isdigit() else part
