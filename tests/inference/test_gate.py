"""The gate: frontal phantoms of other patients pass; what it must refuse does not, with a reason that names it."""

import io
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from gates import draw_films, phantom_gate, ring
from messages import assert_says

from pxr_tf.errors import PxrError
from pxr_tf.inference import gate_fit
from pxr_tf.inference.archives import LARGEST
from pxr_tf.inference.gate import GATE, REASONS, read_gate, write_gate
from pxr_tf.inference.gate_negatives import MADE, make_negatives

SEEN, OTHERS = 1000, 40  # a patient that no gate was fitted on, and how many


def test_frontal_phantoms_of_other_patients_are_accepted():
    verdicts = [phantom_gate().judge(film) for film in draw_films(SEEN, OTHERS)]
    assert np.mean([verdict.accepted for verdict in verdicts]) >= 0.95
    assert all(verdict.reason == "" and verdict.kind == "frontal" for verdict in verdicts if verdict.accepted)


def test_what_is_made_to_be_refused_is_refused():
    hits: dict[str, list[bool]] = {}
    for name, _, picture in make_negatives(draw_films(SEEN, 12), 40, 99):
        hits.setdefault(name, []).append(not phantom_gate().judge(picture).accepted)
    assert [*hits] == [*MADE] and all(len(found) >= 12 for found in hits.values())
    assert {name: np.mean(found) for name, found in hits.items() if np.mean(found) < 0.85} == {}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("inverted", lambda film: 255 - film),
        ("turned", np.rot90),
        ("turned", lambda film: np.rot90(film, 3)),
        ("upside down", lambda film: film[::-1, ::-1]),
        ("upside down", lambda film: film[::-1]),
        ("several", lambda film: np.hstack([film, film])),
    ],
)
def test_the_reason_names_what_a_picture_looks_like(kind, change):
    found = [phantom_gate().judge(np.ascontiguousarray(change(film))) for film in draw_films(SEEN, 10)]
    assert sum(verdict.kind == kind and verdict.reason == REASONS[kind] for verdict in found) >= 8


def test_what_somebody_gave_is_refused_by_its_own_name():
    verdict = phantom_gate().judge(ring(5) // 2 + 40)
    assert (verdict.accepted, verdict.kind) == (False, "rings")
    assert_says(verdict.reason, "rings")


def test_blank_small_and_long_pictures_are_refused_with_their_own_reasons():
    film = draw_films(SEEN, 1)[0]
    cases = [
        (np.full((200, 200), 90, np.uint8), "blank"),
        (film[:40, :40], "40 x 40"),
        (np.repeat(film, 3, axis=0), "128 x 384"),
    ]
    for picture, fact in cases:
        verdict = phantom_gate().judge(picture)
        assert not verdict.accepted
        assert_says(verdict.reason, fact)


def test_a_dicom_file_that_says_otherwise_is_refused_with_its_words():
    film = draw_films(SEEN, 1)[0]
    assert phantom_gate().judge(film).accepted
    assert_says(phantom_gate().judge(film, ["says view LATERAL"]).reason, "DICOM", "says view LATERAL")
    assert_says(phantom_gate().judge(255 - film, ["says modality CT"]).reason, "inverted", "says modality CT")


def test_contrast_size_and_aspect_of_a_film_decide_nothing():
    for film in draw_films(SEEN, 5):
        wide = np.repeat(np.repeat(film, 4, axis=0), 5, axis=1)
        for version in (film, film // 2 + 60, wide):
            assert phantom_gate().judge(version).accepted


def test_a_written_gate_says_the_same_and_has_the_same_bytes_each_time(tmp_path):
    run, gate = SimpleNamespace(folder=tmp_path), phantom_gate()
    assert read_gate(run) is None
    write_gate(tmp_path / GATE, gate)
    first = (tmp_path / GATE).read_bytes()
    again = read_gate(run)
    pictures = [*draw_films(SEEN, 3), *(255 - draw_films(SEEN, 3))]
    for picture in pictures:
        assert again.judge(picture)[:3] == gate.judge(picture)[:3]
    write_gate(tmp_path / GATE, again)
    assert (tmp_path / GATE).read_bytes() == first
    assert again.about["given"] == {"rings": 12}


def damage(kind: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as stored:
        members = {one.filename: stored.read(one) for one in stored.infolist()}
    if kind == "cut":
        return content[: len(content) // 2]
    if kind == "code":
        file = io.BytesIO()
        np.save(file, np.array([print], object), allow_pickle=True)
        members["words.npy"] = file.getvalue()
    if kind == "other shape":
        members["output.npy"] = members["middle.npy"]
    if kind == "bomb":
        members["more.npy"] = bytes(LARGEST + 1)
    if kind == "without a part":
        del members["weight.npy"]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as stored:
        for name, member in members.items():
            stored.writestr(name, member)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["cut", "code", "other shape", "bomb", "without a part"])
def test_a_damaged_gate_is_refused_in_one_line(tmp_path, kind):
    write_gate(tmp_path / GATE, phantom_gate())
    (tmp_path / GATE).write_bytes(damage(kind, (tmp_path / GATE).read_bytes()))
    with pytest.raises(PxrError) as error:
        read_gate(SimpleNamespace(folder=tmp_path, packed=False))
    assert_says(str(error.value), GATE, "pxr gate")


def test_the_remedy_of_a_bundles_damaged_gate_is_another_bundle(tmp_path):
    (tmp_path / GATE).write_bytes(b"no gate")
    with pytest.raises(PxrError) as error:
        read_gate(SimpleNamespace(folder=tmp_path, packed=True))
    assert_says(str(error.value), GATE, "pxr bundle")


def test_no_judge_learns_from_the_patients_whose_films_it_is_measured_on(monkeypatch):
    films = gate_fit.Films(draw_films(0, 30), np.repeat("a", 30), np.array([f"p{number // 3}" for number in range(30)]))
    seen, measured = [], []

    def fit(features, kinds, seed):
        seen.append({row.tobytes() for row in features})
        judge = SimpleNamespace(say=lambda rows: measured.append(rows) or (np.ones((len(rows), 7)), np.ones(len(rows))))
        return judge

    monkeypatch.setattr(gate_fit, "_fit_judge", fit)
    monkeypatch.setattr(gate_fit, "EXAMPLES", 30)
    gate_fit.fit_gate(films)
    assert sum(map(len, measured)) == 30
    for known, rows in zip(seen, measured, strict=True):
        assert known and not known & {row.tobytes() for row in rows}
    third = gate_fit._thirds(films.patient)
    assert all(len({*third[films.patient == name]}) == 1 for name in films.patient)
