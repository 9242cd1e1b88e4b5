"""Read experiments: YAML with dotted overrides -> a validated, frozen value; and write them."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from pxr_tf import files
from pxr_tf.config.image import IDLE
from pxr_tf.config.messages import explain_errors
from pxr_tf.config.model import NETWORK_KINDS
from pxr_tf.config.plain_yaml import Plain, read_yaml, write_yaml
from pxr_tf.config.schema import Experiment
from pxr_tf.config.tuning import Grid, read_grid
from pxr_tf.errors import PxrError, nearest, shown

WHICH_RUNS = ("reproduce",)  # keys of a recipe that say which runs to start: not part of an experiment

Values = dict[str, Plain]  # of a recipe, before they are validated


def configs_folder() -> Path:
    """Return the folder of the recipes: inside the package if it was installed as a wheel, else next to it."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir())


def load_experiment(
    path: str | Path, overrides: Mapping[str, Plain] | None = None, *, variant: str | None = None
) -> Experiment:
    """Return the experiment of a YAML file or recipe name, with dotted keys replaced (``{"splits.folds": 3}``).

    A phase has a number and a name: ``phases.1.l2`` or ``phases.all.l2``. A recipe has a base and, under ``variants``,
    overlays by name; `variant` chooses one, by default the file's own ``variant``. Mappings of an overlay are merged
    into the base's; its other values replace them. Overrides come last.
    If an overlay or override changes ``model.kind``, the rest of the base's ``model`` is dropped. So are its
    ``phases``, ``tuning`` and ``training.learning_rate``, unless both kinds are networks, which are trained alike.
    If the model is ``on_features`` of a variant and names no backbone, it gets that variant's backbone.
    If ``image.crop`` changes, the base's keys that the new crop does not use are dropped.
    Raises `PxrError` in one line for a missing file, an unknown variant or key, or an impossible value.
    """
    return parse_experiment(*read_values(path, overrides, variant=variant))


def read_values(
    path: str | Path, overrides: Mapping[str, Plain] | None = None, *, variant: str | None = None
) -> tuple[Values, str]:
    """Return (the values that `load_experiment` validates, the file's name); raise `PxrError` as it does."""
    values, _, file = _read_variant(path, variant)
    given = overrides or {}
    if "variant" in given:
        raise PxrError(
            f"Received variant={shown(given['variant'])} as an override, which would change only the name. Choose it "
            "with --variant (VARIANT=...)."
        )
    kind = given.get("model.kind", _value_of(given.get("model"), "kind"))
    if kind is not None:
        values = _with_kind(values, kind)
    values = _with_crop(values, given.get("image.crop", _value_of(given.get("image"), "crop")))
    for key, value in given.items():
        _replace(values, key, value)
    return _with_stage_one_backbone(values, path, file), file


def load_grid(path: str | Path, *, variant: str | None = None) -> Grid:
    """Return the grid under ``tuning`` of a recipe or its variant; {} if there is none. Raises `PxrError`."""
    return _read_variant(path, variant)[1]


def read_recipe(path: str | Path) -> tuple[Values, Path]:
    """Return (all values in a recipe's file, the file): base, variants and protocol; raise `PxrError`."""
    file = _find(path)
    return _unshared(_read(file)), file


def parse_experiment(values: Mapping[str, Plain], origin: str) -> Experiment:
    """Return the validated experiment; `origin` names it in the `PxrError` for an impossible value."""
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        raise PxrError(f"{origin}: {explain_errors(error.errors())}") from error


def parse_override(text: str) -> tuple[str, Plain]:
    """Return (dotted key, value) of ``key=value``; the value is read as YAML. Raises `PxrError`."""
    key, equals, value = text.partition("=")
    received = f"--set received {shown(text, 80)}"
    if not equals or not all(part.strip() for part in key.split(".")):
        raise PxrError(f"{received}; accepted: key=value, e.g. --set training.batch_size=16.")
    return key.strip(), read_yaml(value, received)


def dump_experiment(experiment: Experiment) -> str:
    """Return the experiment as YAML, from which `load_experiment` reads an equal experiment."""
    return write_yaml(experiment.model_dump())


def _read_variant(path: str | Path, variant: str | None) -> tuple[Values, Grid, str]:
    """Return (the values of a recipe's variant, its grid, the file's name)."""
    values, file = read_recipe(path)
    values = _lay_over({key: value for key, value in values.items() if key not in WHICH_RUNS}, variant, file)
    return values, read_grid(values.pop("tuning", None), str(file)), str(file)


def _find(path: str | Path) -> Path:
    candidates = (Path(path), configs_folder() / f"{path}.yaml")
    with files.reading(f"The experiment {shown(str(path), 80)}"):
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is not None:
        return found
    names = sorted(file.stem for file in configs_folder().glob("*.yaml"))
    accepted = f"a YAML file, or one of: {', '.join(names)}"
    if os.path.isdir(path):
        raise PxrError(f"{path} is a folder; accepted: {accepted}.")
    raise PxrError(f"No experiment {shown(str(path), 80)}; accepted: {accepted}.{nearest(str(path), names)}")


def _read(file: Path) -> Values:
    try:
        with files.reading(f"The experiment {str(file)!r}"):
            text = file.read_text(encoding="utf-8-sig")  # without a byte order mark
    except UnicodeDecodeError as error:
        raise PxrError(f"{file} is not UTF-8 text; save it as UTF-8.") from error
    values = read_yaml(text, str(file))
    if not isinstance(values, dict):
        raise PxrError(f"{file} contains {shown(values)}; accepted: a mapping of keys to values.")
    return values


def _lay_over(values: Values, variant: str | None, file: Path) -> Values:
    """Return the recipe's base, merged with one variant."""
    variants = values.pop("variants", None)
    variants = {} if variants is None else variants
    if not isinstance(variants, dict) or not all(isinstance(overlay, dict) for overlay in variants.values()):
        raise PxrError(f"{file}: variants received {shown(variants)}; accepted: a mapping of names to mappings.")
    names = (variant, values.get("variant"), next(iter(variants), "base"))
    chosen = next(name for name in names if name is not None)
    if not isinstance(chosen, str):
        raise PxrError(f"{file}: variant received {shown(chosen)}; accepted: the name of a variant.")
    if not variants and variant in (None, values.get("variant", "base")):
        return values
    if chosen not in variants:
        known = ", ".join(map(str, variants)) or "none"
        raise PxrError(f"{file}: unknown variant {chosen!r}. Known: {known}.{nearest(str(chosen), map(str, variants))}")
    overlay = variants[chosen]
    kind = _value_of(overlay.get("model"), "kind")
    values = _with_crop(values, _value_of(overlay.get("image"), "crop"))
    return _merged(values if kind is None else _with_kind(values, kind), overlay) | {"variant": chosen}


def _value_of(section: Plain, key: str) -> Plain:
    """Return the value of a key in a section of a recipe; None if it is missing."""
    return section.get(key) if isinstance(section, dict) else None


def _with_kind(values: Values, kind: Plain) -> Values:
    """Return the values with this kind of model, without the values for a model of another kind."""
    before = _value_of(values.get("model"), "kind") or "transfer"
    if before == kind:
        return values
    values = {**values, "model": {"kind": kind}}
    if before in NETWORK_KINDS and kind in NETWORK_KINDS:
        return values
    training = values.get("training")
    if isinstance(training, dict):
        values["training"] = {key: value for key, value in training.items() if key != "learning_rate"}
    return {key: value for key, value in values.items() if key not in ("phases", "tuning")}


def _with_stage_one_backbone(values: Values, path: str | Path, file: str) -> Values:
    """Return the values; a model on features of a variant gets that variant's backbone, unless it names one."""
    model = values.get("model")
    of = model.get("of") if _value_of(model, "kind") == "on_features" else None
    if not isinstance(of, str) or "/" in of or model.get("backbone") is not None:
        return values
    variants = read_recipe(path)[0].get("variants") or {}
    if of not in variants:
        known = ", ".join(variants) or "none"
        raise PxrError(
            f"{file}: model.of received {shown(of)}; accepted: one of the recipe's variants ({known}), or a run "
            f"directory such as runs/<recipe>/<variant>/<scheme>/seed-0.{nearest(of, variants)}"
        )
    stage = _read_variant(path, of)[0].get("model")
    if (_value_of(stage, "kind") or "transfer") not in NETWORK_KINDS:
        raise PxrError(
            f"{file}: model.of names {of}, whose model sees no pictures; accepted: a variant with a network."
        )
    return values | {"model": model | {"backbone": stage.get("backbone") or stage.get("network")}}


def _with_crop(values: Values, crop: Plain) -> Values:
    """Return the values without keys that this crop does not use; None changes nothing."""
    image, idle = values.get("image"), IDLE.get(crop, ()) if isinstance(crop, str) else ()
    if not idle or not isinstance(image, dict):
        return values
    return {**values, "image": {key: value for key, value in image.items() if key not in idle}}


def _merged(base: Values, overlay: Values) -> Values:
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _unshared(value: Plain) -> Plain:
    """Return a copy of YAML values without shared parts, so that a change in one place of an anchor is local."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _replace(values: Values, key: str, value: Plain) -> None:
    *parents, last = key.split(".")
    place: Plain = values
    for parent in parents:
        step = _step(place, parent, key)
        place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if not isinstance(place, dict | list):
            raise PxrError(f"The key {key!r} goes through {parent!r}, which is the single value {shown(place)}.")
    place[_step(place, last, key)] = value


def _step(place: Values | list[Plain], part: str, key: str) -> str | int:
    """Return the key or index for a part of a dotted key; an item of a list has its number, and perhaps a name.

    Raises `PxrError` for any other item of a list.
    """
    if isinstance(place, dict):
        return part
    numbers = [str(number) for number in range(len(place))]
    names = [_value_of(item, "name") for item in place]
    for known in (numbers, names):
        if part in known:
            return known.index(part)
    named = [name for name in names if isinstance(name, str) and "." not in name]
    accepted = f"0 to {len(place) - 1}" if place else "nothing, as it is empty"
    accepted += f", or {', '.join(named)}" if named else ""
    raise PxrError(
        f"The key {shown(key, 80)} names the item {shown(part)} of a list; accepted: {accepted}.{nearest(part, named)}"
    )
