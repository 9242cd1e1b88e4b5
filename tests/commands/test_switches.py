"""The switches that all commands share arrive where a run is asked for."""

import pytest

SWITCHES = {"skip_unreadable", "keep_duplicates", "mix_environments"}


@pytest.mark.parametrize("switch", ["", *sorted(SWITCHES)])
@pytest.mark.parametrize("command", ["cv", "train", "grid"])
def test_a_switch_that_is_given_arrives_alone(pxr, monkeypatch, tmp_path, command, switch):
    asked = []
    monkeypatch.setattr("pxr_tf.commands.grid._announce", lambda requests, console: None)
    monkeypatch.setattr("pxr_tf.report.results.print_results", lambda folder, console: None)
    for place in ("running", "grid"):
        monkeypatch.setattr(
            f"pxr_tf.commands.{place}.run_request", lambda request, console: asked.append(request) or tmp_path
        )
    monkeypatch.setattr("pxr_tf.report.grid.print_cells", lambda console, cells: None)
    words = [f"--{switch.replace('_', '-')}"] if switch else []
    models = ["--models", "xception", "--strategies", "1"] if command == "grid" else []
    code, _, said = pxr(command, "--config", "phantom", "--data", tmp_path, *models, *words)
    assert (code, said) == (0, "")
    assert {name for name in SWITCHES if getattr(asked[0], name)} == ({switch} if switch else set())
