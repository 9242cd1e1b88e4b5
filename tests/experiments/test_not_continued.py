"""A run directory is continued only if it is intact and of the same experiment; anything else stays unchanged."""

import pandas as pd
import pytest
from messages import MISSING, TWICE, Fact, any_of, refused
from tiny import RUN_DEPTH, Never, request_of, run_here, tiny_experiment

CHANGED, DELETE = any_of("changed", "edited", "removed"), any_of("delete")


def start_again(folder, data, experiment=None):
    return run_here(experiment or tiny_experiment(), data, folder.parents[RUN_DEPTH - 1], executor=Never())


def refuse(folder, data, *facts: Fact) -> str:
    """Check that the run is not continued, with these facts in a line; return the line."""
    with refused(*facts) as fault:
        start_again(folder, data)
    return str(fault.value)


def read_all(folder) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("text", ["name: phantom\nstrategies: {}\n", "- a list\n", "{", ""])
def test_an_experiment_of_another_version_is_refused_in_a_line_that_says_so(own_copy, phantoms, text):
    (own_copy / "experiment.yaml").write_text(text)
    before = read_all(own_copy)
    line = refuse(own_copy, phantoms, "pxr_tf", any_of("version"), "experiment.yaml", CHANGED, "RUNS=", DELETE)
    assert line.startswith(str(own_copy))
    assert read_all(own_copy) == before


def test_a_run_without_its_provenance_is_refused(own_copy, phantoms):
    (own_copy / "provenance.json").unlink()
    refuse(own_copy, phantoms, "provenance.json", "RUNS=")


def edit_samples(folder, damage: str) -> None:
    """Plant a fault in samples.csv."""
    path = folder / "samples.csv"
    samples = pd.read_csv(path, dtype=str)
    test = samples.index[(samples.fold == "0") & samples.role.str.startswith("test")][0]
    train = samples.index[(samples.fold == "0") & (samples.role == "train")][0]
    if damage == "an augmented test row":
        samples.loc[test, "copy"] = "1"
    elif damage == "another role":
        samples.loc[test, "role"] = "train"
    elif damage == "a training row that is tested":
        samples.loc[train, "role"] = "test"
    elif damage == "a missing test row":
        samples = samples.drop(test)
    elif damage == "a row twice":
        samples = pd.concat([samples, samples.loc[[train]]])
    elif damage == "an unknown image":
        samples.loc[train, "image_id"] = "nobody"
    elif damage == "no columns":
        samples = samples.drop(columns="copy")
    elif damage == "a copy that is not a number":
        samples.loc[train, "copy"] = "one"
    samples.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("an augmented test row", [any_of("copy", "copies"), any_of("training")]),
        ("another role", ["train", "fold 0", "splits.csv"]),
        ("a training row that is tested", ["test", "fold 0", "splits.csv"]),
        ("a missing test row", ["samples.csv", "fold 0", MISSING]),
        ("a row twice", [any_of("copy"), TWICE]),
        ("an unknown image", ["samples.csv", "nobody"]),
        ("no columns", ["samples.csv"]),
        ("a copy that is not a number", ["samples.csv"]),
    ],
)
def test_samples_that_were_edited_by_hand_are_refused(own_copy, phantoms, damage, words):
    start_again(own_copy, phantoms)  # the intact run is continued
    edit_samples(own_copy, damage)
    before = read_all(own_copy)
    refuse(own_copy, phantoms, *words)
    (own_copy / "predictions.csv").unlink()
    del before["predictions.csv"]
    refuse(own_copy, phantoms, *words)  # an unfinished run is refused, too
    assert read_all(own_copy) == before


@pytest.mark.parametrize("name", ["manifest.csv", "splits.csv", "samples.csv"])
def test_a_table_that_lost_a_column_or_its_content_is_refused(own_copy, phantoms, name):
    whole = (own_copy / name).read_text()
    for column in pd.read_csv(own_copy / name).columns:
        table = pd.read_csv(own_copy / name, dtype=str).drop(columns=column)
        table.to_csv(own_copy / name, index=False)
        refuse(own_copy, phantoms, name, DELETE)
        (own_copy / name).write_text(whole)
    for text in ("", "\n", "image_id\n", "\x00\x01"):
        (own_copy / name).write_text(text)
        refuse(own_copy, phantoms, name, DELETE)


def test_another_seed_variant_scheme_or_tag_has_its_own_run_directory(own_copy, phantoms):
    before, mine = read_all(own_copy), request_of(tiny_experiment(), phantoms, own_copy.parents[RUN_DEPTH - 1])
    assert mine.folder == own_copy
    changes = ({"seed": 1}, {"variant": "strategy1"}, {"splits__scheme": "random"}, {"tag": "other"}, {"name": "other"})
    places = {request_of(tiny_experiment(**change), phantoms, mine.runs).folder for change in changes}
    assert len(places | {own_copy}) == 6
    assert read_all(own_copy) == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest.csv", lambda text: text.replace(",normal,", ",viral,", 1)),
        ("samples.csv", lambda text: text.replace(",train,1", ",train,-1", 1)),
        ("warnings.json", lambda text: "[]"),
        ("warnings.json", None),
    ],
)
def test_tables_that_were_changed_by_hand_are_not_trained_on(own_copy, phantoms, name, change):
    """Each of these fits the others and leaks nothing, but the numbers would be about something else."""
    file = own_copy / name
    if change is None:
        file.unlink()
    else:
        before = file.read_text()
        file.write_text(change(before))
        assert file.read_text() != before
    (own_copy / "predictions.csv").unlink()
    refuse(own_copy, phantoms, name, CHANGED)


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_a_run_without_valid_provenance_is_not_continued(own_copy, phantoms, text):
    (own_copy / "provenance.json").write_text(text)
    refuse(own_copy, phantoms, "provenance.json")


def test_a_run_of_another_version_is_refused_as_such(own_copy, phantoms):
    (own_copy / "provenance.json").write_text("{}")
    refuse(own_copy, phantoms, "pxr_tf", any_of("version"), "provenance.json", "'origin'")


def test_a_copy_that_is_not_a_whole_number_is_refused(own_copy, phantoms):
    file = own_copy / "samples.csv"
    file.write_text(file.read_text().replace(",train,0", ",train,0.5", 1))
    refuse(own_copy, phantoms, "samples.csv", CHANGED, DELETE)
