"""``pxr gate``: fit what refuses pictures that are not one upright frontal chest X-ray."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def gate(options: OptionValues) -> None:
    """Fit the gate of a run: it refuses pictures that are not one upright frontal chest X-ray, before prediction.

    It learns from the run's own pictures, and from others that the program makes: inverted, turned, of a part, noise …
    """
    from pxr_tf import locks
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.inference.gate import GATE, write_gate
    from pxr_tf.inference.gate_fit import fit_gate, read_films, read_given
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.gate import print_gate
    from pxr_tf.report.progress import Display
    from pxr_tf.runs.finished import open_run

    console, run = make_console(), open_run(options.run)
    with locks.hold(locks.lock_of(run.folder)):
        with Display(Outline(f"Fitting the gate of:\n{run.folder}"), console) as display:
            given = read_given(tuple(split_paths(options.refuse)), display.show)
            fitted = fit_gate(read_films(run, display.show), given, display.show)
        write_gate(run.folder / GATE, fitted)
    print_gate(fitted.about, console)
    print_paths(console, "Wrote the gate:", run.folder / GATE)
