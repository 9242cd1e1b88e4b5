"""Decoders are processes that can be lost: their picture gets an error, the next one an answer."""

import asyncio
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from messages import any_of, assert_tells
from PIL import Image

from pxr_tf.inference.uploads import Prepared

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from pxr_tf.deploy.service.frames import pack, unpack


def ask(client, file, path="/v1/predict"):
    return client.post(path, files=[("pictures", ("x", file.read_bytes()))])


def signal_all(engine, number):
    for process in list(engine.decoders._all):
        with suppress(ProcessLookupError):
            os.kill(process._made.pid, number)


def test_a_picture_whose_decoder_is_killed_gets_an_error_and_the_next_one_an_answer(served, strangers):
    engine, client = served
    right, lost = ask(client, strangers[0]).json(), engine.decoders.lost
    killed = set(engine.decoders._all)
    signal_all(engine, signal.SIGSTOP)
    threading.Timer(0.3, signal_all, (engine, signal.SIGKILL)).start()
    refused = ask(client, strangers[0])
    assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
    assert_tells(refused.json()["detail"], any_of("again"))
    while not all(process.ended for process in killed):
        time.sleep(0.05)
    assert ask(client, strangers[0]).json() == right
    assert engine.decoders.lost > lost


def test_idle_decoders_that_are_killed_cost_no_picture(served, strangers):
    engine, client = served
    signal_all(engine, signal.SIGKILL)
    while not all(process.ended for process in engine.decoders._all):
        time.sleep(0.05)
    assert ask(client, strangers[0]).status_code == 200


def test_a_picture_that_takes_too_long_is_given_up(served, strangers, monkeypatch):
    engine, client = served
    monkeypatch.setattr(engine.decoders, "seconds", 0.3)
    signal_all(engine, signal.SIGSTOP)
    refused = ask(client, strangers[0], "/")
    assert refused.status_code == 503 and refused.headers["content-type"].startswith("text/html")
    assert_tells(refused.text, "0.3")
    monkeypatch.undo()
    signal_all(engine, signal.SIGCONT)
    assert ask(client, strangers[0]).status_code == 200


def test_a_picture_with_more_pixels_than_are_read_is_a_fault(client):
    buffer = io.BytesIO()
    Image.new("1", (7000, 7000)).save(buffer, "PNG")
    (one,) = client.post("/v1/predict", files=[("pictures", ("x", buffer.getvalue()))]).json()["results"]
    assert_tells(one["fault"], "7000 x 7000", "40,000,000")


def test_decoders_load_no_module_of_the_current_folder(finished_run, tmp_path, monkeypatch):
    from pxr_tf.deploy.service.decoders import Decoders
    from pxr_tf.runs.finished import open_run

    async def start_and_stop() -> None:
        decoders = Decoders(open_run(finished_run), 1)
        try:
            await decoders.start()
        finally:
            await decoders.stop()

    (tmp_path / "numpy.py").write_text("raise SystemExit('somebody else wrote this')")
    monkeypatch.chdir(tmp_path)
    asyncio.run(start_and_stop())


LIMITED = """
import sys
from pxr_tf.deploy.service.decoder import limit_process
limit_process()
try:
    with open(sys.argv[1], "wb") as file:
        file.write(b"a picture")
except OSError:
    print("no file")
try:
    bytearray(3_000_000_000)
except MemoryError:
    print("no memory")
print("nobody reads this", file=sys.stderr)
"""


def test_a_decoder_cannot_write_take_much_memory_or_say_anything(tmp_path):
    words = [sys.executable, "-c", LIMITED, str(tmp_path / "file")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.stdout.split("\n")[:2], ended.stderr) == (["no file", "no memory"], "")
    assert not (tmp_path / "file").exists() or (tmp_path / "file").stat().st_size == 0


def test_pictures_and_faults_pass_between_processes_unchanged():
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    prepared = Prepared(
        "abc", picture, picture, picture, "no lungs", ("says view LATERAL", "ü"), np.zeros((0, 0), bool)
    )
    found = unpack(pack(prepared))
    assert all(np.array_equal(one, other) for one, other in zip(found, prepared, strict=True))
    assert (found.content, found.says) == (prepared.content, prepared.says)
    assert unpack(pack(prepared._replace(says=()))).says == ()
    assert unpack(pack("not a JPEG or PNG")) == "not a JPEG or PNG"


def test_pickles_of_a_decoder_are_not_read():
    class Harm:
        def __reduce__(self):
            return print, ("harm",)

    buffer = io.BytesIO()
    np.savez(buffer, fault=np.array([Harm()], object))
    for data in (pickle.dumps(Harm()), buffer.getvalue()):
        with pytest.raises(ValueError):
            unpack(data)
