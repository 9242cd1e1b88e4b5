"""What a shell offers when a person presses Tab after an option: names of backbones, recipes, methods and others."""

from collections.abc import Callable, Iterable
from typing import get_args


def _backbones() -> Iterable[str]:
    from pxr_tf.models.backbones import BACKBONES

    return BACKBONES


def _recipes() -> Iterable[str]:
    from pxr_tf.config import configs_folder

    return (file.stem for file in configs_folder().glob("*.yaml"))


def _schemes() -> Iterable[str]:
    from pxr_tf.data.schemes import SCHEMES

    return SCHEMES


def _crops() -> Iterable[str]:
    from pxr_tf.config.image import Image

    return get_args(Image.model_fields["crop"].annotation)


def _methods() -> Iterable[str]:
    from pxr_tf.explain.method_table import METHODS

    return METHODS


def _checks() -> Iterable[str]:
    from pxr_tf.audit.checks import CHECKS

    return CHECKS


def _sets() -> Iterable[str]:
    from pxr_tf.sets.licences import DATA

    return DATA


def _executors() -> Iterable[str]:
    from pxr_tf.executors.choose import EXECUTORS

    return EXECUTORS


# The words of the fact `complete` in options.toml. The modules are imported when Tab is pressed.
NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "backbones": _backbones,
    "recipes": _recipes,
    "schemes": _schemes,
    "crops": _crops,
    "methods": _methods,
    "checks": _checks,
    "sets": _sets,
    "executors": _executors,
}


def completer(kind: str) -> Callable[[str], list[str]]:
    """Return a function from what is typed so far to the names that continue its last piece; commas separate pieces."""

    def complete(incomplete: str) -> list[str]:
        before, comma, piece = incomplete.rpartition(",")
        return [before + comma + name for name in sorted(NAMES[kind]()) if name.startswith(piece)]

    return complete
