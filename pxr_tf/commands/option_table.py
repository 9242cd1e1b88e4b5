"""The table of all command-line options: who takes each, what it means, and what ``make`` calls it.

From it are made the parameters of every command and the keys of a recipe that were given (`command_options`), and, by
``make format``, ``scripts/options.mk`` and ``docs/commands.md``. The order of the rows is the order of ``--help``. A
name may have several rows, each of other commands: what ``--atlas`` means depends on who takes it.
"""

from pxr_tf.commands.option import Option
from pxr_tf.commands.table_data import DATA_OPTIONS
from pxr_tf.commands.table_experiments import EXPERIMENT_OPTIONS
from pxr_tf.commands.table_runs import RUN_OPTIONS

OPTIONS = (*RUN_OPTIONS, *DATA_OPTIONS, *EXPERIMENT_OPTIONS)


def options_taken_by(command: str) -> dict[str, Option]:
    """Return name -> option of all that a command takes, in the order of the table; ``lungs-train``: with a hyphen."""
    return {option.name: option for option in OPTIONS if command in option.commands}
