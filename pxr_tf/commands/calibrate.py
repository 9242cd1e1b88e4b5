"""``pxr calibrate``: whether a run's probabilities can be believed, and what they are worth in decisions."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pxr_tf.evaluation.decisions import Rule


@takes_options
def calibrate(options: OptionValues) -> None:
    """Calibrate a finished run and judge decisions: temperature, thresholds, net benefit, referral, conformal sets."""
    from pxr_tf import locks
    from pxr_tf.evidence.calibrated import write_calibration
    from pxr_tf.evidence.decisions import RULES
    from pxr_tf.report.calibration import print_calibration, write_calibration_figure
    from pxr_tf.runs.finished import open_run
    from pxr_tf.studies.experiments import figure_formats

    run, formats = open_run(options.run, bundles=False), figure_formats(options.figures)
    rules = _read_rules(options) or RULES
    prevalences = _read_prevalences(options.prevalence or (), run.info.classes)
    with locks.hold(locks.lock_of(run.folder)):
        tables = write_calibration(run, rules, prevalences)
        write_calibration_figure(run, tables, formats)
    print_calibration(run, tables, make_console())


def _read_rules(options: OptionValues) -> "tuple[Rule, ...]":
    """Return the rules that were asked for, after Youden's; none if none was."""
    from pxr_tf.evaluation.decisions import COST, SENSITIVITY, SPECIFICITY, YOUDEN, Rule

    asked = [
        Rule(name, _read_number(f"--{name}", text, *limits))
        for name, limits in ((SENSITIVITY, _SHARE), (SPECIFICITY, _SHARE), (COST, _COST))
        for text in options.by_name[name] or ()
    ]
    return (Rule(YOUDEN), *dict.fromkeys(asked)) if asked else ()


_SHARE = (1.0, "a number above 0, up to 1, such as 0.95")
_COST = (1e6, "how many false alarms a missed case is worth, above 0, such as 10")


def _read_number(option: str, text: str, most: float, accepted: str) -> float:
    """Return a number above 0, up to `most`; raise `PxrError`."""
    from pxr_tf.errors import PxrError, shown

    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise PxrError(f"{option} received {shown(text)}; accepted: {accepted}.")
    return number


def _read_prevalences(texts: "Sequence[str]", classes: tuple[str, ...]) -> dict[str, float]:
    """Return class -> prevalence from texts such as ``covid19=0.05``; raise `PxrError`."""
    from pxr_tf.errors import PxrError, nearest, shown
    from pxr_tf.evaluation.roc import judged_classes

    judged = judged_classes(classes)
    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if name not in judged:
            accepted = f"CLASS=SHARE, such as {judged[0]}=0.05, with a class of {', '.join(judged)}"
            raise PxrError(f"--prevalence received {shown(text)}; accepted: {accepted}.{nearest(name, judged)}")
        found[name] = _read_number("--prevalence", number, 1 - 1e-9, f"{name}=SHARE with a share between 0 and 1")
    if sum(found.values()) > 1 + 1e-9:  # 0.7 + 0.2 + 0.1 is a little above 1
        raise PxrError(
            f"--prevalence received {shown(' '.join(texts))}, together {sum(found.values()):g}; accepted: shares that "
            "add up to 1 at most, because a person has one class."
        )
    return found
