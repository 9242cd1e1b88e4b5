"""``pxr tune``: ranks a grid on validation rows, uses no test row, can be continued, and passes on the best point."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from messages import NOTHING, NUMBER, UNKNOWN, any_of, assert_says, assert_tells, nearest
from tiny import SIZE

from pxr_tf.config import load_experiment
from pxr_tf.errors import PxrError
from pxr_tf.executors.inline import Inline
from pxr_tf.executors.perform import perform
from pxr_tf.tasks import do_in_order
from pxr_tf.training.learners import LEARNERS

TWO = ["--over", "model.temperature=0.1,0.01"]
RECIPE = {
    "name": "tiny",
    "classes": ["bacterial", "normal", "viral"],
    "image": {"size": SIZE},
    "splits": {"scheme": "official", "validation": 0.3},
    "training": {"batch_size": 8},
    "variants": {
        "means": {
            "model": {"kind": "means", "temperature": 1},
            "tuning": {"over": {"model.temperature": [0.01, 0.1]}},
        },
        "linear": {"model": {"kind": "linear", "l2": 0.01}},
        "cnn": {
            "model": {"kind": "scratch", "network": "small_cnn", "channels": [2, 2], "hidden_units": [4]},
            "training": {"learning_rate": 0.01},
            "phases": [{"name": "all", "train": "all", "max_epochs": 1}],
            "tuning": {"over": {"training.learning_rate": [0.001, 0.003]}},
        },
    },
}


@pytest.fixture
def tiny(tmp_path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    return tmp_path / "tiny.yaml"


@pytest.fixture
def tune(pxr, tiny, official_phantoms, monkeypatch):
    """Tune the variant ``means``; return (exit code, stdout, stderr, names of the trained points)."""
    trained: list[str] = []

    class Listing(Inline):
        def run(self, batches, on_event):
            return do_in_order(batches, self._do, on_event)

        def _do(self, task, emit):
            trained.extend([Path(task.run).name] if task.kind == "fit" else [])
            for point, fault in faults.items():
                if point in task.run and task.kind == "fit":
                    raise fault
            perform(task, emit)

    def run(*words, variant="means", data=official_phantoms, faults_=None):
        trained.clear()
        faults.clear()
        faults.update(faults_ or {})
        code, said, wrong = pxr("tune", tiny, variant, "--data", data, *words)
        return code, said, wrong, list(trained)

    faults: dict[str, BaseException] = {}
    monkeypatch.setattr("pxr_tf.executors.choose.LocalProcess", Listing)
    monkeypatch.setitem(LEARNERS, "means", "means")
    return run


def folder_of(variant: str = "means", runs: str = "runs") -> Path:
    (table,) = Path(runs).glob(f"tiny/{variant}*/tuning/official/seed-0/tuning.csv")
    return table.parent


def read_table(**place) -> pd.DataFrame:
    return pd.read_csv(folder_of(**place) / "tuning.csv", keep_default_na=False)


def test_points_are_ranked_by_their_loss_on_the_validation_rows(tune):
    code, said, wrong, trained = tune("--over", "model.temperature=10,0.01", "--over", "image.size=32,33")
    assert (code, wrong, len(trained)) == (0, "", 4)
    table = read_table()
    assert table["rank"].tolist() == [1, 2, 3, 4]
    for row in table.itertuples():
        predictions = pd.read_csv(folder_of() / row.path / "predictions.csv")
        of_truth = [predictions[f"p_{label}"][place] for place, label in enumerate(predictions.label)]
        assert row.val_loss == pytest.approx(-np.log(of_truth).mean(), rel=1e-5)
        assert row.accuracy == pytest.approx((predictions.label == predictions.predicted).mean())
        assert row.images == len(predictions)
    assert table.val_loss.is_monotonic_increasing
    assert table["model.temperature"].iloc[0] != table["model.temperature"].iloc[-1]
    assert sorted(zip(table["model.temperature"], table["image.size"], strict=True)) == [
        (0.01, 32), (0.01, 33), (10, 32), (10, 33)
    ]  # fmt: skip
    assert set(table.origin) == {"synthetic"}
    assert set(table.split) == {"by patient"}
    assert_tells(said, "synthetic phantoms")
    assert said.count("exact duplicate") == 1  # the note about the first point is not repeated
    best = next(line.split() for line in said.splitlines() if line.strip().startswith("best"))
    assert best[1:3] == [f"{table['model.temperature'][0]:g}", str(table["image.size"][0])]
    assert_tells(said, any_of("only"), f"{table.images[0]} images")
    assert "edge" not in said  # with two values, each is at the edge


def with_noise(data: Path, to: Path, part: str) -> Path:
    """Return a copy of the data in which the pictures of one part are noise."""
    shutil.copytree(data, to)
    random = np.random.default_rng(0)
    for file in sorted((to / part).rglob("*.jpeg")):
        cv2.imwrite(str(file), random.integers(0, 256, (40, 40), np.uint8))
    return to


def exchange_test_labels(data: Path) -> None:
    """Swap the labels of normal and ill test pictures, with names of other patients."""
    normal, ill = (data / "test" / name for name in ("NORMAL", "PNEUMONIA"))
    names = [(file, ill / f"person77{n}_{('virus', 'bacteria')[n % 2]}_{n}.jpeg") for n, file in files_of(normal)]
    names += [(file, normal / f"IM-77{n:02d}-0001.jpeg") for n, file in files_of(ill)]
    for file, new in names:
        file.rename(new)


def files_of(folder: Path) -> list[tuple[int, Path]]:
    return list(enumerate(sorted(folder.glob("*.jpeg"))))


def evidence(runs: str) -> dict[str, bytes]:
    """Return the files of a tuning that may contain numbers, without times."""
    names = ("predictions.csv", "splits.csv", "samples.csv", "best.yaml")
    found = {str(file.relative_to(runs)): file.read_bytes() for name in names for file in Path(runs).rglob(name)}
    assert len(found) > len(names)
    return found | {"tuning.csv": read_table(runs=runs).drop(columns="seconds").to_csv().encode()}


def test_the_content_of_the_test_part_changes_nothing(tune, official_phantoms, tmp_path, monkeypatch):
    monkeypatch.setattr("pxr_tf.commands.experiment_options.command_line", lambda: "pxr tune")
    planted = with_noise(official_phantoms, tmp_path / "planted", "test")
    exchange_test_labels(planted)
    next((planted / "test").rglob("*.jpeg")).write_bytes(b"no picture")
    lied = with_noise(official_phantoms, tmp_path / "lied", "train")
    for runs, data in (("clean", official_phantoms), ("planted", planted), ("lied", lied)):
        code, _, wrong, trained = tune(*TWO, "--runs", runs, data=data)
        assert (code, wrong, len(trained)) == (0, "", 2)
    assert evidence("planted") == evidence("clean")
    assert evidence("lied")["tuning.csv"] != evidence("clean")["tuning.csv"]  # the training part does change them
    names = {file.stem.encode() for data in (official_phantoms, planted) for file in (data / "test").rglob("*.jpeg")}
    for file in [file for runs in ("clean", "planted") for file in folder_of(runs=runs).rglob("*") if file.is_file()]:
        content = file.read_bytes()
        assert not [name for name in names if name + b"." in content], file
        assert b"/test/" not in content, file


def test_a_stopped_tuning_continues_and_a_larger_grid_trains_only_its_new_points(tune):
    code, *_, trained = tune(*TWO, faults_={"temperature-0.01": KeyboardInterrupt()})
    assert (code, len(trained)) == (130, 2)
    assert read_table()["model.temperature"].tolist() == [0.1]
    code, *_, trained = tune(*TWO)
    assert (code, [name.rpartition("-")[0] for name in trained]) == (0, ["temperature-0.01"])
    code, *_, trained = tune("--over", "model.temperature=0.1,0.01,1")
    assert (code, [name.rpartition("-")[0] for name in trained]) == (0, ["temperature-1"])
    assert sorted(read_table()["model.temperature"]) == [0.01, 0.1, 1]
    code, said, _, trained = tune("--over", "model.temperature=0.1,0.01,1")
    assert (code, trained) == (0, [])
    assert_tells(said, any_of("train"), any_of("test"), any_of("best"))


def test_a_point_that_fails_is_a_row_and_the_others_continue(tune):
    code, said, _, _ = tune(*TWO, faults_={"temperature-0.1-": PxrError("Phase 'all' diverged.")})
    assert code == 1
    table = read_table()
    assert table["rank"].tolist() == [1, ""] or table["rank"].tolist() == ["1", ""]
    assert table["failure"].tolist() == ["", "Phase 'all' diverged."]
    assert_tells(said, "model.temperature=0.1", any_of("failed"), "Phase 'all' diverged.")
    assert_tells(said[said.index("1 of 2 runs failed") :], "model.temperature=0.1")
    assert said.count("Phase 'all' diverged.") == 1
    assert load_experiment(folder_of() / "best.yaml").model.temperature == 0.01
    code, *_, trained = tune(*TWO, faults_={"temperature-": PxrError("Phase 'all' diverged.")})
    assert (code, len(trained)) == (1, 1)  # the finished point is not trained again


@pytest.mark.parametrize(("scheme", "seeds"), [("official", " --seeds 0,1,2"), ("random", "")])
def test_the_best_gets_several_seeds_only_if_the_test_rows_stay_the_same(tune, scheme, seeds):
    code, said, _, _ = tune("--over", "model.temperature=0.1", "--scheme", scheme)
    assert code == 0
    command = next(line for line in said.splitlines() if line.startswith("pxr "))
    assert command.endswith(f" --runs runs{seeds}")  # the random test rows of another seed were used to choose


def test_if_every_point_fails_there_is_no_best(tune):
    code, said, wrong, _ = tune(*TWO, faults_={"temperature-": PxrError("Phase 'all' diverged.")})
    assert code == 2
    assert_says(wrong, any_of("no point"), "Phase 'all' diverged.")
    assert said.count("failed: ") == 2
    assert not (folder_of() / "best.yaml").exists()


@pytest.mark.parametrize("variant", ["means", pytest.param("cnn", marks=pytest.mark.slow)])
def test_a_grid_in_the_recipe_and_the_best_is_trained_on_the_same_rows(tune, pxr, variant):
    code, said, wrong, trained = tune("--train", variant=variant)
    assert (code, wrong, len(trained)) == (0, "", 3)
    table, file = read_table(variant=variant), folder_of(variant) / "best.yaml"
    key, values = next(iter(RECIPE["variants"][variant]["tuning"]["over"].items()))
    assert sorted(table[key]) == values
    section, name = key.split(".")
    assert getattr(getattr(load_experiment(file), section), name) == table[key][0]
    if variant == "cnn":
        assert table.epochs.tolist() == [1, 1]
        assert (table.seconds > 0).all()
    (run,) = Path("runs").glob(f"tiny/{variant}*/official*/seed-0")
    assert run.parent.name == f"official-{table.path[0]}"  # the recipe's own run may be next to it
    point = folder_of(variant) / table.path[0]
    mine, theirs = (pd.read_csv(folder / "predictions.csv").query("role == 'val'") for folder in (point, run))
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), theirs.reset_index(drop=True))
    command = next(line for line in said.splitlines() if line.startswith("pxr "))
    words = command.removeprefix("pxr ").replace("--seeds 0,1,2", "--seeds 0").split()
    code, said, wrong = pxr(*words)
    assert (code, wrong) == (0, "")
    assert_tells(said, any_of("nothing to do"), str(run), "finished")


REFUSED = [
    ("", [any_of("tune", "tuning"), "--over ...", "tuning: {over: "]),
    ("--over model.l2", ["--over", "'model.l2'", "key=value,value"]),
    ("--over model.l2=", ["--over", "model.l2", "[]", any_of("one value", "1 value")]),
    ("--over model.l2=1],[2", ["--over", "YAML"]),
    ("--over model.l=1", [UNKNOWN, "'model.l'", nearest("'l2'")]),
    ("--over model.l2=0.1,x", ["model.l2", "'x'", NUMBER]),
    ("--over model.l2=1 --over model.l2=2", ["model.l2", any_of("before", "already", "twice", "again")]),
    ("--over seed=0,1", ["--over", "'seed'", any_of("tune", "tuned"), "image", "model"]),
    ("--over modle.l2=1", ["'modle.l2'", nearest("'model'")]),
    ("--over training.learning_rate=1", ["training.learning_rate", "1", "model", "linear", "phase"]),
    ("--over model.l2=1 --set model.l2=2", ["model.l2", "[1]", any_of("another", "other")]),
    ("--over model.l2=1 --scheme folds", ["cross-validation", "test", "fold", any_of("train", "training")]),
    ("--over model.l2=1 --set splits.scheme=folds", ["cross-validation", "test"]),
    ("--over model.l2=1 --scheme random --validation 0.9", [NOTHING, any_of("train", "training")]),
    ("--over model.l2=1 --scheme offical", [nearest("'official'")]),
]


@pytest.mark.parametrize(("words", "expected"), REFUSED, ids=[words for words, _ in REFUSED])
def test_tune_refuses_in_one_line(refuse, tiny, official_phantoms, words, expected):
    said = refuse("tune", tiny, "linear", "--data", official_phantoms, *words.split())
    assert_tells(said, *expected)


def test_the_points_of_a_phases_name_are_those_of_its_number(tiny):
    from pxr_tf.studies.experiments import ExperimentOptions
    from pxr_tf.studies.tuning import plan_tuning

    asked = ExperimentOptions(data="none", config=str(tiny), runs=tiny.parent)
    by_number, by_name = (
        plan_tuning(asked, {"splits.scheme": "official"}, "cnn", [f"phases.{key}.l2=0.5,0.25"]).points
        for key in ("0", "all")
    )
    assert [experiment for _, experiment in by_name] == [experiment for _, experiment in by_number]
    assert [experiment.phases[0].l2 for _, experiment in by_name] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"skip_unreadable": False, "mix_environments": False}),
        ("--skip-unreadable", {"skip_unreadable": True}),
        ("--mix-environments", {"mix_environments": True}),
    ],
)
def test_options_other_than_the_experiment_reach_the_request(tune, monkeypatch, words, expected):
    asked = []

    def stop(request, *rest):
        asked.append(request)
        raise PxrError("stop")

    monkeypatch.setattr("pxr_tf.studies.run_all.find_sources", stop)
    assert tune(*TWO, *words.split())[0] == 2
    assert {name: getattr(asked[0], name) for name in expected} == expected
    assert len(asked) == 2  # the second point fails in the same way, so all would


def test_a_tuning_that_was_begun_is_not_continued_on_other_data(tune, official_phantoms, tmp_path):
    tune("--over", "model.temperature=0.1")
    planted = with_noise(official_phantoms, tmp_path / "planted", "test")
    code, _, wrong, _ = tune("--over", "model.temperature=0.1", data=planted)
    assert code == 2
    assert_tells(wrong, any_of("another", "other", "different"), "images:")
