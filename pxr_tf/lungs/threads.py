"""Run OpenCV on one thread: pictures are divided among processes, which would otherwise compete for processors.

Results then cannot depend on how an operation is divided, either. Optical flow gave the same bytes with 1 to 8 threads
in OpenCV 5.0, but no document promises that.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
_inside = 0  # number of blocks that run now, in all threads of this process
_before = 0  # OpenCV's number of threads when the first of them began


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV use one thread while the block runs; the setting is shared by the whole process.

    Blocks may run at the same time in several threads: the last block to end restores the number.
    """
    global _inside, _before
    with _lock:
        if not _inside:
            _before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_before)
