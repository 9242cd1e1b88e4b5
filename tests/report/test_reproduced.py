"""A whole paper as one table: its figures, its width, and runs that failed."""

import io

import numpy as np
import pandas as pd
import pytest
from messages import LEAKS, any_of, assert_tells, matching
from rich.console import Console
from scipy.stats import t
from written_runs import write_run, write_validated

from pxr_tf import files
from pxr_tf.report.reproduced import NOT_PAIRED, PAIRED, print_paper
from pxr_tf.report.results import write_results
from pxr_tf.runs.finished import open_run
from pxr_tf.studies.paper_runs import PaperRun
from pxr_tf.studies.paper_tables import write_paper

TWO = ("normal", "pneumonia")
BANJO = {"published": "novokshanov2022", "classes": TWO, "scheme": "random", "folds": 1, "test_rows": "all"}
EVERY = {"by image": (8, 10), "by patient": (4, 5)}  # setting -> one prediction in so many is wrong, by seed


def finished(folder, variant="plain", setting="", seed=0, wrong_every=4, seconds=90.0, **options) -> PaperRun:
    """Return a finished run of novokshanov2022; one prediction in `wrong_every` is wrong."""
    place = folder / f"{variant}-{setting}-{seed}"
    write_run(place, **{**BANJO, "variant": variant, "wrong_every": wrong_every, "model": "leaky_cnn", **options})
    files.write_json(place / "fold-0" / "timing.json", {"seconds": seconds})
    run = open_run(place)
    write_results(run)
    return PaperRun(variant, setting, seed, "leaky_cnn", run)


def both_settings(folder, every=EVERY, **options) -> list[PaperRun]:
    """Return a run for each setting and seed; in those by image, seed + 3 patients leak."""
    return [
        finished(
            folder,
            setting=setting,
            seed=seed,
            wrong_every=number,
            unit=setting.removeprefix("by "),
            warnings=({"what": "leak", "text": f"{seed + 3} patients leak."},) * (setting == "by image"),
            **options,
        )
        for setting, numbers in every.items()
        for seed, number in enumerate(numbers)
    ]


def let_test_other_images(run) -> None:
    """Make the test images of a run differ from those of all other runs."""
    splits = run.run.splits
    run.run.__dict__["splits"] = splits.assign(image_id=splits.image_id.replace("i00", "i99"))


def flat(text) -> str:
    return " ".join(text.split())


def printed(runs) -> str:
    console = Console(width=80, file=io.StringIO(), highlight=False)
    print_paper(runs, console)
    return console.file.getvalue()


def test_our_row_is_above_the_papers_and_the_table_fits_in_80_columns(tmp_path):
    seconds = (60, 90, 120)
    runs = [
        finished(tmp_path, seed=seed, wrong_every=every, seconds=seconds[seed]) for seed, every in enumerate((4, 5, 8))
    ]
    text = printed(runs)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    lines = [line.split() for line in text.splitlines()]
    ours = next(line for line in lines if line[:1] == ["plain"])
    accuracies = np.array([1 - np.mean(np.arange(40) % every == every - 1) for every in (4, 5, 8)]) * 100
    assert ours[1] == f"{accuracies.mean():.1f}±{accuracies.std(ddof=1):.1f}"
    assert ours[-2:] == ["40", "1.5"]  # images, minutes of one seed
    assert next(line for line in lines if line[:2] == ["the", "paper"])[2:] == ["94.9", "97.7", "96.3", "90.0"]
    assert_tells(" ".join(text.split()), "93.15 %", any_of("balanced accuracy"), "94.9 %")


@pytest.mark.parametrize("paired", [True, False])
def test_two_settings_are_compared_and_paired_if_they_test_the_same_images(tmp_path, paired):
    runs = both_settings(tmp_path)
    if not paired:
        let_test_other_images(runs[1])
    text = printed(runs)
    assert max(map(len, text.splitlines())) <= 80
    how, note, other = ("paired by seed", PAIRED, NOT_PAIRED) if paired else ("not paired", NOT_PAIRED, PAIRED)
    assert_tells(text, "plain", matching("by image (minus|-) by patient"), how)
    assert note in flat(text)
    assert other not in flat(text)
    row = next(line.split() for line in text.splitlines() if line.split()[:2] == ["accuracy", "+11.2"])
    assert row[-1] == "2"
    write_paper(tmp_path, runs)
    table = pd.read_csv(tmp_path / "differences.csv")
    found = table[table.metric == "accuracy"].squeeze()
    assert (found["mean"], found.minus) == (pytest.approx(0.1125), "by image minus by patient")
    assert (found.first_seeds, found.second_seeds, found.paired, found.origin) == (2, 2, paired, "real")
    assert found.split == "leaky split minus by patient"
    half = t.ppf(0.975, 1) * 0.0125 if paired else t.ppf(0.975, 25 / 17) * np.hypot(0.0125, 0.025)
    assert (found.low, found.high) == pytest.approx((0.1125 - half, 0.1125 + half), abs=1e-6)


def test_titles_name_what_is_leaky_and_warnings_name_their_runs(tmp_path):
    text = printed(both_settings(tmp_path))
    assert_tells(text, "bozickovic2021", "mean ± sd", "2 seeds", "leaky split: by image")
    assert_tells(flat(text), matching("by image (minus|-) by patient"), any_of("paired"), LEAKS)
    assert "Warning: by image, seed 0: 3 patients leak." in flat(text)
    assert "Warning: by image, seed 1: 4 patients leak." in flat(text)
    assert_tells(flat(text), matching("by image: .*paper.*by image"))
    assert_tells(flat(text), matching("by patient: .*paper.*by image.*by patient"))
    assert not any(line.startswith("leaky split") for line in printed(both_settings(tmp_path)[2:]).splitlines())


def test_a_leak_in_all_runs_is_reported_without_names(tmp_path):
    leak = {"what": "leak", "text": "3 patients leak."}
    text = printed([finished(tmp_path, variant, unit="image", warnings=(leak,)) for variant in ("plain", "weighted")])
    assert "leaky split" in map(str.strip, text.splitlines())
    assert "Warning: 3 patients leak." in text
    assert text.count("3 patients leak") == 1


def test_a_row_of_fewer_seeds_than_the_others_says_so(tmp_path):
    assert_tells(flat(printed(both_settings(tmp_path)[:3])), "patient", "over", "1", "seed")
    assert "only." not in printed(both_settings(tmp_path))


def test_figures_of_another_task_are_not_shown(tmp_path):
    text = printed([finished(tmp_path, "weighted", scheme="official")])
    assert "90.7" not in text
    assert "the paper" not in text
    assert_tells(text, any_of("no published"))


def test_the_files_keep_the_rows_of_variants_that_were_not_run_now(tmp_path):
    weighted, plain = (
        [run._replace(variant=variant) for run in both_settings(tmp_path / variant)]
        for variant in ("weighted", "plain")
    )
    assert write_paper(tmp_path, [*weighted, *plain]).files == [
        tmp_path / "reproduced.csv",
        tmp_path / "differences.csv",
    ]
    names = ("reproduced.csv", "differences.csv")
    before = [(tmp_path / name).read_text() for name in names]
    write_paper(tmp_path, plain)
    assert [(tmp_path / name).read_text() for name in names] == before


def test_rows_over_more_seeds_than_these_stay(tmp_path):
    runs = both_settings(tmp_path)
    write_paper(tmp_path, runs)
    before = (tmp_path / "reproduced.csv").read_text()
    assert write_paper(tmp_path, runs[:1]) == ([tmp_path / "reproduced.csv"], 1)
    assert (tmp_path / "reproduced.csv").read_text() == before


def test_rows_over_more_seeds_replace_rows_over_fewer(tmp_path):
    runs = both_settings(tmp_path)
    write_paper(tmp_path, runs[:1])
    assert write_paper(tmp_path, runs).kept == 0
    table = pd.read_csv(tmp_path / "reproduced.csv").drop_duplicates("setting")
    assert dict(zip(table.setting, table.seeds, strict=True)) == {"by image": 2, "by patient": 2}
    assert set(pd.read_csv(tmp_path / "differences.csv").model) == {"leaky_cnn"}


@pytest.mark.parametrize("content", ["", "variant,setting\nplain,\n", "\x00"])
def test_a_file_with_other_content_is_replaced(tmp_path, content):
    (tmp_path / "reproduced.csv").write_text(content)
    write_paper(tmp_path, [finished(tmp_path / "runs")])
    assert set(pd.read_csv(tmp_path / "reproduced.csv").variant) == {"plain"}


def test_a_failed_run_adds_no_row_and_removes_none(tmp_path):
    failed = PaperRun("weighted", "by image", 2, "leaky_cnn", failure="no luck")
    assert "weighted" not in printed([finished(tmp_path), failed])
    assert printed([failed]) == ""  # the command says at its end which runs failed, and why
    write_paper(tmp_path / "none", [failed])
    assert not (tmp_path / "none").exists()


def test_unmeasured_minutes_are_left_out(tmp_path):
    run = finished(tmp_path)
    (run.run.folder / "fold-0" / "timing.json").unlink()
    assert np.isnan(run.run.minutes())
    assert "nan" not in printed([run])


def validated(folder, model="resnet50", seed=0) -> PaperRun:
    """Return a finished run of vazquez2021's stage 1 with validation rows."""
    options = {"published": "vazquez2021", "variant": "stage1", "model": model}
    write_validated(folder / f"{model}-{seed}", TWO, seed, folds=1, **options)
    return PaperRun("stage1", "", seed, model, open_run(folder / f"{model}-{seed}"))


@pytest.mark.parametrize("model", ["resnet50", "mobilenet_v2"])
def test_a_papers_auc_and_threshold_are_shown_with_ours(tmp_path, model):
    runs = [validated(tmp_path, model, seed) for seed in (0, 1)]
    text = printed([run._replace(setting="whole") for run in runs])
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    lines = [line.split() for line in text.splitlines()]
    assert ["%", "accuracy", "balanced", "AUC", "prec.", "recall", "spec.", "n", "min"] in lines
    papers = [line[2:] for line in lines if line[:2] == ["the", "paper"]]
    assert papers == ([["92.3", "97.8", "90.0", "98.7"]] if model == "resnet50" else [])
    assert "92.30 %, AUC 97.81 %" in flat(text) or model == "resnet50"
    assert_tells(text, any_of("mean ± sd over seeds"))
    assert_tells(text, any_of("optimistic"))


def test_a_paper_without_auc_and_threshold_shows_neither(tmp_path):
    text = printed([finished(tmp_path)])
    assert "AUC" not in text
    assert "threshold" not in text.lower()


def test_tasks_with_other_classes_have_their_own_tables(tmp_path):
    three = write_run(tmp_path / "stage2", classes=("normal", "viral", "bacterial"), variant="stage2", test_rows="all")
    write_results(open_run(three))
    text = printed([validated(tmp_path), PaperRun("stage2", "", 0, "features", open_run(three))])
    headers = [line.split() for line in text.splitlines() if line.strip().startswith("%")]
    assert [header[-4:-2] for header in headers[:2]] == [["recall", "spec."], ["viral", "bacterial"]]


def test_the_rows_of_another_model_stay(tmp_path):
    write_paper(tmp_path, [validated(tmp_path, "resnet50")])
    write_paper(tmp_path, [validated(tmp_path, "mobilenet_v2")])
    table = pd.read_csv(tmp_path / "reproduced.csv")
    assert list(table.model.unique()) == ["resnet50", "mobilenet_v2"]
    row = table[(table.model == "resnet50") & (table["class"] == "all") & (table.metric == "auc")].squeeze()
    assert row.paper == pytest.approx(0.9781)
