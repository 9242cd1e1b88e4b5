"""OpenCV on one thread: pictures are shared out among processes, which would fight for processors otherwise.

Nor can a result then depend on how an operation is divided. Optical flow gave the same bytes with 1 to 8 threads in
OpenCV 5.0, but that is promised nowhere.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
_inside = 0  # how many blocks run now, in all threads of this process
_before = 0  # OpenCV's number of threads when the first of them began


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV use one thread while the block runs; its number of threads is one for the whole process.

    Blocks may run side by side in several threads: the last one to end sets the number back.
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
