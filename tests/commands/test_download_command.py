"""``pxr download``: the licence comes first, and nothing is fetched before it is accepted."""

import pytest
from messages import any_of, assert_tells
from tiny import write_tiny_phantoms

from pxr_tf.sets.download import Downloaded
from pxr_tf.sets.licences import DATA


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """Replace the download by phantoms; return the list of the sets that were fetched."""
    asked = []

    def fetch(name, out, on_progress):
        asked.append((name, str(out)))
        folder, _ = write_tiny_phantoms(tmp_path / "drawn")
        return Downloaded(folder, {"normal": 7, "viral": 1}, ("A note.",))

    monkeypatch.setattr("pxr_tf.sets.download.download", fetch)
    return asked


def test_the_licence_is_shown_and_must_be_accepted(pxr, fetched):
    code, said, wrong = pxr("download", "kermany")
    assert code == 2 and not fetched
    assert_tells(said, DATA["kermany"].licence, DATA["kermany"].home)
    assert_tells(wrong, any_of("accepted"), "--accept-licence", DATA["kermany"].home)


def test_an_accepted_set_is_fetched_and_described(pxr, fetched):
    code, said, wrong = pxr("download", "kermany", "--accept-licence", "--out", "there")
    assert (code, wrong, fetched) == (0, "", [("kermany", "there")])
    assert_tells(said, "8 images", "normal 7", "viral 1", "A note.")


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 2)])
def test_at_a_terminal_the_question_decides(answer, code, pxr, fetched, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question: answer)
    assert pxr("download", "radiography")[0] == code
    assert bool(fetched) == answer


def test_a_misspelt_set_is_refused_in_one_line(refuse_download):
    assert_tells(refuse_download("kermani"), "'kermani'", "'kermany'")


@pytest.fixture
def refuse_download(pxr):
    def run(*words):
        code, _, said = pxr("download", *words)
        assert code == 2 and said.count("\n") == 1
        return said

    return run
