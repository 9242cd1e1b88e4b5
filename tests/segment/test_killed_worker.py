"""A worker that the system kills ends the search for lungs with a message, and finished work is kept."""

import os
import signal
import subprocess
import sys
import threading
import time

import cv2
import pytest
from messages import any_of, assert_says

from pxr_tf.phantoms.anatomy import draw_chest

SCRIPT = """
import multiprocessing, os, signal, sys
from pathlib import Path
from pxr_tf.errors import PxrError
from pxr_tf.lungs.atlas import build_atlas, prepare_pairs, shrink_pair
from pxr_tf.phantoms.anatomy import draw_chest
from pxr_tf.segment.masks import write_lungs

def kill_one(done, total):
    if done == int(sys.argv[3]):
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

if __name__ == "__main__":
    chests = [draw_chest(patient, 0, 48) for patient in range(3)]
    atlas = build_atlas(prepare_pairs([shrink_pair(chest.image, chest.whole_lungs) for chest in chests]))
    pictures = {f"{number}.png": sys.argv[1] for number in range(40)}
    try:
        write_lungs(pictures, atlas, Path(sys.argv[2]), processes=2, on_progress=kill_one)
    except PxrError as error:
        print(error)
"""


@pytest.mark.parametrize("after", [1, 2, 7])
def test_a_killed_worker_ends_the_command_with_a_message(tmp_path, after):
    picture, script = tmp_path / "picture.png", tmp_path / "killed.py"
    cv2.imwrite(str(picture), draw_chest(20, 0, 64).image)
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(picture), str(tmp_path / "out"), str(after)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        late = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))  # or it would wait forever
        late.start()
        said, _ = process.communicate()
        late.cancel()
    assert process.returncode == 0
    assert_says(said, any_of("killed", "died"), any_of("memory"), any_of("again"))


def test_workers_end_with_a_killed_parent(tmp_path):
    picture, script = tmp_path / "picture.png", tmp_path / "killed.py"
    cv2.imwrite(str(picture), draw_chest(20, 0, 64).image)
    script.write_text(SCRIPT.replace("multiprocessing.active_children()[0].pid", "os.getpid()"))
    words = [sys.executable, str(script), str(picture), str(tmp_path / "out"), "1"]
    with subprocess.Popen(words, start_new_session=True) as process:
        assert process.wait(60) == -signal.SIGKILL
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers live on")
