"""The environment of each fold is recorded; a run continues in another one only if allowed, and then says so."""

import re

import pytest
from messages import any_of, assert_says, assert_tells, matching, refused
from tiny import RUN_DEPTH, Never, Recorder, run_here, tiny_experiment

from pxr_tf import files, machine, rundir
from pxr_tf.errors import PxrError
from pxr_tf.runs import environment
from pxr_tf.runs.finished import open_run

HERE = {
    "started": "today",
    "processor": "AMD EPYC",
    "processors": 2,
    "device": "CPU",
    "precision": "float32",
    "xla": False,
    "threads": 2,
    "operations_at_once": 2,
    "switches": {},
    "versions": {"python": "3.11", "pandas": "3.1", "keras": "3.15", "pxr_tf": "0.2"},
    "commit": "1" * 40,
    "modified": False,
}


def elsewhere(**changes) -> dict:
    """Return `HERE` with changes; names of libraries change its versions."""
    versions = {name: changes.pop(name) for name in HERE["versions"] if name in changes}
    return HERE | changes | {"versions": HERE["versions"] | versions}


def write_fold(run, fold: str, *environments: dict, file: str = "predictions.csv") -> None:
    """Make a fold look as if it had been trained, or begun (``checkpoint.npz``), in these environments."""
    (run / fold).mkdir()
    (run / fold / file).touch()
    if environments:
        files.write_json(run / fold / "environment.json", environments)


@pytest.fixture
def run(tmp_path):
    """A run whose first fold was trained `HERE`."""
    write_fold(tmp_path, "fold-0", HERE)
    files.write_json(tmp_path / "provenance.json", {"versions": HERE["versions"]})
    return tmp_path


def start_again(folder, data, **options):
    return run_here(tiny_experiment(), data, folder.parents[RUN_DEPTH - 1], **options)


def forget(folder, fold: str) -> None:
    """Delete a fold's predictions, so that it is trained again."""
    (folder / "predictions.csv").unlink()
    (folder / fold / "predictions.csv").unlink()


def test_each_fold_records_where_it_was_trained(finished_run):
    for fold in ("fold-0", "fold-1"):
        (found,) = files.read_json(finished_run / fold / "environment.json")
        assert found["versions"] == rundir.versions()
        assert (found["processor"], found["processors"]) == (machine.processor(), machine.processors())
        assert found["threads"] == files.read_json(finished_run / "provenance.json")["threads"]
        assert {"device", "precision", "xla", "operations_at_once", "commit", "modified", "started"} <= set(found)
    assert environment.describe_mix(finished_run) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keras": "3.16"}, "keras 3.15 (fold-0), 3.16 (now)"),
        ({"pxr_tf": "0.3"}, "pxr_tf 0.2 (fold-0), 0.3 (now)"),
        ({"processor": "Intel Xeon"}, "processor AMD EPYC (fold-0), Intel Xeon (now)"),
        ({"device": "GPU, H100"}, "device CPU (fold-0), GPU, H100 (now)"),
        ({"precision": "mixed_bfloat16"}, "precision float32 (fold-0), mixed_bfloat16 (now)"),
        ({"xla": True, "threads": 1}, "xla False (fold-0), True (now), threads 2 (fold-0), 1 (now)"),
        ({"switches": {"TF_A": "0", "TF_B": "1"}}, "switches none (fold-0), TF_A=0 TF_B=1 (now)"),
        ({"python": "3.12", "pandas": "4"}, ""),  # the tables are made already
        ({"commit": "2" * 40}, ""),
        ({"modified": True}, ""),
        ({"processors": 64, "operations_at_once": 64}, ""),  # predictions keep the same bytes
        ({"started": "tomorrow"}, ""),
    ],
)
def test_what_decides_numbers_must_not_change_between_folds(run, change, words):
    now = elsewhere(**change)
    if not words:
        assert environment.enter(run, "fold-1", now, mix=False) == ""
        assert files.read_json(run / "fold-1" / "environment.json") == [now]
        return
    for call in (environment.check, lambda *values, **options: environment.enter(run, "fold-1", now, **options)):
        with pytest.raises(PxrError) as fault:
            call(run, now, mix=False)
        assert_says(fault.value, words, "--mix-environments")
        assert "\n" not in str(fault.value)
    assert not (run / "fold-1").exists()
    said = environment.enter(run, "fold-1", now, mix=True)
    assert words.replace("now", "fold-1") in said
    (run / "fold-1" / "predictions.csv").touch()
    assert environment.describe_mix(run) == said


def test_a_fold_that_is_continued_elsewhere_was_trained_in_both_environments(run):
    write_fold(run, "fold-1", HERE, file="checkpoint.npz")
    now = elsewhere(threads=1)
    with refused("threads 2 (fold-0, fold-1)", "1 (now)"):
        environment.enter(run, "fold-1", now, mix=False)
    assert_tells(environment.enter(run, "fold-1", now, mix=True), "threads 2 (fold-0, fold-1)", "1 (fold-1)")
    assert files.read_json(run / "fold-1" / "environment.json") == [HERE, now]
    environment.enter(run, "fold-1", now | {"started": "later"}, mix=True)
    assert files.read_json(run / "fold-1" / "environment.json") == [HERE, now]


def test_a_fold_that_did_not_finish_an_epoch_is_not_bound_to_where_it_began(run):
    (run / "fold-1").mkdir()
    files.write_json(run / "fold-1" / "environment.json", [elsewhere(threads=1)])
    assert environment.enter(run, "fold-1", HERE, mix=False) == ""
    assert files.read_json(run / "fold-1" / "environment.json") == [HERE]


def test_a_fold_from_before_extractors_were_recorded_had_tensorflows_features(run):
    environment.check(run, elsewhere(extractor="tensorflow"), mix=False)
    with refused("extractor tensorflow (fold-0), litert 2.3 (now)"):
        environment.check(run, elsewhere(extractor="litert 2.3"), mix=False)


def test_folds_without_a_record_have_the_versions_of_the_run(run):
    (run / "fold-0" / "environment.json").unlink()
    assert environment.describe_mix(run) == ""  # no difference is known
    with refused("keras 3.15 (fold-0)", "3.16 (now)"):
        environment.check(run, elsewhere(keras="3.16"), mix=False)
    said = environment.enter(run, "fold-1", HERE, mix=False)
    assert_says(said, "fold-0", any_of("not recorded", "unknown"))
    write_fold(run, "fold-2", file="checkpoint.npz")
    assert_tells(environment.enter(run, "fold-2", HERE, mix=False), "fold-0, fold-2", any_of("not recorded", "unknown"))
    assert files.read_json(run / "fold-2" / "environment.json") == [{"versions": HERE["versions"]}, HERE]


def test_an_environment_has_what_the_learner_adds_and_the_state_of_the_code(monkeypatch):
    monkeypatch.setattr(machine, "switches", lambda: {"XLA_FLAGS": "x"})
    monkeypatch.setattr(rundir, "read_commit", lambda: {"commit": "1", "modified": True})
    monkeypatch.setattr(rundir, "now", lambda: "today")
    assert environment.read_environment(device="CPU", threads=2) == {
        "started": "today",
        "processor": machine.processor(),
        "processors": machine.processors(),
        "device": "CPU",
        "threads": 2,
        "switches": {"XLA_FLAGS": "x"},
        "versions": rundir.versions(),
        "commit": "1",
        "modified": True,
    }


def test_a_run_without_recorded_versions_differs_in_nothing_that_is_known(run):
    (run / "provenance.json").unlink()
    write_fold(run, "fold-1", {"threads": 2})
    write_fold(run, "fold-2")
    assert environment.read_folds(run)["fold-2"] == [{"versions": {}}]
    assert environment.find_differences(environment.read_folds(run)) == []
    files.write_json(run / "provenance.json", {"seed": 0})
    assert environment.read_folds(run)["fold-2"] == [{"versions": {}}]


def test_a_long_list_of_differences_or_folds_is_shortened(run):
    now = elsewhere(processor="a", device="b", precision="c", xla=True, keras="4")
    for number in range(1, 5):
        write_fold(run, f"fold-{number}", now)
    (run / "fold-5").mkdir()
    said = environment.describe_mix(run)
    names = "fold-1, fold-2, fold-3 and 1 more"
    assert_says(said, f"precision float32 (fold-0), c ({names})", f"xla False (fold-0), True ({names}) and 1 more")
    assert "keras" not in said
    said = environment.describe_commits(run, elsewhere(commit="2" * 40))
    assert_says(said, "fold-2", "and 2 more")
    assert "fold-3" not in said


def test_another_commit_is_reported(run):
    assert environment.describe_commits(run, HERE) == ""
    assert environment.describe_commits(run, HERE | {"commit": None}) == ""  # installed without git
    said = environment.describe_commits(run, elsewhere(commit="2" * 40, modified=True))
    assert_says(said, "2222222222 (modified)", "fold-0", "1111111111")
    assert "1111111111 (modified)" not in said


def test_a_run_that_would_mix_environments_stops_before_anything_is_done(own_copy, phantoms):
    file = own_copy / "fold-0" / "environment.json"
    (before,) = files.read_json(file)
    files.write_json(file, [before | {"processor": "another"}])
    start_again(own_copy, phantoms, executor=Never())  # it is finished: nothing is mixed
    (own_copy / "predictions.csv").unlink()
    start_again(own_copy, phantoms, executor=Never())  # nor if predictions are only collected
    forget(own_copy, "fold-1")
    for change, words in (
        ({"processor": "another"}, ["another (fold-0)", matching(re.escape(before["processor"][:5]))]),
        ({"versions": before["versions"] | {"keras": "0.1"}}, ["keras 0.1 (fold-0)"]),
    ):
        files.write_json(file, [before | change])
        with refused(*words):
            start_again(own_copy, phantoms, executor=Never())


def test_a_device_is_compared_by_the_process_that_trains(own_copy, phantoms):
    """The comparison comes before features are computed that could not be used."""
    file, recorder = own_copy / "fold-0" / "environment.json", Recorder()
    (before,) = files.read_json(file)
    files.write_json(file, [before | {"device": "GPU, H100"}])
    forget(own_copy, "fold-1")
    with refused("device GPU, H100 (fold-0)"):
        start_again(own_copy, phantoms, on_event=recorder)
    assert recorder.tasks == ["features"] and not recorder.of("device")
    start_again(own_copy, phantoms, on_event=recorder, mix_environments=True)
    said = [event["text"] for event in recorder.of("warning")]
    assert len(said) == 1 and "device GPU, H100 (fold-0)" in said[0]
    last = open_run(own_copy).warnings[-1]
    assert (last.what, last.text) == ("environments", said[0])
