"""Parts of the lung finder: content without borders, two lungs without holes, a confidence, threads."""

import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pxr_tf.lungs.confidence import ATLAS_SCALES, TRUSTED, Evidence, rate
from pxr_tf.lungs.contrast import ATLAS_SIDE, Box, find_content
from pxr_tf.lungs.find import find_lungs, keep_two_lungs
from pxr_tf.lungs.fuse import SHARPNESS, fuse
from pxr_tf.lungs.network import NETWORK_SIDE, LungNetwork
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


LEFT, RIGHT, THIRD = np.s_[10:50, 5:25], np.s_[10:50, 35:55], np.s_[0:5, 0:12]


def test_the_two_largest_parts_are_kept_and_their_holes_filled():
    chances = blocks(LEFT, RIGHT, THIRD)
    chances[20:25, 10:15] = 0.1
    kept = keep_two_lungs(chances) > 0.5
    assert np.array_equal(kept, blocks(LEFT, RIGHT) > 0.5)


def test_a_speck_is_not_a_second_lung():
    assert np.array_equal(keep_two_lungs(blocks(LEFT, THIRD)) > 0.5, blocks(LEFT) > 0.5)


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
