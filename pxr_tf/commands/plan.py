"""``pxr plan``: the tasks that an experiment still lacks, for another scheduler."""

import json

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.experiment_options import cross_validation_of, seeds_of, split_of
from pxr_tf.commands.running import make_console, show_work


@takes_options
def plan(options: OptionValues) -> None:
    """Prepare the runs that cv, or train with --scheme, would train, and list their tasks without doing them."""
    from functools import partial

    from pxr_tf.report.planned import print_plan
    from pxr_tf.studies.plan_all import as_records, plan_all

    quiet = make_console(error=options.json)
    asked, given, variant = split_of(options) if options.scheme not in (None, "folds") else cross_validation_of(options)
    experiments = [asked.experiment({**given, "seed": seed}, variant) for seed in seeds_of(options.seed, options.seeds)]
    requests = asked.requests(experiments, quiet.print)
    records = as_records(show_work("", quiet, partial(plan_all, requests)))
    if options.json:
        print(json.dumps(records, indent=1, ensure_ascii=False))
    else:
        print_plan(records, quiet)
