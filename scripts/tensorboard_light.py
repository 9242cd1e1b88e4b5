"""Start TensorBoard without TensorFlow, which it does not need: ``make tensorboard``.

It starts in 4 seconds instead of 15, and prints nothing of TensorFlow and CUDA.
"""

import sys
import types

from absl import app, logging

sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")  # TensorBoard's own switch, read at its import

from tensorboard import default, program  # noqa: E402
from tensorboard.plugins.base_plugin import FlagsError  # noqa: E402


def main() -> None:
    """Serve until Ctrl-C, as the command ``tensorboard`` does; its options are accepted."""
    logging.set_verbosity(logging.WARNING)
    server = program.TensorBoard(plugins=default.get_plugins())
    try:
        app.run(server.main, flags_parser=server.configure)
    except FlagsError as error:
        sys.exit(f"tensorboard: {error}")


if __name__ == "__main__":
    main()
