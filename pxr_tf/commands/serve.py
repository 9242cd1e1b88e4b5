"""``pxr serve``: a run's models as a page for people and an interface for programs."""

import os
from importlib.util import find_spec

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console

LIBRARIES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")  # of the extra


@takes_options
def serve(options: OptionValues) -> None:
    """Answer pictures that people or programs send, until it is stopped. Nothing is stored. Research use."""
    from pxr_tf.errors import MissingLibraryError
    from pxr_tf.executors.local import QUIET
    from pxr_tf.runs.finished import open_run

    lacking = [name for name in LIBRARIES if find_spec(name) is None]
    if lacking:
        raise MissingLibraryError(
            f"pxr serve needs libraries that are not installed: {', '.join(lacking)}. Install them: "
            "pip install 'pxr_tf[serve]'."
        )
    os.environ.update({**QUIET, **os.environ})
    from pxr_tf.deploy.service.engine import Engine
    from pxr_tf.deploy.service.guard import MEGABYTE, Limits
    from pxr_tf.deploy.service.run import serve as start

    console, run = make_console(), open_run(options.run, options.runs)
    limits = Limits(body=options.megabytes * MEGABYTE, rate=options.rate, waiting=options.waiting)

    def say(address: str) -> None:
        console.print("Research use only, not a medical device. Stop with Ctrl-C. Answering at:")
        console.print(address, markup=False)

    start(Engine(run, fold=options.fold, atlas=options.atlas), limits, options.host, options.port, say)
