"""Permuted labels: which rows are shuffled, which never, and that the seed decides."""

import pandas as pd
from messages import refused

from pxr_tf.data.permuted import check_labels, permute_labels
from pxr_tf.data.samples import check_samples, plan_all_samples, read_samples

LABELS = ["covid19"] * 10 + ["normal"] * 20 + ["viral"] * 30
TABLE = pd.DataFrame({"image_id": [f"image-{number:02d}" for number in range(60)], "label": LABELS})


def role_of(number, fold):
    return ("test", "val", "train", "train", "test_balanced", "train")[(number + fold) % 6]


SPLITS = pd.DataFrame(
    [(image, str(fold), role_of(number, fold)) for fold in (0, 1) for number, image in enumerate(TABLE.image_id)],
    columns=["image_id", "fold", "role"],
)


def merged(labels, splits=SPLITS):
    return splits.merge(labels, on=["image_id", "fold"]).merge(TABLE, on="image_id", suffixes=("", "_true"))


def test_training_and_validation_labels_are_shuffled_and_test_labels_never():
    rows = merged(permute_labels(TABLE, SPLITS, seed=3))
    tests = rows.role.isin(["test", "test_balanced"])
    assert len(rows) == len(SPLITS) and (rows.label == rows.label_true)[tests].all()
    assert {"0", "1"} == set(rows.fold)
    for (_, role), part in rows[~tests].groupby(["fold", "role"]):
        assert sorted(part.label) == sorted(part.label_true)  # as many of each class
        same = (part.label == part.label_true).mean()  # by chance: 1/36 + 4/36 + 9/36 = 0.39
        assert same < (0.62 if role == "train" else 0.8)


def test_the_seed_decides_but_not_the_order_of_rows_or_the_other_fold():
    labels = permute_labels(TABLE, SPLITS, seed=3)
    again = permute_labels(TABLE.sample(frac=1, random_state=0), SPLITS.sample(frac=1, random_state=1), seed=3)
    pd.testing.assert_frame_equal(merged(labels), merged(again))
    alone = permute_labels(TABLE, SPLITS[SPLITS.fold == "1"], seed=3)
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), labels[labels.fold == "1"].reset_index(drop=True))
    assert (permute_labels(TABLE, SPLITS, seed=4).label != labels.label).any()
    folds = merged(labels).pivot(index="image_id", columns="fold", values="label")
    assert (folds["0"] != folds["1"]).any()


def test_copies_are_planned_for_the_permuted_labels_and_get_them(tmp_path):
    """The largest class of the permuted training part decides how many copies the smallest gets."""
    labels = permute_labels(TABLE, SPLITS, seed=3)
    plan = {"cap": None, "oversample": ["covid19"], "target": None, "seed": 3}
    samples = plan_all_samples(TABLE, SPLITS, **plan, labels=labels)
    check_samples(samples, SPLITS)
    check_labels(samples, TABLE)
    assert samples.groupby(["image_id", "fold"]).label.nunique().max() == 1
    training = samples[(samples.role == "train") & (samples.fold == "0")]
    assert training.label.value_counts().to_dict() == {"covid19": 15, "normal": 10, "viral": 15}
    assert set(training.label[training["copy"] > 0]) == {"covid19"}
    samples.to_csv(tmp_path / "samples.csv", index=False)
    pd.testing.assert_frame_equal(read_samples(tmp_path / "samples.csv"), samples)
    assert "label" not in plan_all_samples(TABLE, SPLITS, **plan)


def test_a_test_image_with_another_label_is_refused():
    samples = plan_all_samples(
        TABLE, SPLITS, cap=None, oversample=(), target=None, seed=3, labels=permute_labels(TABLE, SPLITS, seed=3)
    )
    row = samples.index[(samples.role == "test") & (samples.image_id == "image-00")][0]
    samples.loc[row, "label"] = "viral"
    with refused("image-00", "viral", "manifest.csv", "covid19"):
        check_labels(samples, TABLE)
