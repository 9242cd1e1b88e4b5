"""``pxr phantom``: draw synthetic data sets."""

from pxr_tf.commands.command_options import OptionValues, takes_options


@takes_options
def phantom(options: OptionValues) -> None:
    """Write synthetic chest X-rays in the public layouts, with exact masks of lungs and lesions."""
    from pxr_tf.commands.typed import name_program
    from pxr_tf.errors import count_words
    from pxr_tf.phantoms.sets import COVID_SET, PHANTOM_CLASSES, parse_shortcuts, write_phantoms

    out, planted = options.out, parse_shortcuts(options.shortcuts)
    patients = dict.fromkeys(PHANTOM_CLASSES, options.patients)
    write_phantoms(out, patients=patients, size=options.size, seed=options.seed, shortcuts=planted)
    patients_words = count_words(options.patients, "patient")
    print(f"Wrote synthetic chest X-rays of {patients_words} per class to {out}. To train on them:")
    sets = f"{out / 'chest_xray'},{out / COVID_SET}"
    by_make = name_program() != "pxr"
    print(f"make cv CONFIG=phantom DATA={sets}" if by_make else f"pxr cv --config phantom --data {sets}")
