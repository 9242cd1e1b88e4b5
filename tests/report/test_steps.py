"""The progress of a long job without a terminal: a few lines, with the time left unless it is short."""

import io
import time

from rich.console import Console

from pxr_tf.report.progress import show_steps


def test_the_time_left_is_shown_unless_it_is_short(monkeypatch):
    now, said = [100.0], io.StringIO()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with show_steps(Console(file=said), "sheets") as show:
        for done in range(1, 9):
            now[0] += 2
            show(done, 8, "loss 1.000" if done == 4 else "")
    assert said.getvalue().splitlines() == [
        "sheets · starting",
        "sheets · 2 of 8 · about 12 s left",
        "sheets · 4 of 8 · loss 1.000 · about 8 s left",
        "sheets · 6 of 8",
        "sheets · 8 of 8",
    ]
