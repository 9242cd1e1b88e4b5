"""The tasks that some runs still lack, prepared but not done, so that another scheduler can run them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pxr_tf import files, locks
from pxr_tf.errors import PxrError
from pxr_tf.events import OnEvent, emit_wait
from pxr_tf.experiments.begin import find_sources
from pxr_tf.experiments.request import Request
from pxr_tf.experiments.run import prepare_run
from pxr_tf.tasks import Executor, Task, in_order, run_or_raise

PATIENCE = 60.0  # seconds for another attempt at a task to end


def plan_all(requests: Sequence[Request], executor: Executor, on_event: OnEvent) -> list[Task]:
    """Prepare the runs, and return their unfinished tasks, each after those that it needs; raise `PxrError`.

    Each run directory is locked while it is prepared. The executor only checks weights.
    """
    tasks: list[Task] = []
    try:
        for request in requests:
            with locks.hold(locks.lock_of(request.folder), on_wait=partial(emit_wait, on_event)):
                prepared = prepare_run(request, find_sources(request, on_event), executor, on_event)
            tasks += in_order(prepared.tasks)
    finally:
        executor.close()
    return tasks


def as_records(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Return the tasks as plain values: number, run, name, kind, processors, needs (numbers), level, and the task.

    Tasks of one level need only those of lower levels. Paths are absolute, so that they hold in any folder.
    """
    numbers = {task.key: number for number, task in enumerate(tasks)}
    levels: dict[tuple[str, str], int] = {}
    records = []
    for task in tasks:
        needs = [(task.run, name) for name in task.needs if (task.run, name) in numbers]
        levels[task.key] = 1 + max((levels[need] for need in needs), default=-1)
        whole = task.as_json()
        records.append(
            {
                "number": numbers[task.key],
                "run": task.run,
                "name": task.name,
                "kind": task.kind,
                "processors": task.threads,
                "needs": [numbers[need] for need in needs],
                "level": levels[task.key],
                "task": whole | {name: str(Path(whole[name]).absolute()) for name in ("run", "cache", "logs")},
            }
        )
    return records


def find_planned(plan: Path, number: int) -> Task:
    """Return a task from the JSON that holds `as_records`; raise `PxrError` if there is none."""
    records = files.read_json(plan, "Write it again: pxr plan ... --json > FILE.")
    if records is None:
        raise PxrError(f"PLAN received {str(plan)!r}, which does not exist. Write it: pxr plan ... --json > FILE.")
    try:
        found: Mapping[int, Mapping[str, Any]] = {record["number"]: record["task"] for record in records}
        task = Task.from_json(found[number]) if number in found else None
    except (TypeError, KeyError) as error:
        raise PxrError(f"{plan} holds no plan. Write it again: pxr plan ... --json > FILE.") from error
    if task is None:
        raise PxrError(f"NUMBER received {number}; accepted: 0 to {len(records) - 1}, the tasks of {plan}.")
    return task


def do_planned(task: Task, executor: Executor, on_event: OnEvent) -> None:
    """Do a task whose needs are done, while other machines may do others; raise `PxrError` if it fails."""
    locks.share()
    try:
        with locks.hold(locks.lock_of(task.log), PATIENCE):
            run_or_raise(executor, [task], on_event)
    finally:
        executor.close()
