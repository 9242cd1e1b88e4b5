"""The options of a request other than its experiment reach the run, in all commands."""

import pytest

GIVEN = {
    "skip_unreadable": (["--skip-unreadable"], True),
    "duplicates": (["--duplicates", "exact"], "exact"),
    "mix_environments": (["--mix-environments"], True),
}
DEFAULTS = {"skip_unreadable": False, "duplicates": "drop", "mix_environments": False}


@pytest.mark.parametrize("name", ["", *GIVEN])
@pytest.mark.parametrize("command", ["cv", "train", "grid"])
def test_only_the_given_option_reaches_the_request(pxr, monkeypatch, tmp_path, command, name):
    asked = []
    monkeypatch.setattr("pxr_tf.commands.grid._announce", lambda requests, console: None)
    monkeypatch.setattr("pxr_tf.studies.run_all.run_all", lambda requests, *rest: asked.extend(requests) or [])
    words, value = GIVEN.get(name, ([], None))
    models = ["--models", "xception", "--strategies", "1"] if command == "grid" else []
    code, _, said = pxr(command, "--config", "phantom", "--data", tmp_path, *models, *words)
    assert (code, said) == (0, "")
    expected = DEFAULTS | ({name: value} if name else {})
    request = asked[0]
    arrived = {option: getattr(request, option) for option in ("skip_unreadable", "mix_environments")}
    assert arrived | {"duplicates": request.experiment.duplicates} == expected
