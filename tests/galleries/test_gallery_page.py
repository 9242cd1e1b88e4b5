"""The page of a gallery: it shows warnings, external pictures and failed methods, and escapes all typed text."""

import numpy as np
import pandas as pd
import pytest
from messages import any_of, assert_tells, matching, tells

from pxr_tf.explain.maps_file import PictureMaps, write_maps
from pxr_tf.galleries.lungs import LungsSeen
from pxr_tf.galleries.page import page_lines
from pxr_tf.galleries.run import Explained
from pxr_tf.galleries.tables import BLACK, check_table, tabulate
from pxr_tf.galleries.write import checked_words, make_sheet
from pxr_tf.pictures.preparation import Preparation
from pxr_tf.runs.info import RunInfo

ABOUT = {
    "run": "a/b", "title": "a: <b>", "classes": ["normal", "viral"], "folds": 2, "methods": ["grad_cam"],
    "class": "predicted", "checks": True, "warnings": ["Classes come from <two> sources."], "synthetic": False,
    "leaky": True, "notice": "Research use only, not a medical device.",
}  # fmt: skip


THREE = (-0.9, 0.9, -0.9)


def table_of(count: int, share: float, area: float = 0.3, method: str = "grad_cam") -> pd.DataFrame:
    """Return ``explained.csv`` of pictures whose maps have this share in the lungs; half the predictions are wrong."""
    rng = np.random.default_rng(0)
    names = [f"<x>&{number}.png" for number in range(count)]
    rows = {
        "image_id": names, "group": ["right", "wrong"] * (count // 2), "label": "normal",
        "predicted": ["normal", "viral"] * (count // 2), "p_predicted": 0.9, "explained": "viral", "p_explained": 0.1,
        "pass_predicted": ["normal", "viral"] * (count // 2), "pass_p_predicted": 0.9, "pass_p_explained": 0.1,
        "copy_of": "", "fold": "0", "role": ["test", "train"] * (count // 2), "method": method, "layer": "feature_map",
        "in_lungs": share + rng.normal(0, 0.01, count), "lungs_of_picture": area, "on_bars": 0.0, "lungs": "trusted",
        "sheet": "s.png", "thumbnail": "t.jpg", "maps": "m.npz", "patient_id": names, "source": "",
    }  # fmt: skip
    return pd.DataFrame(rows)


def measured_of(table: pd.DataFrame, rows: list[tuple[str, str, str, int, float]], method="grad_cam") -> pd.DataFrame:
    """Return what the task measured: the same (check, detail, view, network, value) for every picture."""
    columns = ["check", "method", "image_id", "detail", "view", "network", "value"]
    return pd.DataFrame(
        [
            (check, method, name, detail, view, str(network), value)
            for check, detail, view, network, value in rows
            for name in table.image_id
        ],
        columns=columns,
    ).assign(other="", chance=0.0)


def with_networks(rows: list[tuple[str, str, str, float]]) -> list[tuple[str, str, str, int, float]]:
    """Return the rows (check, detail, view, value), each as measured with three networks."""
    return [(*row[:3], network, row[3]) for row in rows for network in range(3)]


def verdicts_of(table: pd.DataFrame, measured: pd.DataFrame | None, *notes: dict[str, str]) -> pd.DataFrame:
    checks = check_table(table, measured, *notes)
    return checks[checks.state != ""].set_index("check")


def page_of(table: pd.DataFrame, measured: pd.DataFrame | None = None) -> str:
    return "\n".join(page_lines(ABOUT, table, check_table(table, measured)))


def test_the_page_shows_the_gallerys_warnings():
    page = page_of(table_of(8, 0.2))
    assert "<b>Warning.</b> Classes come from &lt;two&gt; sources." in page
    assert "Leaky split" in page
    assert_tells(page, "4 pictures", any_of("trained"), matching("fold-0"))
    assert page.count("trained on it</span>") == 4
    assert "<x>" not in page and "a: <b>" not in page
    assert "Least certain</h3>" in page and "True class: viral" not in page


def test_a_method_that_looks_outside_the_lungs_is_marked():
    outside, inside = (check_table(table_of(8, share), None) for share in (0.2, 0.5))
    assert checked_words(outside) == {"grad_cam": ("failed 1 of 1 checks", True)}
    assert not checked_words(inside)["grad_cam"].failed
    assert '<td class="bad">Grad-CAM</td>' in page_of(table_of(8, 0.2))
    assert '<td class="bad">Grad-CAM</td>' not in page_of(table_of(8, 0.5))


def test_shares_are_next_to_the_lungs_share_and_untrusted_lungs_are_counted():
    table = table_of(8, 0.5).assign(role="test")
    table.loc[:1, ["in_lungs", "lungs_of_picture"]] = np.nan
    table.loc[:1, "lungs"] = "confidence below 0.6"
    page = page_of(table)
    assert_tells(page, any_of("left out"), any_of("lungs"), "0.6", matching("0.6: 2"))
    checks = check_table(table, None).set_index(["check", "class"])
    assert checks.pictures["share in the lungs", "normal"].item() == 6
    assert '<td class="n">30</td>' in page


def test_deletion_is_compared_with_random_orders():
    table = table_of(8, 0.5)
    measured = pd.concat(
        measured_of(table, [(check, "", "", 0, value)], method)
        for check, values in (("deletion", (0.2, 0.6, 0.5)), ("insertion", (0.3, 0.6, 0.5)))
        for method, value in zip(("grad_cam", "random", "centre"), values, strict=True)
    )
    states = verdicts_of(table, measured).state
    assert states["deletion_random"] == states["deletion_centre"] == "passed"
    assert states["insertion_random"] == states["insertion_centre"] == "failed"
    assert states["folds"] == states["weights"] == states["labels"] == "not measured"
    assert_tells(page_of(table, measured), any_of("random order", "random orders"))


@pytest.mark.parametrize("sign", [-1, 1])
def test_rounding_decides_nothing_if_the_network_gives_one_probability(sign):
    """A network that predicts one class for all images: its areas differ by less than 1e-7."""
    table = table_of(8, 0.5)
    measured = pd.concat(
        measured_of(table, [(check, "", "", 0, 0.3 + value)], method)
        for check in ("deletion", "insertion")
        for method, value in (("grad_cam", sign * 1e-7), ("random", 0.0), ("centre", 0.0))
    )
    found = verdicts_of(table, measured).loc[["deletion_random", "insertion_centre"]]
    assert set(found.state) == {"undecided"} and set(found.value) == {0}
    assert not any(tells([reason], any_of("too few")) for reason in found.reason)
    assert "-0.0" not in "".join(found.reason)


def test_several_random_networks_decide_and_their_signs_do_not_cancel_out():
    """Correlations of -0.9, 0.9 and -0.9: each map is still there, inverted or not."""
    table = table_of(8, 0.5)
    upside_down = [("weights", "top", "", 0, 0.1), *(("weights", "bottom", "", n, r) for n, r in enumerate(THREE))]
    found = verdicts_of(table, measured_of(table, upside_down)).loc["weights"]
    assert (found.state, found.value, found.pictures) == ("failed", pytest.approx(0.9), 4)
    forgotten = [("weights", "top", "", 0, 0.9), *(("weights", "bottom", "", n, r / 9) for n, r in enumerate(THREE))]
    assert verdicts_of(table, measured_of(table, forgotten)).state["weights"] == "passed"


def test_the_worse_view_of_signed_maps_decides_and_both_are_reported():
    table = table_of(8, 0.5, method="integrated_gradients")
    about = {**ABOUT, "methods": ["integrated_gradients"]}
    rows = [("weights", "c", "signed", 0.0), ("weights", "c", "absolute", 0.6)]
    rows += [("labels", "", "signed", -0.7), ("labels", "", "absolute", 0.2)]
    rows += [("folds", "", "signed", 0.1), ("folds", "", "absolute", 0.9)]
    measured = measured_of(table, with_networks(rows), "integrated_gradients")
    found = verdicts_of(table, measured)
    assert found.value[["weights", "labels", "folds"]].tolist() == pytest.approx([0.6, 0.7, 0.1])
    assert set(found.state[["weights", "labels", "folds"]]) == {"failed"}
    assert tells([found.reason["weights"]], any_of("absolute"), matching("signed.*0.00"))
    assert tells([found.reason["folds"]], any_of("signed"), matching("absolute.*0.90"))
    page = "\n".join(page_lines(about, table, check_table(table, measured)))
    assert "0.00 (0.00 to 0.00) signed<br>0.60 (0.60 to 0.60) absolute" in page


def test_without_any_value_the_reason_has_no_numbers():
    table = table_of(8, 0.5, method="integrated_gradients")
    rows = [(check, "c", view, np.nan) for check in ("weights", "labels", "folds") for view in ("signed", "absolute")]
    measured = measured_of(table, with_networks(rows), "integrated_gradients").assign(chance=np.nan)
    found = verdicts_of(table, measured).loc[["weights", "labels", "folds"]]
    assert set(found.state) == {"not measured"} and found.bound.tolist() == [0.5] * 3
    assert all(reason.endswith("has an empty map.") for reason in found.reason)


def test_agreement_keeps_its_sign_and_correlations_without_sign_are_not_below_0():
    table = table_of(8, 0.5).assign(role="test")
    rows = [("folds", "", "", n, -0.9) for n in range(3)] + [("weights", "", "", n, n / 10) for n in range(3)]
    found = verdicts_of(table, measured_of(table, rows))
    assert (found.state["folds"], found.value["folds"]) == ("failed", pytest.approx(-0.9))
    assert (found.state["weights"], found.value["weights"], found.low["weights"]) == ("passed", pytest.approx(0.1), 0)


def test_networks_that_differ_leave_a_check_undecided():
    """Correlations of 0.2, 0.6 and 0.2: other networks might as well be above the bound, however many patients."""
    table = table_of(40, 0.5).assign(role="test")
    differ = [("weights", "all", "", n, value) for n, value in enumerate((0.2, 0.6, 0.2))]
    alike = [("weights", "all", "", n, value) for n, value in enumerate((0.3, 0.35, 0.32))]
    assert verdicts_of(table, measured_of(table, differ)).state["weights"] == "undecided"
    assert verdicts_of(table, measured_of(table, alike)).state["weights"] == "passed"


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("check", ["weights", "labels", "folds"])
def test_too_few_networks_decide_nothing_and_the_reason_says_so(check, count):
    table = table_of(40, 0.5).assign(role="test")
    measured = measured_of(table, [(check, "", "", network, 0.9) for network in range(count)])
    found = verdicts_of(table, measured).loc[check]
    assert (found.state, found.value) == ("undecided", pytest.approx(0.9))
    assert_tells(found.reason, matching(f"{count} networks?"), any_of("3 or more"), any_of("networks"))
    (mean,) = check_table(table, measured).query("state == '' and check == @check").itertuples()
    assert mean.value == pytest.approx(0.9) and np.isnan([mean.low, mean.high]).all()


def test_each_folds_network_counts_once_for_permuted_labels():
    """Five folds whose networks differ: 40 pictures are not 40 independent values."""
    table = table_of(40, 0.5).assign(role="test")
    fold = np.arange(40) % 5
    measured = measured_of(table, [("labels", "", "", 0, 0.0)])
    measured = measured.assign(network=fold.astype(str), value=np.array([0.1, 0.7, 0.2, 0.6, 0.25])[fold])
    assert verdicts_of(table, measured).state["labels"] == "undecided"
    many = measured.assign(network=np.arange(40).astype(str))  # as if each picture had its own network
    assert verdicts_of(table, many).state["labels"] == "passed"


def test_pairs_of_folds_share_networks():
    """Network 0 agrees with no other: three of six pairs, so other networks may agree or not."""
    table = table_of(40, 0.5).assign(role="test")
    pairs = [(one, other) for other in range(4) for one in range(other)]
    rows = [measured_of(table, [("folds", "", "", one, 0.2 if one == 0 else 0.9)]).assign(other=str(other))
            for one, other in pairs]  # fmt: skip
    found = verdicts_of(table, pd.concat(rows)).loc["folds"]
    assert (found.state, found.value, found.pictures) == ("undecided", pytest.approx(0.55), 40)
    assert_tells(found.reason, any_of("4 networks"))


def test_the_bound_of_small_maps_is_above_what_unrelated_maps_have():
    table = table_of(40, 0.5).assign(role="test")
    rows = [("weights", "", "", 0.55), ("labels", "", "", 0.55), ("folds", "", "", 0.55)]
    measured = measured_of(table, with_networks(rows))
    small = verdicts_of(table, measured.assign(chance=np.where(measured.check == "folds", 0.0, 0.4)))
    assert small.bound[["weights", "labels", "folds"]].tolist() == pytest.approx([0.7, 0.7, 0.5])
    assert set(small.state[["weights", "labels", "folds"]]) == {"passed"}
    assert_tells(small.reason["weights"], any_of("unrelated"), any_of("0.40"), any_of("0.70"))
    large = verdicts_of(table, measured)
    assert large.state[["weights", "labels"]].tolist() == ["failed"] * 2


def test_the_page_says_how_many_verdicts_and_intervals_chance_makes_wrong():
    table = table_of(8, 0.5)
    measured = measured_of(table, with_networks([("weights", "", "", 0.1), ("labels", "", "", 0.1)]))
    page = page_of(table, measured)
    assert_tells(page, matching(r"3 verdicts.*5 %.*0\.[12] wrong"))
    assert_tells(page, matching(r"2 intervals.*5 %.*0\.1 wrong"))
    assert "0 verdicts" not in page_of(table.assign(role="train"))


def test_pictures_that_the_model_knows_do_not_count():
    table = table_of(8, 0.5)
    table.loc[table.role == "train", "in_lungs"] = 0.0
    found = verdicts_of(table, None).loc["in_lungs"]
    assert (found.state, found.pictures) == ("passed", 4)
    assert_tells(page_of(table), any_of("4 test pictures"), any_of("other 4"))
    external = table.assign(role=table.role.replace("test", ""))
    assert verdicts_of(external, None).pictures["in_lungs"] == 4
    assert_tells(page_of(external), any_of("4 pictures unknown", "4 external pictures"), any_of("other 4"))
    trained = verdicts_of(table.assign(role="train"), None)
    assert set(trained.state) == {"not measured"} and tells(
        [trained.reason["weights"]], any_of("trained on these pictures", "trained on them")
    )
    assert_tells(page_of(table.assign(role="train")), any_of("trained on these pictures", "trained on them"))


def test_an_interval_across_the_bound_fails_no_method():
    table = table_of(8, 0.3)
    table["in_lungs"] = [0.3, 0, 0.2, 0, 0.35, 0, 0.4, 0]  # for the pictures that count; the area is 0.3
    assert verdicts_of(table, None).state["in_lungs"] == "undecided"
    assert not checked_words(check_table(table, None))["grad_cam"].failed
    assert '<td class="bad">Grad-CAM' not in page_of(table) and '<span class="faint">undecided' in page_of(table)


def test_intervals_are_clipped_to_possible_values():
    table = table_of(8, 0.9).assign(in_lungs=[1.0, 1, 0.2, 1, 1, 1, 1, 1], role="test")
    rows = check_table(table, None).set_index("check").loc["share in the lungs"]
    assert set(rows.high) == {1.0} and (rows.low < 0.9).all()


def explained_of(folder, case: dict, about: dict, lungs: LungsSeen | None = None) -> Explained:
    """Return one explained picture of two classes, whose files are in the folder."""
    own = {"classes": ["normal", "viral"], "probabilities": [0.9, 0.1], "prediction": [0.9, 0.1], "target": 0,
           "methods": ["grad_cam"], "layers": {}}  # fmt: skip
    maps = {"grad_cam": np.ones((8, 8), np.float32)}
    write_maps(folder / "m.npz", PictureMaps({**own, **about}, np.zeros((8, 8), np.uint8), maps, maps))
    row = {"image_id": "x", "file": "m.npz", "label": "normal", "patient_id": "x", "source": "", "fold": "0",
           "role": "test", "group": "right", "predicted": "", "prediction": (), "copy_of": ""}  # fmt: skip
    classes = ("normal", "viral")
    cases = pd.DataFrame([{**row, **case}])
    return Explained(folder, "", cases, ("grad_cam",), classes, "predicted", lungs, None, 1, {})


@pytest.mark.parametrize(("crop", "words"), BLACK.items())
def test_after_a_crop_that_blacks_out_one_side_lungs_are_not_compared(tmp_path, crop, words):
    lungs = LungsSeen({}, {}, Preparation(8, "squash", crop), 0.6)
    table = tabulate(explained_of(tmp_path, {}, {}, lungs), {})
    found = verdicts_of(table, None).loc["in_lungs"]
    assert found.state == "not measured" and tells([found.reason], any_of("lungs"), any_of("not measured"), words)
    assert table.in_lungs.isna().all() and "inside the lungs</h2>" not in page_of(table)


class Lungs:
    """Lungs of which a third of the picture's film is known; see `LungsSeen`."""

    preparation = Preparation(64, "pad")

    def why_not(self, image_id: str) -> str:
        return ""

    def mask_of(self, image_id: str) -> np.ndarray:
        mask = np.zeros((64, 64), bool)
        mask[16:48, 20:44] = True
        return mask


@pytest.mark.parametrize("level", [0, 255])
def test_bars_around_the_film_do_not_count_for_the_lungs(tmp_path, level):
    """A map that is even over the film is no better than chance, whatever it does on the bars."""
    picture = np.full((64, 64), level, np.uint8)
    picture[16:48] = np.random.default_rng(0).integers(50, 200, (32, 64))
    on_film = np.zeros((64, 64), np.float32)
    on_film[16:48] = 1
    maps = {"grad_cam": on_film, "saliency": np.ones((64, 64), np.float32)}
    about = {"classes": ["normal", "viral"], "probabilities": [0.9, 0.1], "prediction": [0.9, 0.1], "target": 0}
    write_maps(tmp_path / "m.npz", PictureMaps({**about, "methods": list(maps), "layers": {}}, picture, maps, maps))
    case = {
        "file": "m.npz",
        "label": "normal",
        "source": "",
        "fold": "0",
        "role": "test",
        "group": "right",
        "copy_of": "",
    }
    cases = pd.DataFrame(
        [{**case, "image_id": name, "patient_id": name, "predicted": "", "prediction": ()} for name in "abcd"]
    )
    classes = ("normal", "viral")
    explained = Explained(tmp_path, "", cases, tuple(maps), classes, "predicted", Lungs(), None, 1, {})
    table = tabulate(explained, {})
    assert table.lungs_of_picture.tolist() == pytest.approx([24 / 64] * 8)
    assert table.in_lungs.tolist() == pytest.approx([24 / 64] * 8)
    assert table.on_bars.tolist() == pytest.approx([0, 0.5] * 4)
    found = check_table(table, None).query("check == 'in_lungs'").set_index("method")
    assert set(found.state) == {"undecided"} and found.value.tolist() == pytest.approx([0, 0])
    assert_tells(found.reason["saliency"], any_of("bars"), any_of("50 %"), any_of("4 maps"))
    assert not tells([found.reason["grad_cam"]], any_of("bars"))


def test_a_note_says_why_a_check_was_not_measured():
    found = verdicts_of(table_of(8, 0.5), None, {"labels": "not measured: do this."})
    assert tells([found.reason["labels"]], any_of("permuted labels"), any_of("not measured"), "do this")


INFO = RunInfo("a", "m", "v", ("normal", "viral"), "all", None)
RUNS = {"predicted": "viral", "prediction": (0.45, 0.55)}  # a row of predictions.csv


@pytest.mark.parametrize(
    ("case", "about", "prediction", "of_pass"),
    [
        (RUNS, {"probabilities": [0.57, 0.43], "target": 1}, ("viral", 0.55), ("normal 0.57", "viral 0.43")),
        (RUNS, {"probabilities": [0.4, 0.6], "target": 1}, ("viral", 0.55), ("viral 0.60",)),
        (RUNS, {"probabilities": [0.452, 0.548], "target": 1}, ("viral", 0.55), ()),
        ({}, {"probabilities": [0.6, 0.4], "prediction": [0.3, 0.7], "target": 1}, ("viral", 0.7), ("normal 0.60",)),
        (RUNS, {"probabilities": [0.45, 0.55], "target": 0}, ("viral", 0.55), ()),
    ],
)
def test_one_prediction_is_everywhere_and_the_explained_pass_is_named_if_it_differs(
    tmp_path, case, about, prediction, of_pass
):
    explained = explained_of(tmp_path, case, about)
    table = tabulate(explained, {})
    (row,) = table.itertuples()
    assert (row.predicted, row.p_predicted) == prediction
    assert row.explained == ("normal", "viral")[about["target"]]
    run = case.get("prediction") or about["prediction"]
    assert (row.p_explained, row.pass_p_explained) == (run[about["target"]], about["probabilities"][about["target"]])
    facts = make_sheet(table, explained, {}, INFO).facts
    assert f"predicted: {prediction[0]}, probability {prediction[1]:.2f}" in facts
    for text in (" · ".join(facts), page_of(table)):
        assert ("one pass" in text) == bool(of_pass)
        assert all(words in text for words in of_pass)
    assert f"predicted: {prediction[0]} {prediction[1]:.2f}" in page_of(table)


def sentence_of(table: pd.DataFrame, measured: pd.DataFrame | None = None, **about) -> str:
    """Return the first sentence of the page."""
    page = "\n".join(page_lines({**ABOUT, **about}, table, check_table(table, measured)))
    body = page.partition("</h1>")[2]
    return body[body.index(">") + 1 : body.index("</p>")]


def test_the_page_starts_with_one_sentence_then_the_pictures_then_statistics():
    table = table_of(8, 0.5).assign(role="test")
    page = page_of(table)
    places = [
        page.index(words) for words in ("do not rely on it", "<figure>", "Can these maps be trusted?", "inside the")
    ]
    assert places == sorted(places)
    assert places[0] < page.index("<h2>") and page.count("<h2>", 0, places[1]) == 1
    assert sentence_of(table) == "Grad-CAM passed 1 of 1 check, 7 not measured: do not rely on it."
    forgets = measured_of(table, with_networks([("weights", "c", "", 0.0)]))
    assert_tells(sentence_of(table, forgets), any_of("passed all 2 checks"), any_of("6 not measured"))
    assert "rely" not in sentence_of(table, forgets)
    both = pd.concat([table, table.assign(method="saliency", in_lungs=0.1)])
    both_measured = pd.concat([forgets, forgets.assign(method="saliency")])
    said = sentence_of(both, both_measured, methods=["grad_cam", "saliency"])
    assert (
        said == "Grad-CAM passed all 2 checks, 6 not measured; Saliency failed 1 of 2 checks: do not rely on Saliency."
    )
    assert_tells(sentence_of(table, checks=False), any_of("not checked"), any_of("do not rely on them"))


@pytest.mark.parametrize(("roles", "word"), [(["train"], "trained"), (["val"], "validated"), (["train", "val"], "or")])
def test_if_the_models_know_every_picture_the_page_says_so(roles, word):
    table = table_of(8, 0.5).assign(role=roles * (8 // len(roles)))
    assert_tells(sentence_of(table), word, any_of("these pictures"), any_of("do not rely"))
    page = page_of(table)
    assert "0 pictures" not in page and "unknown to the run" not in page


def test_the_page_says_how_each_picture_was_used_and_in_which_fold():
    roles = ["test", "train", "val", ""] * 2
    table = table_of(8, 0.5).assign(role=roles, fold=["0"] * 4 + ["1"] * 4, copy_of=["mine&1", *[""] * 7])
    page = page_of(table)
    for words in ("fold-1, training picture", "fold-0, validation picture", "fold-1, unknown to the run"):
        assert words in page
    assert "fold-0, test picture" in page and "copy of mine&amp;1" in page
    assert_tells(page, any_of("1 picture that trained the model of fold-1"), any_of("1 picture of the run"))


def test_without_lungs_found_reliably_the_reason_says_so():
    table = table_of(8, np.nan, np.nan).assign(role="test", lungs=["no lungs"] * 3 + ["confidence below 0.5"] * 5)
    found = verdicts_of(table, None).loc["in_lungs"]
    assert found.state == "not measured" and "empty map" not in found.reason
    assert_tells(found.reason, any_of("no picture"), any_of("lungs"), "no lungs: 3", "confidence below 0.5: 5")
    mixed = table.assign(lungs=["trusted", *table.lungs[1:]])  # its map is empty
    assert_tells(verdicts_of(mixed, None).reason["in_lungs"], any_of("empty map"), any_of("lungs"))
