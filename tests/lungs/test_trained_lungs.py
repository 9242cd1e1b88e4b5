"""A trained network finds lungs from one file, without TensorFlow; other files are refused."""

import io
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tiny_lung_network import phantom_pair, tiny_network

from pxr_tf.errors import PxrError
from pxr_tf.lungs.confidence import (
    NETWORK_SCALES,
    TRUSTED,
    NetworkEvidence,
    find_surroundings,
    measure_contrast,
    rate,
)
from pxr_tf.lungs.distort import distort
from pxr_tf.lungs.find import Lungs, find_lungs
from pxr_tf.lungs.fuse import dice
from pxr_tf.lungs.network import ACCEPTED_NETWORKS, NETWORK_SIDE, LungNetwork, read_network, write_network


@pytest.fixture
def file(tmp_path) -> Path:
    write_network(tmp_path / "network.npz", tiny_network())
    return tmp_path / "network.npz"


def same(first: Lungs, second: Lungs) -> bool:
    return np.array_equal(first.mask, second.mask) and first[1:] == second[1:]


def test_a_written_network_is_read_and_the_same_network_gives_the_same_bytes(file, tmp_path):
    network = read_network(file)
    assert (network.digest, network.about) == (tiny_network().digest, {"what": "a test"})
    write_network(tmp_path / "again.npz", network)
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_threads_and_pickles_find_the_same():
    network = tiny_network()
    copy: LungNetwork = pickle.loads(pickle.dumps(network))
    pictures = [phantom_pair(patient)[0] for patient in range(20, 28)] * 3
    alone = [find_lungs(picture, network) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(find_lungs, pictures, [network, copy] * 12))
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_a_mirror_image_has_mirrored_lungs_and_the_same_confidence():
    picture, _ = phantom_pair(20)
    plain, mirrored = (find_lungs(one, tiny_network()) for one in (picture, np.ascontiguousarray(picture[:, ::-1])))
    assert dice(plain.mask, mirrored.mask[:, ::-1]) > 0.99
    assert mirrored.confidence == pytest.approx(plain.confidence, abs=0.05)


def test_a_dark_picture_of_nothing_has_no_lungs():
    lungs = find_lungs(np.zeros((50, 70), np.uint8), tiny_network())
    assert not lungs.mask.any() and lungs.confidence == 0


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def claiming(content: bytes, values: int) -> bytes:
    """Return the file with a graph that claims so many values."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            if name == "graph.npy":
                header = io.BytesIO()
                kind = {"descr": "|u1", "fortran_order": False, "shape": (values,)}
                np.lib.format.write_array_header_1_0(header, kind)
                member = header.getvalue() + tiny_network().graph
            new.writestr(name, member)
    return file.getvalue()


def test_a_file_that_is_not_a_network_is_refused_in_one_line(file, tmp_path):
    content, stored = file.read_bytes(), dict(np.load(file))
    faults = {
        "empty": b"",
        "text": b"no network",
        "cut off": content[: len(content) // 2],
        "a bare graph": tiny_network().graph,
        "no graph": saved(**{**stored, "graph": np.zeros(100, np.uint8)}),
        "no words": saved(graph=stored["graph"]),
        "other words": saved(**{**stored, "about": np.frombuffer(b"1", np.uint8)}),
        "pickled": saved(**{**stored, "about": np.array([{}], object)}),
        "of another version": saved(**{**stored, "about": np.frombuffer(b'{"format": 0}', np.uint8)}),
        "of numbers": saved(**{**stored, "graph": stored["graph"].astype(np.float32)}),
        "too short": claiming(content, len(stored["graph"]) + 1),
        "10^13 values": claiming(content, 10**13),
        "10^40 values": claiming(content, 10**40),
    }
    for name, bytes_ in faults.items():
        (tmp_path / "fault").write_bytes(bytes_)
        with pytest.raises(PxrError) as caught:
            read_network(tmp_path / "fault")
        assert ACCEPTED_NETWORKS in str(caught.value), name
        assert str(tmp_path / "fault") in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_bytes_never_change_the_lungs_found(file):
    content, picture = file.read_bytes(), phantom_pair(20)[0]
    right = find_lungs(picture, tiny_network())
    for place in np.random.default_rng(0).integers(len(content), size=20):
        damaged = bytearray(content)
        damaged[place] ^= 255
        file.write_bytes(damaged)
        with suppress(PxrError):
            assert same(find_lungs(picture, read_network(file)), right)


def usual(**other: float) -> NetworkEvidence:
    return NetworkEvidence(**{name: scale.mean for name, scale in NETWORK_SCALES._asdict().items()})._replace(**other)


def test_usual_evidence_is_trusted_and_less_of_any_kind_lowers_the_confidence():
    assert 0.9 < rate(usual()) < 1
    for name, scale in NETWORK_SCALES._asdict().items():
        steps = [rate(usual(**{name: scale.mean - step * scale.deviation})) for step in range(0, 30, 3)]
        assert steps == sorted(steps, reverse=True)
        assert steps[-1] < TRUSTED
    assert rate(NetworkEvidence(0, 0, 0)) < 0.001


def test_lungs_that_fill_the_picture_have_no_contrast():
    everywhere = np.ones((8, 8), bool)
    assert measure_contrast(np.zeros((8, 8), np.uint8), everywhere, find_surroundings(everywhere)) == 0


def test_a_distorted_pair_depends_on_its_generator_alone():
    picture, lungs = phantom_pair(0)
    lungs = lungs.astype(np.uint8) * np.uint8(255)
    made = [distort(picture, lungs, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 40))]
    assert np.array_equal(made[0][0], made[1][0]) and np.array_equal(made[0][1], made[1][1])
    for seen, share in made:
        assert (seen.shape, seen.dtype, share.dtype) == ((NETWORK_SIDE,) * 2, np.uint8, np.float32)
        assert share.shape == seen.shape and share.min() >= 0 and share.max() <= 1
    assert 1 <= sum(not share.any() for _, share in made) <= 12  # films that are not upright
