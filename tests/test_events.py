"""Events of work in progress: counted items, and the time of work that cannot say how much of it is done."""

import time

import pytest

from pxr_tf import events


def test_counting_is_silent_at_first_and_then_reports_a_hundred_times(monkeypatch):
    seen = []
    assert list(events.count_through(range(5), 5, lambda *count: seen.append(count))) == list(range(5))
    assert seen == []  # it took less than `QUIET` seconds
    monkeypatch.setattr(events, "QUIET", 0.0)
    assert len(list(events.count_through(range(1234), 1234, lambda *count: seen.append(count)))) == 1234
    assert len(seen) <= 104
    assert (seen[0], seen[-1]) == ((12, 1234), (1234, 1234))


@pytest.mark.parametrize("fails", [False, True])
def test_elapsed_time_is_sent_until_the_work_ends(fails):
    seen = []
    try:
        with events.emit_elapsed(seen.append, "fitting", every=0.01):
            time.sleep(0.2)
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    count = len(seen)
    assert count
    assert {(event["event"], event["what"]) for event in seen} == {("elapsed", "fitting")}
    times = [event["seconds"] for event in seen]
    assert times == sorted(times)
    time.sleep(0.05)
    assert len(seen) == count
