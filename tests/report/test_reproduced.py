"""A whole paper as one table: which figures stand there, how wide it is, and what it says of runs that failed."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from test_results import write_run

from pxr_tf import files
from pxr_tf.report.reproduced import PaperRun, measures_of, minutes_of, print_paper, write_paper
from pxr_tf.report.results import write_results

TWO = ("normal", "pneumonia")
BANJO = {"published": "novokshanov2022", "classes": TWO, "scheme": "random", "folds": 1, "test_rows": "all"}


def finished(folder, variant="plain", setting="", seed=0, wrong_every=4, seconds=90.0, **options) -> PaperRun:
    """Return a run of novokshanov2022 that is finished, with every so-many-th prediction wrong."""
    place = folder / f"{variant}-{setting}-{seed}"
    write_run(place, **{**BANJO, "variant": variant, "wrong_every": wrong_every, **options})
    experiment = (place / "experiment.yaml").read_text()
    files.write_text(
        place / "experiment.yaml", experiment.replace("backbone: xception", "kind: scratch\n  network: leaky_cnn")
    )
    files.write_json(place / "random" / "timing.json", {"seconds": seconds})
    write_results(place)
    return PaperRun(variant, setting, seed, "leaky_cnn", place)


def printed(runs) -> str:
    console = Console(width=80, file=io.StringIO(), highlight=False)
    print_paper(runs, console)
    return console.file.getvalue()


def test_ours_stand_above_the_papers_and_all_fits_80_letters(tmp_path):
    runs = [finished(tmp_path, seed=seed, wrong_every=every) for seed, every in enumerate((4, 5, 8))]
    text = printed(runs)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    lines = [line.split() for line in text.splitlines()]
    ours = next(line for line in lines if line[:1] == ["plain"])
    accuracies = np.array([1 - np.mean(np.arange(40) % every == every - 1) for every in (4, 5, 8)]) * 100
    assert ours[1] == f"{accuracies.mean():.1f}±{accuracies.std(ddof=1):.1f}"
    assert ours[-2:] == ["40", "1.5"]  # images, minutes
    assert next(line for line in lines if line[:2] == ["the", "paper"])[2:] == ["94.9", "97.7", "96.3", "90.0"]
    assert "is 93.15 %, but its balanced accuracy is 94.9 %" in " ".join(text.split())


def test_two_settings_are_compared_seed_by_seed(tmp_path):
    every = {"by image": (8, 10), "by patient": (4, 5)}
    runs = [
        finished(tmp_path, setting=setting, seed=seed, wrong_every=number)
        for setting, numbers in every.items()
        for seed, number in enumerate(numbers)
    ]
    text = printed(runs)
    assert "plain: by image minus by patient, paired by seed" in text
    row = next(line.split() for line in text.splitlines() if line.split()[:2] == ["accuracy", "+11.2"])
    assert row[-1] == "2"
    write_paper(tmp_path, runs)
    table = pd.read_csv(tmp_path / "differences.csv")
    found = table[table.metric == "accuracy"].squeeze()
    assert (found["mean"], found.pairs, found.minus) == (pytest.approx(0.1125), 2, "by image minus by patient")
    assert found.low < 0.1 < 0.125 < found.high


def test_a_run_that_failed_is_named_and_costs_no_row(tmp_path):
    failed = PaperRun("weighted", "by image", 2, "leaky_cnn", failure="no luck")
    text = printed([finished(tmp_path), failed])
    assert "1 of 2 runs failed, as said above: weighted, by image, seed 2." in text
    assert "weighted" not in text.split("1 of 2")[0]
    assert printed([failed]).strip() == "1 of 1 run failed, as said above: weighted, by image, seed 2."
    write_paper(tmp_path / "none", [failed])
    assert not (tmp_path / "none").exists()


def test_minutes_that_nobody_measured_are_left_out(tmp_path):
    run = finished(tmp_path)
    (run.folder / "random" / "timing.json").unlink()
    assert np.isnan(minutes_of(run.folder))
    assert "nan" not in printed([run])


def test_of_more_than_two_classes_each_ones_sensitivity_is_shown():
    assert [one.words for one in measures_of(("a", "b", "c"))] == ["accuracy", "balanced", "a", "b", "c"]
    assert [(one.name, one.metric) for one in measures_of(TWO)[2:]] == [
        ("pneumonia", "precision"),
        ("pneumonia", "sensitivity"),
        ("pneumonia", "specificity"),
    ]
