"""``pxr gate``: fit what refuses pictures before a run predicts them, and the distance that finds unlike ones."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from pxr_tf.inference.likeness import Likeness
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import FinishedRun


@takes_options
def gate(options: OptionValues) -> None:
    """Fit the gate of a run: it refuses pictures that are not one upright frontal chest X-ray, before prediction.

    It learns from the run's own pictures, and from others that the program makes: inverted, turned, of a part, noise …
    It also fits the distance by which predictions say how unlike a picture is to what the models were trained on.
    """
    from pxr_tf import locks
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.inference.gate import GATE, write_gate
    from pxr_tf.inference.gate_fit import fit_gate, read_films, read_given
    from pxr_tf.inference.likeness import LIKENESS, write_likeness
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.gate import print_gate, print_likeness
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import open_run

    console, run = make_console(), open_run(options.run, bundles=False)
    places = [run.folder / GATE]
    with Display(Outline(f"Fitting the gate of:\n{run.folder}"), console) as display:
        given = read_given(tuple(split_paths(options.refuse)), display.show)
        fitted = fit_gate(read_films(run, display.show), given, display.show)
        likeness = _fit_likeness(run, display)
    with locks.hold(locks.lock_of(run.folder)):
        write_gate(places[0], fitted)
        if likeness is not None:
            places.append(run.folder / LIKENESS)
            write_likeness(places[1], likeness)
    print_gate(fitted.about, console)
    if likeness is not None:
        print_likeness(likeness.about, console)
    print_paths(console, "Wrote the gate:", *places)


def _fit_likeness(run: "FinishedRun", display: "Display") -> "Likeness | None":
    """Return the likeness of a run; None, with a note, if its models have no features, or too few are held out."""
    from pxr_tf import files
    from pxr_tf.data.feature_table import read_feature_table
    from pxr_tf.errors import PxrError
    from pxr_tf.events import emit_note
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.inference.features import FeatureRequest, export_features
    from pxr_tf.inference.likeness import fit_likeness

    try:
        name = f"held-out-{files.digest(run.place, run.predictions_digest)}.parquet"
        asked = FeatureRequest(run, out=run.cache / name, skip_unreadable=True)
        export_features(asked, choose_executor(), lambda event: show_task(display, event))
        rows, features, about = read_feature_table(asked.file)
        return fit_likeness(rows, features, dict(about["models"]))
    except PxrError as fault:
        emit_note(display.show, f"Predictions will not say how unlike pictures are. {fault}")
        return None
