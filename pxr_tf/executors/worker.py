"""The worker process for tasks: ``python -m pxr_tf.executors.worker``. People use ``pxr cv`` instead.

Standard input has the tasks, a line of JSON each: ``task`` and ``log`` (the file for everything that is printed).
Standard output has the events, a line of JSON each; ``done`` ends the events of a task. With ``--light``, the worker
loads TensorFlow only with a task that needs it. With ``--shared``, several machines use its folders.
"""

import json
import os
import queue
import sys
import threading
from typing import Any

from pxr_tf.errors import WRONG_INPUT, PxrError
from pxr_tf.events import Event
from pxr_tf.files import explain_os_error
from pxr_tf.tasks import Task


def work() -> None:
    """Perform tasks as they arrive; send a `PxrError` as the event ``fault`` and exit with its code."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def emit(event: Event) -> None:
        print(json.dumps(event), file=events)

    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_jobs, args=(jobs,), daemon=True).start()
    from pxr_tf import locks
    from pxr_tf.executors.perform import load_keras, perform

    try:
        if "--shared" in sys.argv:
            locks.share()
        if "--light" not in sys.argv:
            load_keras()  # takes seconds, while the parent still decodes pictures
        while True:
            job = jobs.get()
            _log_to(job["log"])
            perform(Task.from_json(job["task"]), emit)
            emit({"event": "done"})
    except (PxrError, OSError) as error:
        message = str(error) if isinstance(error, PxrError) else explain_os_error(error)
        if message is None:
            raise
        code = error.exit_code if isinstance(error, PxrError) else WRONG_INPUT
        emit({"event": "fault", "message": message, "exit_code": code})
        sys.exit(code)


def _read_jobs(jobs: queue.Queue[dict[str, Any]]) -> None:
    """Queue the tasks; exit as soon as standard input ends, because the parent, at its other end, has ended."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(1)


def _log_to(path: str) -> None:
    """Redirect everything that is printed from now on to this file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(file, 2)
    os.dup2(2, 1)
    os.close(file)


if __name__ == "__main__":
    work()
