"""The checks of an audit, in order. A new check is a module with a function, and a line here."""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from pxr_tf.audit.material import Checked, Material

Run = Callable[[Material], Checked]


class Check(NamedTuple):
    """One check of an audit."""

    place: str  # ``module:function``, imported when it is needed
    needs_run: bool  # whether it needs trained models, and is left out for data without a run
    title: str  # for people


CHECKS: dict[str, Check] = {
    "leaks": Check("pxr_tf.audit.leaks:check_leaks", False, "What was learned from, and counted"),
    "controls": Check("pxr_tf.audit.controls:check_controls", True, "What images from elsewhere are called"),
    "probes": Check("pxr_tf.audit.probes:check_probes", False, "What is there besides lungs"),
    "properties": Check("pxr_tf.audit.properties:check_properties", False, "Named properties besides the disease"),
    "source": Check("pxr_tf.audit.source:check_source", False, "Source and other attributes"),
    "population": Check("pxr_tf.audit.population:check_population", False, "One population in training and test"),
    "counterfactuals": Check("pxr_tf.audit.counterfactuals:find_counterfactuals", True, "Counterfactuals"),
    "robustness": Check("pxr_tf.audit.robustness:find_robustness", True, "Robustness"),
}


def find_check(name: str) -> Run:
    """Return the function of a check."""
    module, _, function = CHECKS[name].place.partition(":")
    return getattr(import_module(module), function)
