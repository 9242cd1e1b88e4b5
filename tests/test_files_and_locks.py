"""Files are written whole or not at all, a lock has one holder at a time, faults of the disk get one line."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from messages import any_of, assert_says, assert_tells, matching, refused, tells

from pxr_tf import files, locks, rundir
from pxr_tf.errors import PxrError

HOLDER = """
import sys, time
from pathlib import Path
from pxr_tf import files, locks, rundir
with locks.hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_has_its_own_directory(tmp_path):
    made = rundir.run_directory(tmp_path, "paper", "strategy2-xception", "folds", 0)
    assert made == tmp_path / "paper" / "strategy2-xception" / "folds" / "seed-0"
    without = rundir.run_directory(tmp_path, "paper", "logistic", "official-normal-viral", 3)
    assert without == tmp_path / "paper" / "logistic" / "official-normal-viral" / "seed-3"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fold", "name"), [("0", "fold-0"), ("11", "fold-11"), ("holdout", "holdout"), ("official", "official")]
)
def test_a_fold_has_its_own_folder(fold, name):
    assert rundir.fold_name(fold) == name


def test_a_file_appears_after_the_block_succeeds(tmp_path):
    with files.written_whole(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("new")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
def test_the_old_file_stays_when_the_block_raises(tmp_path, fault):
    file = tmp_path / "a.txt"
    files.write_text(file, "old")

    def write_half():
        with files.written_whole(file) as partial:
            partial.write_text("half of the n")
            raise fault

    with pytest.raises(fault):
        write_half()
    assert file.read_text() == "old"
    files.write_text(file, "new")  # a left-over partial file does not matter
    assert file.read_text() == "new"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_that_cannot_be_written_is_known_before_work_begins(tmp_path, monkeypatch):
    files.check_writable(tmp_path / "new" / "deep" / "file.csv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as caught:
        files.check_writable(tmp_path / "file" / "x.csv")
    assert caught.value.filename == str(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(PermissionError) as caught:
        files.check_writable(tmp_path / "x.csv")
    assert caught.value.filename == str(tmp_path)


def test_json_round_trip(tmp_path):
    value = {"é": [1, 2.5, None], "b": "x\ny"}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    assert files.read_json(tmp_path / "none.json") is None


def test_csv_is_stable_to_the_byte(tmp_path):
    table = pd.DataFrame({"image_id": ["a,b", "é"], "p": [1 / 3, 1e-9], "n": [1, 2]})
    files.write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_bytes() == 'image_id,p,n\n"a,b",0.3333333,1\né,1e-09,2\n'.encode()
    again = pd.read_csv(tmp_path / "a.csv")
    files.write_csv(tmp_path / "b.csv", again)
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


def test_csv_with_a_carriage_return_is_read_back(tmp_path):
    table = pd.DataFrame({"image_id": ["a\rb", "c\r\n", " d "], "p": [1 / 3, 1e-9, float("nan")]})
    files.write_csv(tmp_path / "a.csv", table)
    again = pd.read_csv(tmp_path / "a.csv")
    assert again.image_id.tolist() == table.image_id.tolist()
    assert again.p.tolist()[:2] == [0.3333333, 1e-9]
    assert again.p.isna().tolist() == [False, False, True]


def test_digests_distinguish_parts(tmp_path):
    assert files.digest("ab", "c") != files.digest("a", "bc")
    assert files.digest("a", 1) == files.digest("a", "1")
    (tmp_path / "a").write_bytes(b"x")
    assert len(files.digest_file(tmp_path / "a")) == 32


def test_the_second_holder_learns_who_holds_the_lock(tmp_path):
    holders = []
    lock = tmp_path / ".xception-strategy2.lock"
    with locks.hold(lock), pytest.raises(PxrError) as caught, locks.hold(lock, patience=0.15, on_wait=holders.append):
        pytest.fail("two hold it at once")
    assert holders == [f"process {os.getpid()} on {locks.socket.gethostname()}"]  # once, although it tried again
    place = tmp_path / "xception-strategy2"
    assert_says(caught.value, str(place), f"process {os.getpid()}")
    with locks.hold(lock, patience=0):
        pass


def test_the_lock_is_released_when_the_block_raises(tmp_path):
    with pytest.raises(ZeroDivisionError), locks.hold(tmp_path / "a.lock"):
        raise ZeroDivisionError
    with locks.hold(tmp_path / "a.lock", patience=0):
        pass


def test_the_lock_is_released_when_the_holder_is_killed(tmp_path):
    lock = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with refused(f"process {holder.pid}"), locks.hold(lock, patience=0):
            pytest.fail("two hold it at once")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with locks.hold(lock, patience=0):
        assert lock.read_text().startswith(f"process {os.getpid()} on ")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EBADF, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
def test_a_disk_without_locks_is_one_line(tmp_path, monkeypatch, number):
    def flock(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with refused(str(tmp_path), os.strerror(number), any_of("without locks"), "RUNS="), locks.hold(tmp_path / "a.lock"):
        pytest.fail("there is no lock")


FULL, CLOSED = any_of("disk is full", "no space"), matching("(cannot|not) (write|be written)")


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (errno.ENOSPC, [FULL, "runs/a.csv", any_of("nothing was damaged", "no file was damaged"), any_of("free")]),
        (errno.EDQUOT, [FULL]),
        (errno.EROFS, [CLOSED, "runs/a.csv", any_of("read-only"), "RUNS="]),
        (errno.EACCES, [CLOSED, "runs/a.csv", any_of("permission denied")]),
        (errno.EPERM, [CLOSED, "runs/a.csv"]),
    ],
)
def test_faults_of_the_disk_get_one_line(number, facts):
    message = files.explain_os_error(OSError(number, os.strerror(number), "runs/a.csv"))
    assert_says(message, *facts)


def test_a_fault_without_a_file_name_and_a_missing_file():
    assert_tells(files.explain_os_error(OSError(errno.EROFS, "Read-only file system")), any_of("run directory"))
    assert tells([files.explain_os_error(OSError(errno.ENOSPC, "No space left on device"))], FULL)
    assert files.explain_os_error(FileNotFoundError(errno.ENOENT, "No such file", "a")) is None


def test_a_lock_is_the_same_for_every_spelling_of_its_folder(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    monkeypatch.chdir(tmp_path / "run")
    spelled = (Path("."), Path("../run"), tmp_path / "link", tmp_path / "run")
    assert {locks.lock_of(path) for path in spelled} == {tmp_path / ".run.lock"}
