"""Locks among machines that share folders: one holder at a time, and nobody waits forever for a machine that died."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from machines import output_of, start_machine
from messages import refused

from pxr_tf import arrays, leases, locks
from pxr_tf.journal import Journal
from pxr_tf.leases import Watch, lease_of, take

HOLD = """
with locks.hold(place / "a.lock"):
    print("held", flush=True)
    __import__("time").sleep(60)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(leases, "PATIENCE", 1.0)
    monkeypatch.setattr(leases, "BEAT", 0.05)
    monkeypatch.setattr(locks, "PAUSE", 0.01)
    monkeypatch.setattr(locks, "_shared", False)


def wait_until_dead(watch: Watch) -> None:
    while not watch.is_dead(alone=False):
        pass


def test_a_lease_has_one_holder(tmp_path):
    lease = take(tmp_path / "lease")
    assert take(tmp_path / "lease") is None
    lease.release()
    assert not (tmp_path / "lease").exists()


def test_a_lease_with_a_beat_is_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "PATIENCE", 0.3)
    lease, watch = take(tmp_path / "lease"), Watch(tmp_path / "lease")
    until = leases.time.monotonic() + 1
    while leases.time.monotonic() < until:
        assert not watch.is_dead(alone=False)
    lease.release()


def test_a_lease_of_the_same_machine_is_dead_at_once_for_who_has_its_lock(tmp_path):
    lease = take(tmp_path / "lease")
    assert Watch(tmp_path / "lease").is_dead(alone=True)
    lease.release()


def test_of_two_who_remove_a_dead_lease_one_leaves_the_new_lease_of_the_other(tmp_path):
    path = tmp_path / "lease"
    path.write_text('["somebody", "elsewhere", "token", 3]')
    one, other = Watch(path), Watch(path)
    wait_until_dead(one)
    wait_until_dead(other)
    one.remove()
    lease = take(path)
    other.remove()
    assert leases.read(path).token == lease._content.token
    lease.check()
    lease.release()
    assert list(tmp_path.iterdir()) == []


def test_only_one_of_several_machines_holds_a_lock_at_a_time(tmp_path):
    (tmp_path / "count").write_text("0")
    script = """
for _ in range(15):
    with locks.hold(place / "a.lock"):
        number = int((place / "count").read_text())
        (place / "count").write_text(str(number + 1))
"""
    for machine in [start_machine(name, tmp_path, script, patience=20) for name in "abc"]:
        output_of(machine)
    assert (tmp_path / "count").read_text() == "45"
    assert not lease_of(tmp_path / "a.lock").exists()


@pytest.mark.parametrize("shared", [True, False])
def test_the_lock_of_a_machine_that_died_is_free_after_a_while(tmp_path, monkeypatch, shared):
    monkeypatch.setattr(locks, "_shared", shared)
    machine = start_machine("a", tmp_path, HOLD)
    assert machine.stdout.readline() == "held\n"
    waited = []
    with refused("in use by", f"process {machine.pid}"), locks.hold(tmp_path / "a.lock", patience=0.2):
        pass
    machine.kill()
    machine.communicate()
    with locks.hold(tmp_path / "a.lock", on_wait=waited.append):
        assert len(waited) == 1
        assert f"process {machine.pid}" in waited[0]


def test_a_machine_that_was_frozen_finds_that_its_lock_was_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    script = """
try:
    with locks.hold(place / "a.lock"):
        print("held", flush=True)
        sys.stdin.readline()
except Exception as error:
    print(type(error).__name__, error)
"""
    read, write = os.pipe()
    machine = start_machine("a", tmp_path, script.replace("sys.stdin", f"open('/proc/{os.getpid()}/fd/{read}')"))
    assert machine.stdout.readline() == "held\n"
    os.kill(machine.pid, signal.SIGSTOP)
    with locks.hold(tmp_path / "a.lock"):
        os.kill(machine.pid, signal.SIGCONT)
        os.write(write, b"go on\n")
        said = output_of(machine)
        locks.check(tmp_path / "a.lock")
    os.close(read)
    os.close(write)
    assert said.startswith("PxrError")
    assert "taken over" in said


def test_machines_append_to_one_array_at_the_same_time(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    script = """
mine = int(leases.kernel())
with arrays.open_writer(place / "rows", (3,), np.int64) as writer:
    for block in range(8):
        names = [f"{number}" for number in range(block * 30 + mine * 10, block * 30 + mine * 10 + 20)]  # half overlap
        rows = [np.full(3, int(name)) for name in names]
        writer.append(names, rows, {f"bad-{block}": "damaged"})
"""
    machines = [start_machine(str(number), tmp_path, script, patience=20) for number in range(3)]
    for machine in machines:
        output_of(machine)
    found = arrays.load_array(tmp_path / "rows")
    assert set(found.rows) == {str(number) for number in range(7 * 30 + 40)}
    assert all((found.values[row] == int(name)).all() for name, row in found.rows.items())
    assert len(found.values) == len(found.rows), "no row is there twice"
    assert set(found.faults) == {f"bad-{block}" for block in range(8)}


def test_a_turn_reads_only_the_blocks_that_are_new():
    class Once(list):
        reads = 0

        def __iter__(self):
            self.reads += 1
            return super().__iter__()

    journal, blocks = Journal(), [Once(["a", "b"]), Once(["c"])]
    for keys in blocks:
        journal.add({"first": journal.stop, "keys": keys, "crc32": 0, "shape": [1], "dtype": "|u1", "faults": {}})
        journal.keys()
    reads = [keys.reads for keys in blocks]
    assert journal.keys() == {"a", "b", "c"}
    assert [keys.reads for keys in blocks] == reads
    journal.add({"forget": [0]})
    assert journal.keys() == {"c"}


def test_a_machine_that_dies_while_it_appends_costs_only_its_own_block(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    script = """
with arrays.open_writer(place / "rows", (3,), np.int64) as writer:
    writer.append(["0"], [np.zeros(3, np.int64)])
    import os
    arrays._flush = lambda file: (file.flush(), print("died", flush=True), os._exit(9))
    writer.append(["1"], [np.ones(3, np.int64)])
"""
    machine = start_machine("a", tmp_path, script)
    machine.communicate(timeout=30)
    with arrays.open_writer(tmp_path / "rows", (3,), np.int64) as writer:
        assert writer.missing(["0", "1"]) == ["1"]
        writer.append(["1"], [np.ones(3, np.int64)])
    found = arrays.load_array(tmp_path / "rows")
    assert {name: found.values[row].tolist() for name, row in found.rows.items()} == {"0": [0] * 3, "1": [1] * 3}


def test_a_block_that_was_damaged_is_written_again_among_machines(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    with arrays.open_writer(tmp_path / "rows", (3,), np.int64) as writer:
        writer.append(["0", "1"], np.zeros((2, 3), np.int64))
    file = tmp_path / "rows" / arrays.ROWS_FILE
    file.write_bytes(b"\xff" + file.read_bytes()[1:])
    with arrays.open_writer(tmp_path / "rows", (3,), np.int64) as writer:
        missing = writer.missing(["0", "1"])
        assert missing == ["0", "1"]
        writer.append(missing, np.ones((2, 3), np.int64))
    assert arrays.missing_keys(tmp_path / "rows", ["0", "1"]) == []


def test_a_full_disk_is_noticed_before_work_among_machines(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    with (
        arrays.open_writer(tmp_path / "rows", (1000, 1000), np.int64) as writer,
        pytest.raises(OSError, match="No space left"),
    ):
        writer.reserve(10**9)


def test_a_lock_among_machines_leaves_no_file_behind_but_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)
    with locks.hold(tmp_path / "a.lock"):
        assert lease_of(tmp_path / "a.lock").exists()
    assert list(Path(tmp_path).iterdir()) == [tmp_path / "a.lock"]
