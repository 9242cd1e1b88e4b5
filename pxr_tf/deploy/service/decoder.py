"""A process that decodes uploads, one after the other.

``python -m pxr_tf.deploy.service.decoder FOLDER CACHE [ATLAS]`` reads files from its standard input and
writes prepared pictures to its standard output (`frames`). It can be killed at any time. It cannot write to a file, and
has a limit of memory: a picture is decoded from bytes that a stranger sent.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from pxr_tf.deploy.service.frames import pack, read_message, write_message
from pxr_tf.errors import PxrError
from pxr_tf.inference.uploads import Prepared, Preparer
from pxr_tf.pictures.decode import UnreadableImageError
from pxr_tf.runs.directory import RunDirectory

# Bytes beyond what the libraries take: the largest picture that is read needs 0.65 GB (`store.open_pictures`), and its
# copies in other sizes less.
MEMORY = 2_000_000_000
READY = b"ready"


def main() -> None:
    """Answer until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, which then ends this process
    folder, cache, *atlas = sys.argv[1:]
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    try:
        preparer = Preparer(RunDirectory(Path(folder), Path(cache)), *atlas).open()
    except PxrError as error:
        write_message(out, str(error).encode())
        return
    limit_process()
    write_message(out, READY)
    while (data := read_message(sys.stdin.buffer)) is not None:
        write_message(out, pack(_prepare(preparer, data)))


def limit_process() -> None:
    """Let this process write no file, no core dump and no message, and take little more memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    if pages:
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(kind, (0, 0))
    nothing = os.open(os.devnull, os.O_WRONLY)  # image libraries print warnings about pictures
    os.dup2(nothing, sys.stderr.fileno())


def _prepare(preparer: Preparer, data: bytes) -> Prepared | str:
    try:
        return preparer.prepare(data)
    except UnreadableImageError as error:
        return str(error)
    except MemoryError:
        return "needs more memory than a picture may"
    except Exception as error:  # a fault of this project or of a library must not end the process
        return f"cannot be prepared ({type(error).__name__})"


if __name__ == "__main__":
    main()
