"""The page of a gallery: doubts, strangers and failed methods are said, and nothing that people typed becomes HTML."""

import numpy as np
import pandas as pd

from pxr_tf.report.gallery_page import page_lines
from pxr_tf.report.gallery_tables import check_table, failed_words

ABOUT = {
    "run": "a/b", "title": "a: <b>", "classes": ["normal", "viral"], "folds": 2, "methods": ["grad_cam"],
    "class": "predicted", "checks": True, "warnings": ["Classes come from <two> sources."], "synthetic": False,
    "leaky": True, "notice": "Research use only, not a medical device.",
}  # fmt: skip


def table_of(count: int, share: float, area: float = 0.3) -> pd.DataFrame:
    """Return ``explained.csv`` of pictures whose maps lie in the lungs by this share, half of them wrong."""
    rng = np.random.default_rng(0)
    names = [f"<x>&{number}.png" for number in range(count)]
    rows = {
        "image_id": names, "group": ["right", "wrong"] * (count // 2), "label": "normal",
        "predicted": ["normal", "viral"] * (count // 2), "p_predicted": 0.9, "explained": "viral", "p_explained": 0.1,
        "fold": "0", "role": ["test", "train"] * (count // 2), "method": "grad_cam", "layer": "feature_map",
        "in_lungs": share + rng.normal(0, 0.01, count), "lungs_of_picture": area, "lungs": "trusted", "sheet": "s.png",
        "thumbnail": "t.jpg", "maps": "m.npz", "patient_id": names, "source": "",
    }  # fmt: skip
    return pd.DataFrame(rows)


def page_of(table: pd.DataFrame, measured: pd.DataFrame | None = None) -> str:
    return "\n".join(page_lines(ABOUT, table, check_table(table, measured)))


def test_what_makes_a_gallery_doubtful_stands_on_it():
    page = page_of(table_of(8, 0.2))
    assert "<b>Doubt.</b> Classes come from &lt;two&gt; sources." in page
    assert "Leaky split" in page
    assert "4 pictures that the model explaining them was trained on (model of fold-0)" in page
    assert page.count("trained on it</span>") == 4
    assert "<x>" not in page and "a: <b>" not in page
    assert "Least certain</h3>" in page and "True class: viral" not in page


def test_a_method_that_looks_outside_the_lungs_is_marked():
    outside, inside = (check_table(table_of(8, share), None) for share in (0.2, 0.5))
    assert failed_words(outside) == {"grad_cam": "failed 1 of 1 checks"}
    assert failed_words(inside) == {"grad_cam": ""}
    assert '<td class="bad">Grad-CAM</td>' in page_of(table_of(8, 0.2))
    assert '<td class="bad">Grad-CAM</td>' not in page_of(table_of(8, 0.5))


def test_shares_stand_beside_the_lungs_own_and_untrusted_lungs_are_counted():
    table = table_of(8, 0.5)
    table.loc[:1, ["in_lungs", "lungs_of_picture"]] = np.nan
    table.loc[:1, "lungs"] = "confidence below 0.6"
    page = page_of(table)
    assert "Left out, as their lungs are not trusted: confidence below 0.6: 2." in page
    checks = check_table(table, None).set_index(["check", "class"])
    assert checks.pictures["share in the lungs", "normal"].item() == 6
    assert '<td class="n">30</td>' in page


def test_deletion_is_judged_beside_random_orders():
    table = table_of(4, 0.5)
    rows = [
        (check, method, name, "", value)
        for check, values in (("deletion", (0.2, 0.6, 0.5)), ("insertion", (0.3, 0.6, 0.5)))
        for method, value in zip(("grad_cam", "random", "centre"), values, strict=True)
        for name in table.image_id
    ]
    measured = pd.DataFrame(rows, columns=["check", "method", "image_id", "detail", "value"])
    states = check_table(table, measured).query("method == 'grad_cam' and state != ''").set_index("check").state
    assert states["deletion_random"] == states["deletion_centre"] == "passed"
    assert states["insertion_random"] == states["insertion_centre"] == "failed"
    assert states["folds"] == states["weights"] == states["labels"] == "not measured"
    assert "random order" in page_of(table, measured)
