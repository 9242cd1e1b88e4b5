"""``pxr calibrate``: its tables fit 60 columns, its files are in the run, and bad input is one line."""

import pytest
from calibrated_runs import predictions_of, run_of

FILES = "calibration.json calibration.csv calibration.png decisions.csv net_benefit.csv risk_coverage.csv conformal.csv"


def test_tables_fit_a_narrow_terminal(pxr, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    folder = run_of(tmp_path / "run", predictions_of(90, 3, sharp=2)).folder
    code, said, _ = pxr("calibrate", folder, "--prevalence", "covid19=0.05", "--sensitivity", "0.9", "--cost", "10")
    assert code == 0
    assert all(len(line) <= 60 for line in said.splitlines() if str(folder) not in line)
    for words in ("PPV", "Youden's index", "cost 10", "classes per", "Temperature", "covered", "If a person reads"):
        assert words in said
    assert [name for name in FILES.split() if not (folder / name).exists()] == []


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--prevalence", "covid19=1.5"], ["--prevalence", "'1.5'", "between 0 and 1"]),
        (["--prevalence", "covid=0.1"], ["--prevalence", "'covid=0.1'", "covid19, normal, pneumonia", "Did you mean"]),
        (["--prevalence", "0.1"], ["--prevalence", "'0.1'", "CLASS=SHARE"]),
        (
            ["--prevalence", "covid19=0.6", "--prevalence", "normal=0.5"],
            ["--prevalence", "covid19=0.6 normal=0.5", "1.1", "1 at most"],
        ),
        (["--sensitivity", "95"], ["--sensitivity", "'95'", "up to 1"]),
        (["--specificity", "much"], ["--specificity", "'much'"]),
        (["--cost", "0"], ["--cost", "'0'", "above 0"]),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(pxr, tmp_path, words, facts):
    folder = run_of(tmp_path / "run", predictions_of(30, 3)).folder
    code, _, said = pxr("calibrate", folder, *words)
    assert (code, said.count("\n")) == (2, 1)
    assert [fact for fact in facts if fact not in said] == []
    assert not (folder / "decisions.csv").exists()


def test_an_unfinished_run_is_refused(pxr, tmp_path):
    folder = run_of(tmp_path / "run", predictions_of(30, 3)).folder
    (folder / "predictions.csv").unlink()
    code, _, said = pxr("calibrate", folder)
    assert (code, said.count("\n")) == (2, 1)
    assert "not finished" in said
