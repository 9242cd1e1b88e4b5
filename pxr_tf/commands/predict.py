"""``pxr predict``: the probability of every class for any pictures, by a finished run's models."""

import sys
from functools import partial

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_work


@takes_options
def predict(options: OptionValues) -> None:
    """Predict pictures with a run's models: one probability per class, as CSV, Parquet or JSON. Research use."""
    from pxr_tf.config.comma_lists import split_paths
    from pxr_tf.inference.engines import check_engine
    from pxr_tf.inference.predict import PredictRequest, predict_pictures
    from pxr_tf.inference.predictions_file import check_output, default_file, write_predictions
    from pxr_tf.inference.refusals import REFUSED_EXIT
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.predictions import print_predictions
    from pxr_tf.runs.finished import open_run

    console = make_console()
    run = open_run(options.run, options.runs)
    words = tuple(word for text in options.pictures for word in split_paths(text))
    out = options.out or default_file(run, words, options.fold)
    check_output(out)
    check_engine(options.engine)
    asked = PredictRequest(run, words, options.fold, options.atlas, options.engine)
    found = show_work(f"Predicting with:\n{run.folder}", console, partial(predict_pictures, asked))
    write_predictions(found, run, out)
    print_predictions(found, run.warnings, console)
    print_paths(console, "Wrote the predictions:", out)
    if options.strict and (found.table.predicted == "").any():
        sys.exit(REFUSED_EXIT)
