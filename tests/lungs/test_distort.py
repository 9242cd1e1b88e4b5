"""Distortions for training stay within their bounds, reach them, and change a picture and its lungs alike."""

import numpy as np
import pytest

from pxr_tf.lungs import distort as module
from pxr_tf.lungs.distort import distort
from pxr_tf.lungs.network import NETWORK_SIDE

SIDE, MIDDLE = NETWORK_SIDE, (NETWORK_SIDE - 1) / 2
NO_CHANGE = {"GAMMA": 0, "FOG": 0, "CONSOLIDATION": 0, "_DIM": 1, "_NOISE": 0, "INVERTED": 0}
NO_MOVE = {"BEND": 0, "_TURN": 0, "_SHIFT": 0, "_ZOOM": (1, 1)}
NOWHERE = np.zeros((SIDE, SIDE), np.float32)
GREY, WHITE, BLACK = (np.full((SIDE, SIDE), value, np.uint8) for value in (128, 255, 0))


@pytest.fixture
def with_only(monkeypatch):
    """Switch all changes of one kind off, except for the named ones."""

    def switch(every: dict, *kept: str) -> None:
        for name, value in every.items():
            if name not in kept:
                monkeypatch.setattr(module, name, value)

    return switch


def spans(values: np.ndarray, low: float, high: float) -> bool:
    """Return whether values stay within bounds and come near both, by a thirtieth of the range."""
    near = (high - low) / 30
    least, most = np.min(values), np.max(values)
    return bool(low - 1e-4 <= least <= low + near and high - near <= most <= high + 1e-4)


def expose_all(picture: np.ndarray, share: np.ndarray = NOWHERE, count: int = 200) -> np.ndarray:
    return np.stack([module._expose(picture, share, np.random.default_rng(seed)) for seed in range(count)])


def test_pictures_are_turned_moved_and_zoomed_up_to_the_bounds_and_half_are_mirrored(with_only):
    with_only({"BEND": 0})
    places = [module._choose_places(np.random.default_rng(seed))[[0, 0, -1], [0, -1, 0]] for seed in range(400)]
    corner, right, below = np.stack(places).transpose(1, 0, 2).astype(float)
    moved = (right + below) / 2 - MIDDLE  # of the middle, in pixels (column, row)
    assert all(spans(moved[:, axis], -0.12 * SIDE, 0.12 * SIDE) for axis in (0, 1))
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.15  # across and down are drawn separately
    across, down = (right - corner) / (SIDE - 1), (below - corner) / (SIDE - 1)
    np.testing.assert_allclose((across * down).sum(axis=1), 0, atol=1e-5)  # still at right angles
    zooms = 1 / np.linalg.norm([across, down], axis=2)
    assert all(spans(zoom, 0.7, 1.25) for zoom in zooms) and abs(np.corrcoef(zooms)[0, 1]) < 0.15
    assert spans(np.rad2deg(np.arctan2(-down[:, 0], down[:, 1])), -15, 15)
    assert 0.4 < (np.linalg.det(np.stack([across, down], axis=1)) < 0).mean() < 0.6  # mirrored, never upside down


def test_pictures_bend_smoothly_by_up_to_four_pixels(with_only):
    with_only(NO_MOVE, "BEND")
    places = np.stack([module._choose_places(np.random.default_rng(seed)) for seed in range(60)])
    mirrored = places[:, 0, 0, 0] > places[:, 0, -1, 0]
    places[mirrored, :, :, 0] = SIDE - 1 - places[mirrored, :, :, 0]
    bent = places - module._PLACES
    deviations = bent.std(axis=(1, 2))
    assert deviations.min() < 0.3 and 3 < deviations.max() < 6
    assert np.abs(np.diff(bent, axis=1)).max() < 1.5 and np.abs(np.diff(bent, axis=2)).max() < 1.5  # 21 pixels apart
    assert abs(np.corrcoef(bent[..., 0].ravel(), bent[..., 1].ravel())[0, 1]) < 0.3


def test_a_picture_and_its_lungs_move_alike(with_only, monkeypatch):
    monkeypatch.setattr(module, "_expose", lambda picture, share, rng: picture)
    monkeypatch.setattr(module, "prepare_square", lambda square: square)
    with_only({"NOT_UPRIGHT": 0})
    lungs = np.zeros((SIDE, SIDE), np.uint8)
    lungs[30:100, 20:55] = lungs[40:90, 75:110] = 255
    for seed in range(10):
        seen, share = distort(lungs, lungs, np.random.default_rng(seed))
        assert share.dtype == np.float32 and share.max() == 1
        np.testing.assert_allclose(seen / 255, share, atol=1e-6)
    edges = [distort(WHITE, lungs, np.random.default_rng(seed))[0].min() for seed in range(100)]
    assert 0.35 < np.mean(np.array(edges) == 255) < 0.65  # the border is continued in half of the pictures, else black
    assert set(edges) == {0, 255}


def test_pictures_that_are_not_upright_are_turned_by_any_right_angle_and_have_no_lungs(monkeypatch):
    monkeypatch.setattr(module, "prepare_square", lambda square: square)
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    turns = []
    for seed in range(30):
        made = {}
        for share in (0, 1):
            monkeypatch.setattr(module, "NOT_UPRIGHT", share)
            made[share] = distort(picture, WHITE, np.random.default_rng(seed))
        assert made[0][1].any() and not made[1][1].any()
        (turn,) = (turn for turn in (1, 2, 3) if np.array_equal(np.rot90(made[0][0], turn), made[1][0]))
        turns.append(turn)
    assert set(turns) == {1, 2, 3}


def test_exposure_and_brightness_change_up_to_their_bounds(with_only, monkeypatch):
    with_only(NO_CHANGE)
    assert set(np.unique(expose_all(GREY, count=30))) <= {127, 128}  # grey levels are cut to whole numbers
    monkeypatch.setattr(module, "GAMMA", 0.7)
    exponents = np.log((expose_all(GREY)[:, 0, 0] + 0.5) / 255) / np.log(128 / 255)
    assert np.exp(-0.7) - 0.02 < exponents.min() < 0.53 and 1.94 < exponents.max() < np.exp(0.7) + 0.02
    with_only(NO_CHANGE)
    monkeypatch.setattr(module, "_DIM", 0.4)
    assert spans(expose_all(WHITE)[:, 0, 0] / 255, 0.396, 1)


def test_noise_has_a_deviation_up_to_five_and_three_tenths_are_inverted(with_only, monkeypatch):
    with_only(NO_CHANGE, "_NOISE")
    found = expose_all(GREY).astype(float)
    assert np.abs(found.mean(axis=(1, 2)) - 127.5).max() < 0.6
    assert found.std(axis=(1, 2)).min() < 0.6 and 4.8 < found.std(axis=(1, 2)).max() < 5.1
    assert expose_all(WHITE, count=30).min() > 200 and expose_all(BLACK, count=30).max() < 55  # no grey level wraps
    monkeypatch.setattr(module, "_NOISE", 0)
    monkeypatch.setattr(module, "INVERTED", 0.3)
    inverted = expose_all(WHITE, count=600)[:, 0, 0]
    assert set(inverted) <= {0, 1, 254, 255} and 0.25 < (inverted < 2).mean() < 0.35


def test_half_of_the_pictures_are_foggy_and_a_quarter_is_softened(with_only):
    with_only(NO_CHANGE, "FOG")
    assert expose_all(WHITE).min() >= 254  # fog only brightens
    fog = expose_all(BLACK).max(axis=(1, 2))
    assert 0.4 < (fog > 2).mean() < 0.55 and 0.5 < fog.max() / 255 < 1.3
    part = expose_all(BLACK).astype(float)[fog > 50]
    assert (part == 0).mean() > 0.3  # clouds, not an even veil
    edge = np.repeat(np.repeat(np.uint8([[0, 255]]), SIDE // 2, axis=1), SIDE, axis=0)
    with_only(NO_CHANGE)
    rows = expose_all(edge, count=400)[:, SIDE // 2].astype(int)
    soft = ((rows > 2) & (rows < 253)).sum(axis=1)  # pixels between black and white
    assert 0.2 < (soft > 0).mean() < 0.3
    assert soft[soft > 0].min() == 2 and soft.max() == 9  # 0.5 to 2 pixels of deviation


def test_fog_adds_a_share_of_the_way_to_white():
    values = np.linspace(0, 1, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    fog, over, none = (module._whiten(one, 2, np.random.default_rng(0)) for one in (NOWHERE, values, NOWHERE + 1))
    assert fog.min() == 0 and fog.max() == 1
    np.testing.assert_allclose(over, values + (1 - values) * fog, atol=1e-6)
    np.testing.assert_allclose(none, 1)


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1)])
def test_consolidations_brighten_half_of_the_lungs_and_nothing_else(with_only, axes):
    with_only(NO_CHANGE, "CONSOLIDATION")
    share = NOWHERE.copy()
    share[:, : SIDE // 2] = 1
    found = expose_all(BLACK, np.ascontiguousarray(share[None].transpose(axes)[0])).transpose(axes)
    assert not found[:, :, SIDE // 2 + 16 :].any()
    brightest = found[:, :, : SIDE // 2 - 16].max(axis=(1, 2)) / 255
    assert 0.4 < (brightest > 0.01).mean() < 0.55 and brightest.max() > 0.9
    border = found[brightest > 0.3][:, :, SIDE // 2 - 3 : SIDE // 2 + 3].astype(int)
    assert np.abs(np.diff(border, axis=2)).max() < 60  # the outline of a lung does not show


def test_clouds_have_a_deviation_of_about_1_and_are_spots_or_lobes():
    for points, distance in ((3, 40), (11, 10)):
        clouds = np.stack([module._cloud(np.random.default_rng(seed), points) for seed in range(40)])
        assert clouds.shape == (40, SIDE, SIDE) and clouds.dtype == np.float32
        assert clouds.std() == pytest.approx(1, abs=0.25) and abs(clouds.mean()) < 0.15
        assert np.corrcoef(clouds[:, :, :-5].ravel(), clouds[:, :, 5:].ravel())[0, 1] > 0.75
        assert abs(np.corrcoef(clouds[:, :, : -3 * distance].ravel(), clouds[:, :, 3 * distance :].ravel())[0, 1]) < 0.3
    assert module._cloud(np.random.default_rng(0), 6, 2).shape == (SIDE, SIDE, 2)
