"""Parts of the lung finder: content without borders, two lungs without holes, a confidence, threads."""

import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from phantom_pairs import phantom_pair
from scipy.special import expit

from pxr_tf.lungs.atlas import build_atlas
from pxr_tf.lungs.confidence import (
    ATLAS_SCALES,
    MIDDLE,
    NETWORK_MIDDLE,
    NETWORK_SCALES,
    NETWORK_STEEPNESS,
    STEEPNESS,
    TRUSTED,
    Evidence,
    find_surroundings,
    measure_contrast,
    rate,
)
from pxr_tf.lungs.contrast import ATLAS_SIDE, Box, bounding_box, even_out, find_content
from pxr_tf.lungs.find import _weigh, find_lungs, keep_two_lungs
from pxr_tf.lungs.fuse import SHARPNESS, Fusion, _Local, dice, fuse
from pxr_tf.lungs.network import NETWORK_SIDE, LungNetwork, prepare_square
from pxr_tf.lungs.threads import one_thread

FILM = np.random.default_rng(0).integers(0, 256, (300, 200), np.uint8)


@pytest.mark.parametrize("grey", [0, 255, 90])
def test_borders_of_any_grey_are_left_out(grey):
    picture = np.pad(FILM, ((60, 20), (0, 50)), constant_values=grey)
    box = find_content(picture)
    assert np.abs(np.subtract(box, (0, 60, 200, 360))).max() <= 2
    assert box.left == 0 and box.top >= 60 and box.right <= 200 and box.bottom <= 360  # nothing of the border is in it


def test_a_letter_in_a_border_does_not_make_it_film():
    picture = cv2.putText(np.pad(FILM, ((60, 0), (0, 0))), "L", (5, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255)
    assert find_content(picture).top >= 60


def test_a_film_without_borders_is_content_to_its_last_pixel():
    assert find_content(FILM) == Box(0, 0, 200, 300)


@pytest.mark.parametrize("factor", [1, 3])
def test_a_box_of_content_ends_at_the_exact_pixel(factor):
    film = np.random.default_rng(1).integers(0, 256, (ATLAS_SIDE - 40, ATLAS_SIDE - 70), np.uint8)
    square = np.pad(film, ((30, 10), (50, 20))).repeat(factor, 0).repeat(factor, 1)
    ends = 50, 30, ATLAS_SIDE - 20, ATLAS_SIDE - 10
    assert find_content(square) == Box(*(factor * end for end in ends))
    assert find_content(square[:, : -20 * factor]).right == square.shape[1] - 20 * factor


def test_next_to_nothing_is_not_content():
    assert find_content(np.pad(FILM[:20, :20], 200)) is None


def blocks(*places: tuple[slice, slice]) -> np.ndarray:
    chances = np.full((60, 60), 0.3, np.float32)
    for place in places:
        chances[place] = 0.8
    return chances


def shaded(lungs: np.ndarray, inside: int, outside: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.where(lungs, inside, outside).astype(np.uint8) + rng.integers(0, 20, lungs.shape, np.uint8)


@pytest.mark.parametrize(("inside", "inverted"), [(40, False), (200, True)])
def test_a_network_reads_a_picture_as_inverted_if_its_lungs_are_bright(monkeypatch, inside, inverted):
    lungs = np.zeros((NETWORK_SIDE, NETWORK_SIDE), bool)
    lungs[30:100, 20:55] = lungs[30:100, 75:110] = True
    monkeypatch.setattr("pxr_tf.lungs.find.look_twice", lambda *asked: np.stack([lungs, lungs]).astype(np.float32))
    network = LungNetwork(b"", {}, "a test")
    found = find_lungs(shaded(lungs, inside, 120), network)
    assert found.inverted == inverted
    assert found.confidence > 0.99  # the contrast counts, whichever is darker
    assert find_lungs(shaded(lungs, 120, 120), network).confidence < 0.99


def test_a_networks_evidence_is_its_two_views_agreement_its_certainty_and_the_contrast(monkeypatch):
    """Two lungs of 30 x 20 at a chance of 0.8; the mirror image shows the second one 10 pixels shorter."""
    views = np.full((2, NETWORK_SIDE, NETWORK_SIDE), 0.25, np.float32)
    views[0, 40:70, 20:40] = views[0, 40:70, 80:100] = 0.8
    views[1, 40:70, 20:40] = views[1, 40:60, 80:100] = 0.8
    seen = []
    monkeypatch.setattr("pxr_tf.lungs.find.look_twice", lambda *asked: views)
    monkeypatch.setattr("pxr_tf.lungs.find.rate", lambda evidence: seen.append(evidence) or 0.75)
    picture = shaded(views[0] > 0.5, 40, 120)
    found = find_lungs(picture, LungNetwork(b"", {}, "a test"))
    (evidence,) = seen
    assert evidence.agreement == pytest.approx(2 * 1000 / (1200 + 1000))
    inside = 1000 * 0.8 + 200 * 0.525  # the mean of both views is above 1/2 there, too
    everything = inside + (NETWORK_SIDE**2 - 1200) * 0.25
    assert evidence.certainty == pytest.approx(2 * inside / (everything + 1200), rel=1e-5)
    square = prepare_square(picture)
    surroundings = find_surroundings(views[0] > 0.5)
    assert evidence.contrast == pytest.approx(measure_contrast(square, views[0] > 0.5, surroundings))
    assert found.confidence == 0.75 and dice(found.mask, views[0] > 0.5) > 0.9


def test_the_evidence_of_an_atlas_that_holds_the_picture_is_full(monkeypatch):
    picture, lungs = phantom_pair(20, ATLAS_SIDE)
    atlas = build_atlas([(even_out(picture), lungs * np.uint8(255))] * 3)
    seen = []
    monkeypatch.setattr("pxr_tf.lungs.find.rate", lambda evidence: seen.append(evidence) or 0.75)
    found = find_lungs(picture, atlas)
    (evidence,) = seen
    assert evidence.agreement > 0.99 and evidence.shape > 0.98 and 0.95 < evidence.likeness <= 1
    surroundings = find_surroundings(lungs)
    assert evidence.contrast == pytest.approx(measure_contrast(even_out(picture), lungs, surroundings), abs=5)
    assert found.confidence == 0.75 and dice(found.mask, lungs) > 0.99


def test_a_vote_against_the_lungs_lowers_agreement_and_likeness(monkeypatch):
    picture, lungs = phantom_pair(20, ATLAS_SIDE)
    even = even_out(picture)
    votes = np.stack([lungs, np.zeros_like(lungs)]).astype(np.float32)
    likeness = np.where(find_surroundings(lungs), 0.25, -1)
    atlas = build_atlas([(even, lungs * np.uint8(255)), (even, 255 - lungs * np.uint8(255))])
    evidence = _weigh(even, lungs, Fusion(lungs.astype(np.float32), votes, likeness), atlas)
    assert evidence[:3] == pytest.approx((0.5, 1, 0.25), abs=0.02)


LEFT, RIGHT, THIRD = np.s_[10:50, 5:25], np.s_[10:50, 35:55], np.s_[0:5, 0:12]


def test_the_two_largest_parts_are_kept_and_their_holes_filled():
    chances = blocks(LEFT, RIGHT, THIRD)
    chances[20:25, 10:15] = 0.1
    kept = keep_two_lungs(chances) > 0.5
    assert np.array_equal(kept, blocks(LEFT, RIGHT) > 0.5)


def test_a_speck_is_not_a_second_lung():
    assert np.array_equal(keep_two_lungs(blocks(LEFT, THIRD)) > 0.5, blocks(LEFT) > 0.5)


@pytest.mark.parametrize(("rows", "kept"), [(12, False), (13, True)])
def test_a_second_lung_has_more_than_15_percent_of_the_first(rows, kept):
    second = np.s_[0:rows, 40:50]  # 120 pixels of 800 are 15 %
    found = keep_two_lungs(blocks(LEFT, second))
    assert np.array_equal(found > 0.5, blocks(LEFT, second if kept else LEFT) > 0.5)
    assert (found[second] == (np.float32(0.8) if kept else 0)).all()  # what is dropped has no chance left


def test_holes_become_certain_and_nothing_else_changes():
    chances = blocks(LEFT, RIGHT)
    chances[20:25, 10:15] = 0.1
    expected = chances.copy()
    expected[20:25, 10:15] = 1
    found = keep_two_lungs(chances)
    assert found.dtype == np.float32 and np.array_equal(found, expected)


def test_dice_by_hand():
    one, other = np.array([1, 1, 1, 0], bool), np.array([0, 1, 1, 1], bool)
    assert dice(one, other) == pytest.approx(4 / 6)
    assert dice(one, ~one) == dice(one & ~one, one & ~one) == 0
    assert dice(one, one) == 1


def test_local_likeness_ignores_exposure_and_shows_where_two_pictures_differ():
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(ATLAS_SIDE, ATLAS_SIDE)), (0, 0), 4)
    picture = cv2.normalize(noise, None, 0, 200, cv2.NORM_MINMAX).astype(np.uint8)
    same = _Local(picture)
    whole = same.compare(picture)
    assert whole.shape == picture.shape and 0.95 < np.median(whole) <= 1 and whole.max() <= 1 + 1e-4
    assert same.compare((picture // 2 + 90).astype(np.uint8)).mean() > 0.85
    assert np.median(same.compare(255 - picture)) < -0.95
    assert np.abs(same.compare(np.full_like(picture, 99))).max() < 1e-3
    half = np.where(np.arange(ATLAS_SIDE) < ATLAS_SIDE // 2, picture, picture.T).astype(np.uint8)
    found = same.compare(half)
    assert np.median(found[:, :90]) > 0.95 and abs(np.median(found[:, -90:])) < 0.3


def test_ten_voters_are_those_whose_thumbnails_resemble_the_pictures_most():
    picture, _ = phantom_pair(20, ATLAS_SIDE)
    pictures = np.stack([even_out(picture)] * 12)
    masks = np.stack([np.full((ATLAS_SIDE, ATLAS_SIDE), number / 12, np.float32) for number in range(12)])
    likeness = np.random.default_rng(0).permutation(12).astype(np.float32)
    atlas = SimpleNamespace(thumbnails=likeness[:, None], pictures=pictures, masks=masks)
    fusion = fuse(pictures[0], np.ones(1, np.float32), atlas)
    best = np.argsort(-likeness)[:10]
    assert fusion.votes[:, 9, 9] == pytest.approx(best / 12)
    assert fusion.chances.mean() == pytest.approx(best.mean() / 12, abs=1e-4)  # all weigh the same
    assert fusion.likeness.shape == (ATLAS_SIDE, ATLAS_SIDE) and 0.9 < fusion.likeness.mean() <= 1


def test_voters_are_bent_to_the_picture():
    picture, lungs = phantom_pair(20, ATLAS_SIDE)
    moved = [np.roll(one, 6, axis=1) for one in (even_out(picture), lungs.astype(np.float32))]
    atlas = SimpleNamespace(thumbnails=np.ones((1, 1)), pictures=moved[0][None], masks=moved[1][None])
    fusion = fuse(even_out(picture), np.ones(1), atlas)
    assert dice(moved[1] > 0.5, lungs) < 0.93 and dice(fusion.chances > 0.5, lungs) > 0.97
    assert fusion.likeness[find_surroundings(lungs)].mean() > 0.9


def test_chances_outside_parts_are_kept_so_that_the_border_stays_smooth():
    assert keep_two_lungs(blocks(LEFT))[0, 0] == np.float32(0.3)
    assert not keep_two_lungs(np.zeros((5, 5), np.float32)).any()


def usual(**other: float) -> Evidence:
    return Evidence(**{name: scale.mean for name, scale in ATLAS_SCALES._asdict().items()})._replace(**other)


def test_usual_evidence_is_trusted_and_less_of_any_kind_lowers_the_confidence():
    assert 0.9 < rate(usual()) < 1
    for name, scale in ATLAS_SCALES._asdict().items():
        steps = [rate(usual(**{name: scale.mean - step * scale.deviation})) for step in range(0, 30, 3)]
        assert steps == sorted(steps, reverse=True) and steps[0] > steps[-1]
        assert steps[-1] < TRUSTED


@pytest.mark.parametrize(
    ("scales", "middle", "steepness"),
    [(ATLAS_SCALES, MIDDLE, STEEPNESS), (NETWORK_SCALES, NETWORK_MIDDLE, NETWORK_STEEPNESS)],
)
def test_confidence_is_a_half_at_the_middle_and_the_logistic_function_around_it(scales, middle, steepness):
    for name, scale in scales._asdict().items():
        for more in (-1, 0, 1):
            value = scale.mean + (middle + more) * scale.deviation / scale.weight  # all else is as usual
            means = {other: each.mean for other, each in scales._asdict().items()}
            assert rate(type(scales)(**means | {name: value})) == pytest.approx(expit(steepness * more))


def test_lungs_are_compared_with_a_ring_of_seven_pixels():
    lungs = np.zeros((60, 60), bool)
    lungs[20:40, 25:35] = True
    around = find_surroundings(lungs)
    assert bounding_box(around) == Box(18, 13, 42, 47) and around[13:47, 18:42].all()
    picture = np.where(lungs, 60, np.where(around, 100, 0)).astype(np.uint8)
    assert measure_contrast(picture, lungs, around) == 40
    assert measure_contrast(255 - picture, lungs, around) == -40
    assert measure_contrast(picture, lungs, lungs) == 0


@pytest.mark.parametrize("evidence", [Evidence(0, 0, -1, -128), Evidence(0, 0, 0, 0)])
def test_no_evidence_gives_no_confidence(evidence):
    assert 0 <= rate(evidence) < 0.001


def test_the_last_of_several_threads_restores_the_number():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with one_thread():
            inside.set()
            leave.wait(10)

    try:
        worker = threading.Thread(target=work)
        worker.start()
        assert inside.wait(10)
        with one_thread():
            pass
        assert cv2.getNumThreads() == 1
        leave.set()
        worker.join(10)
        assert cv2.getNumThreads() == 3
    finally:
        leave.set()
        cv2.setNumThreads(before)


def test_a_voter_like_the_picture_outweighs_one_that_is_not():
    noise = np.random.default_rng(0).normal(size=(ATLAS_SIDE, ATLAS_SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    picture = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    even = np.full_like(picture, 128)  # unrelated to anything
    left = np.zeros((ATLAS_SIDE, ATLAS_SIDE), np.float32)
    left[:, : ATLAS_SIDE // 2] = 1
    atlas = SimpleNamespace(
        thumbnails=np.ones((2, 1)), pictures=np.stack([even, picture]), masks=np.stack([1 - left, left])
    )
    chances = fuse(picture, np.ones(1), atlas).chances
    share = np.exp(SHARPNESS) / (np.exp(SHARPNESS) + 1)  # of the voter that agrees perfectly; 0.5 if all weigh the same
    margin = ATLAS_SIDE // 8  # the border is smoothed
    assert np.median(chances[:, :margin]) == pytest.approx(share, abs=0.03)
    assert np.median(chances[:, -margin:]) == pytest.approx(1 - share, abs=0.03)
