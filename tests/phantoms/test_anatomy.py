"""The drawn chest: a pure function of its seeds, with plausible proportions and a mask that fits the lungs."""

import cv2
import numpy as np
import pytest
from messages import refused

from pxr_tf.phantoms.anatomy import Pose, draw_chest
from pxr_tf.phantoms.diseases import DISEASES

SIZE = 96
CHESTS = [draw_chest(patient, 0, SIZE) for patient in range(12)]


def test_same_seeds_give_the_same_bytes():
    again = draw_chest(3, 0, SIZE)
    assert again.image.tobytes() == CHESTS[3].image.tobytes()
    assert again.lungs.tobytes() == CHESTS[3].lungs.tobytes()


def test_image_and_mask_have_the_promised_types():
    for chest in CHESTS:
        assert chest.image.shape == chest.lungs.shape == (SIZE, SIZE)
        assert chest.image.dtype == np.uint8 and chest.lungs.dtype == bool


def test_images_of_one_patient_are_more_alike_than_images_of_two():
    def overlap(a, b):
        return 2 * (a & b).sum() / (a.sum() + b.sum())

    def centred(mask):
        rows, columns = np.nonzero(mask)
        shift = np.float32([[1, 0, SIZE / 2 - columns.mean()], [0, 1, SIZE / 2 - rows.mean()]])
        return cv2.warpAffine(mask.astype(np.uint8), shift, (SIZE, SIZE)) > 0

    first = [centred(chest.lungs) for chest in CHESTS]
    second = [centred(draw_chest(patient, 1, SIZE).lungs) for patient in range(len(CHESTS))]
    own = np.mean([overlap(a, b) for a, b in zip(first, second, strict=True)])
    foreign = np.mean([overlap(a, b) for i, a in enumerate(first) for j, b in enumerate(second) if i != j])
    assert own > foreign + 0.01


def test_two_images_of_a_patient_differ():
    assert (draw_chest(0, 0, SIZE).image != draw_chest(0, 1, SIZE).image).mean() > 0.3


def test_lung_mask_is_two_lungs_of_plausible_size_within_the_body():
    for chest in CHESTS:
        assert 0.15 < chest.lungs.mean() < 0.5
        sides = [chest.lungs[:, : SIZE // 2].sum(), chest.lungs[:, SIZE // 2 :].sum()]
        assert min(sides) > 0.35 * max(sides)
        _, _, stats, _ = cv2.connectedComponentsWithStats(chest.lungs.astype(np.uint8))
        large = stats[1:, cv2.CC_STAT_AREA] > 0.02 * SIZE**2
        assert large.sum() == 2
        # The body surrounds the lungs: nothing next to them is as black as the air outside the patient.
        around = cv2.dilate(chest.lungs.astype(np.uint8), np.ones((5, 5))) > chest.lungs
        assert np.percentile(chest.image[around], 5) > 15


def test_lungs_are_darker_than_mediastinum_and_abdomen():
    for chest in CHESTS:
        rows, columns = np.nonzero(chest.lungs)
        middle = int(columns.mean())
        heart = chest.image[int(np.percentile(rows, 40)) : int(np.percentile(rows, 80)), middle - 3 : middle + 4]
        abdomen = chest.image[-SIZE // 10 :, middle - 15 : middle + 15]
        lungs = np.median(chest.image[chest.lungs])
        assert np.median(heart) > lungs + 40
        assert np.median(abdomen) > lungs + 40


def test_every_size_shows_the_same_chest():
    small, large = draw_chest(5, 2, 64), draw_chest(5, 2, 192)
    shrunk = cv2.resize(large.image, (64, 64), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(shrunk.ravel(), small.image.ravel())[0, 1] > 0.97
    assert abs(small.lungs.mean() - large.lungs.mean()) < 0.01


def test_a_disease_changes_nothing_outside_the_lungs():
    ill = draw_chest(4, 0, SIZE, lambda patient, image, view, lungs: np.ones_like(view.x))
    well = CHESTS[4]
    assert (ill.lungs == well.lungs).all()
    near = cv2.dilate(well.lungs.astype(np.uint8), np.ones((9, 9))) > 0  # the blur reaches a few pixels out
    assert (ill.image[~near] == well.image[~near]).all()
    assert ill.image[well.lungs].mean() > well.image[well.lungs].mean() + 40


def test_whole_lungs_reach_behind_the_heart_and_hold_the_fields():
    for chest in CHESTS:
        assert not (chest.lungs & ~chest.whole_lungs).any()
        behind = chest.whole_lungs & ~chest.lungs
        assert 0.05 < behind.sum() / chest.lungs.sum() < 0.5
        assert behind[:, SIZE // 2 :].sum() > behind[:, : SIZE // 2].sum()  # the heart is on the patient's left


def test_lesions_are_where_the_disease_shows():
    well = CHESTS[4]
    assert not well.lesions.any()
    for name, disease in DISEASES.items():
        ill = draw_chest(4, 0, SIZE, disease)
        assert ill.lesions.any() == (name != "normal")
        assert not (ill.lesions & ~ill.lungs).any()
        brighter = ill.image.astype(int) - well.image
        if ill.lesions.any():
            assert brighter[ill.lesions].mean() > brighter[ill.lungs & ~ill.lesions].mean() + 10


def test_a_pose_is_added_to_the_pose_of_the_image():
    standard, deep, small = (
        draw_chest(3, 0, SIZE, pose=pose) for pose in (Pose(), Pose(inspiration=0.1), Pose(zoom=0.7))
    )
    assert standard.image.tobytes() == CHESTS[3].image.tobytes()
    assert deep.whole_lungs.sum() > 1.05 * standard.whole_lungs.sum()
    assert small.whole_lungs.sum() == pytest.approx(0.49 * standard.whole_lungs.sum(), rel=0.05)
    left, right = (draw_chest(3, 0, SIZE, pose=Pose(turn=turn)).whole_lungs for turn in (-15, 15))
    rows = np.arange(SIZE)[:, None]
    assert (left * rows)[:, : SIZE // 2].sum() / left[:, : SIZE // 2].sum() > (right * rows)[
        :, : SIZE // 2
    ].sum() / right[:, : SIZE // 2].sum()


@pytest.mark.parametrize("size", [8, 100_000])
def test_a_size_too_small_or_too_large_is_refused(size):
    with refused(f"{size} pixels", "16 to 4096"):
        draw_chest(0, 0, size)
