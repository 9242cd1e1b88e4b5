"""How two recipes differ: each changed value by its key, and in words for people."""

from pxr_tf.config import list_changes, load_experiment, recipe_changes

BEFORE = load_experiment("bozickovic2021", {"phases.0.max_epochs": 2, "phases.1.max_epochs": 5})


def describe(before, now) -> list[str]:
    return [str(change) for change in list_changes(recipe_changes(before, now), before, now)]


def words(**overrides):
    given = {"phases.0.max_epochs": 2, "phases.1.max_epochs": 5}
    now = load_experiment("bozickovic2021", given | {key.replace("__", "."): value for key, value in overrides.items()})
    return describe(BEFORE, now)


def test_the_epochs_of_all_phases_are_one_difference():
    assert words(phases__0__max_epochs=1, phases__1__max_epochs=1) == ["epochs 2,5 -> 1,1"]
    assert words(phases__1__max_epochs=1, splits__folds=2) == ["epochs 2,5 -> 2,1", "folds 5 -> 2"]


def test_the_same_recipe_does_not_differ():
    assert recipe_changes(BEFORE, BEFORE) == {}
    assert words() == []


def test_keys_that_end_alike_are_named_in_full():
    changed = words(phases__0__learning_rate=0.5, phases__1__learning_rate=0.25)
    assert changed == ["phases.all.learning_rate 1e-05 -> 0.25", "phases.head.learning_rate 0.001 -> 0.5"]


def test_epochs_are_those_of_all_phases_and_no_other_key():
    assert words(augmentation__epochs="practical") == ["augmentation.epochs none -> practical"]
    changed = words(phases__0__max_epochs=1, augmentation__epochs="practical")
    assert changed == ["epochs 2,5 -> 1,5", "augmentation.epochs none -> practical"]


def test_null_and_lists_are_shown_as_words():
    assert words(balance__cap=None) == [f"cap {BEFORE.balance.cap} -> none"]
    assert words(balance__oversample=[]) == ["oversample covid19 -> none"]


def test_another_number_of_phases_is_one_difference():
    now = load_experiment("bozickovic2021", variant="strategy1")
    assert "phases" in recipe_changes(BEFORE, now)
    assert describe(BEFORE, now)[0] == "epochs 2,5 -> 100"
    assert "phases head,all -> all" in describe(BEFORE, now)


def test_phases_of_the_same_name_are_compared_if_their_number_differs():
    phase = {"name": "all", "train": "all", "learning_rate": 0.5, "max_epochs": 5}
    changed = words(phases=[phase])
    assert {"epochs 2,5 -> 5", "phases head,all -> all", "learning_rate 1e-05 -> 0.5"} <= set(changed)
    assert not any("{" in line for line in changed)


def test_another_kind_of_model_is_one_difference():
    paper = load_experiment("chen2021", variant="small_cnn")
    ours = load_experiment("chen2021", {"model": {"kind": "linear"}}, variant="logistic_regression")
    changed = describe(paper, ours)
    assert [line for line in changed if "model" in line] == ["model small_cnn -> linear"]


def test_keys_by_class_are_named_in_full():
    weights = dict.fromkeys(BEFORE.classes, 1.0)
    before = BEFORE.model_copy(update={"training": BEFORE.training.model_copy(update={"class_weights": weights})})
    now = before.model_copy(
        update={"training": before.training.model_copy(update={"class_weights": {**weights, "viral": 2.0}})}
    )
    assert describe(before, now) == ["training.class_weights.viral 1.0 -> 2.0"]
