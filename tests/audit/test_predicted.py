"""The sample of test pictures, and the pictures that they imitate."""

import numpy as np
import pandas as pd

from pxr_tf.audit.predicted import choose_donors, choose_rows


def make_table(count=200, per_patient=2):
    rows = np.arange(count)
    table = pd.DataFrame({"image_id": [f"i{row:03}" for row in rows], "label": np.where(rows % 5, "many", "few")})
    table["patient_id"] = [f"p{row // per_patient}" for row in rows]
    return table.assign(
        fold=(rows // per_patient % 4).astype(str), content=table.image_id, path=table.image_id + ".png"
    )


def test_a_class_has_an_image_of_each_patient_and_as_many_of_each_fold():
    chosen = choose_rows(make_table(), most=20)
    assert chosen.groupby("label").patient_id.nunique().to_dict() == {"few": 20, "many": 20}
    assert not chosen.duplicated(["label", "patient_id"]).any()
    assert set(chosen[chosen.label == "many"].fold.value_counts()) == {5}


def test_a_new_image_changes_the_sample_little():
    table = make_table()
    before, after = choose_rows(table.iloc[:-2], most=20), choose_rows(table, most=20)
    assert len(set(before.image_id) - set(after.image_id)) <= 2


def test_a_picture_imitates_another_patient_of_each_class():
    rows = choose_rows(make_table(), most=20)
    owner = rows.set_index("content")
    donors = choose_donors(rows)
    for row, own in zip(rows.itertuples(), donors, strict=True):
        assert set(own) == {"few", "many"}
        for label, donor in own.items():
            assert owner.label[donor.content] == label and owner.patient_id[donor.content] != row.patient_id
            assert donor.path == f"{donor.content}.png"
    assert len({own["few"].content for own in donors}) > 10


def test_the_only_patient_of_a_class_imitates_itself():
    rows = make_table(4, per_patient=1).assign(label=["a", "b", "b", "b"])
    assert choose_donors(rows)[0]["a"].content == rows.content[0]
