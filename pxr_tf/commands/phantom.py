"""``pxr phantom``: draw synthetic data sets."""

import shlex

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def phantom(options: OptionValues) -> None:
    """Write synthetic chest X-rays in layouts of real data, with exact masks of lungs and lesions."""
    from pxr_tf.commands.typed import name_program
    from pxr_tf.errors import count_words
    from pxr_tf.phantoms.diseases import PHANTOM_CLASSES
    from pxr_tf.phantoms.layouts import COVID_SET, MIXED_SET
    from pxr_tf.phantoms.sets import write_phantoms
    from pxr_tf.phantoms.shortcuts import parse_shortcuts
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.progress import show_steps

    out, planted = options.out, parse_shortcuts(options.shortcuts)
    patients = dict.fromkeys(PHANTOM_CLASSES, options.patients)
    console = make_console()
    with show_steps(console, "drawing images") as on_progress:
        write_phantoms(
            out,
            patients=patients,
            size=options.size,
            seed=options.seed,
            every_source=options.every_source,
            shortcuts=planted,
            strength=options.strength,
            share=options.share,
            on_progress=on_progress,
        )
    names = (f"{MIXED_SET}/manifest.csv",) if options.every_source else ("chest_xray", COVID_SET)
    sets, by_make = ",".join(str(out / name) for name in names), name_program() != "pxr"
    print_paths(
        console, f"Wrote synthetic chest X-rays of {count_words(options.patients, 'patient')} per class to:", out
    )
    sets = shlex.quote(sets)
    command = f"make cv CONFIG=phantom DATA={sets}" if by_make else f"pxr cv --config phantom --data {sets}"
    print_paths(console, "To train on them:", command)
