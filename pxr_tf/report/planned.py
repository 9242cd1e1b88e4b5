"""A plan as a table: the tasks of some runs, what they need, and how many processors they use."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from pxr_tf.errors import count_words
from pxr_tf.report.fitting import print_indented, print_paths


def print_plan(records: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the tasks (`plan_all.as_records`) of each run."""
    for run in dict.fromkeys(record["run"] for record in records):
        print_paths(console, "", run)
        for record in (record for record in records if record["run"] == run):
            print_indented(console, _describe(record))
    console.print(f"{count_words(len(records), 'task')} to do.", highlight=False)


def _describe(record: Mapping[str, Any]) -> str:
    words = [f"{record['number']} {record['name']} ({record['kind']})"]
    if record["processors"]:
        words.append(count_words(record["processors"], "processor"))
    if record["needs"]:
        words.append(f"after {', '.join(map(str, record['needs']))}")
    return ", ".join(words)
