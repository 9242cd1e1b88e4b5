"""What all commands ask of a run, beside its experiment, arrives there."""

import pytest

GIVEN = {
    "skip_unreadable": (["--skip-unreadable"], True),
    "duplicates": (["--duplicates", "exact"], "exact"),
    "mix_environments": (["--mix-environments"], True),
}
DEFAULTS = {"skip_unreadable": False, "duplicates": "drop", "mix_environments": False}


@pytest.mark.parametrize("name", ["", *GIVEN])
@pytest.mark.parametrize("command", ["cv", "train", "grid"])
def test_an_option_that_is_given_arrives_and_no_other(pxr, monkeypatch, tmp_path, command, name):
    asked = []
    monkeypatch.setattr("pxr_tf.commands.grid._announce", lambda requests, console: None)
    monkeypatch.setattr("pxr_tf.report.grid.print_cells", lambda console, cells: None)
    monkeypatch.setattr("pxr_tf.report.results.print_results", lambda folder, console: None)
    for place in ("running", "grid"):
        monkeypatch.setattr(
            f"pxr_tf.commands.{place}.run_request", lambda request, console: asked.append(request) or tmp_path
        )
    words, value = GIVEN.get(name, ([], None))
    models = ["--models", "xception", "--strategies", "1"] if command == "grid" else []
    code, _, said = pxr(command, "--config", "phantom", "--data", tmp_path, *models, *words)
    assert (code, said) == (0, "")
    expected = DEFAULTS | ({name: value} if name else {})
    request = asked[0]
    arrived = {option: getattr(request, option) for option in ("skip_unreadable", "mix_environments")}
    assert arrived | {"duplicates": request.experiment.duplicates} == expected
