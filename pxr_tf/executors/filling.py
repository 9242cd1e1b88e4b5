"""Fill keyed arrays by tasks of an executor, so that all nodes of a cluster decode pictures and find lungs."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pxr_tf import files
from pxr_tf.events import Event, OnProgress, OnWait, add_progress
from pxr_tf.pictures.fill_task import MAKING, ROWS, FillRows
from pxr_tf.pictures.store import Filler, Filling
from pxr_tf.tasks import Executor, Task, run_or_raise

BLOCKS = 4  # of a task: a few seconds of work, so that all nodes end at about the same time
LOGS = Path("logs", "fill")  # in the cache


def fill_by_tasks(executor: Executor) -> Filler:
    """Return a function that lets the executor fill an array (`store.fill_by`). It raises `PxrError`."""

    def fill(filling: Filling, on_progress: OnProgress | None, on_wait: OnWait | None) -> dict[str, str]:
        def listen(event: Event) -> None:
            if event["event"] == "progress" and event["what"] == MAKING and on_progress:
                on_progress(event["done"], event["total"])
            elif event["event"] == "wait" and on_wait:
                on_wait(event["holder"])

        tasks = list(_plan(filling))
        sizes = {task.name: len(task.options.rows) for task in tasks}
        run_or_raise(executor, tasks, add_progress(listen, sizes))
        return {content: fault for task in tasks for content, fault in files.read_json(task.options.to).items()}

    return fill


def _plan(filling: Filling) -> Iterator[Task]:
    """Yield tasks that make all rows."""
    cache, table = filling.folder.parent, filling.table
    stamps = table.get("stamp", default=pd.Series("", table.index))
    rows = list(zip(*(table.assign(stamp=stamps)[name] for name in ROWS), strict=True))
    size = filling.block * BLOCKS
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        name = f"{filling.folder.name}-{files.digest(*(content for _, content, _ in part))}"
        to = (cache / LOGS / name).with_suffix(".json")
        options = FillRows(filling.folder, filling.shape, filling.making, part, filling.block, to)
        yield Task(name, "fill", cache=str(cache), logs=str(cache / LOGS), options=options)
