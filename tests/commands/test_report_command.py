"""``pxr report``: the files, and requests that are refused in one line."""

from messages import assert_says

from pxr_tf import rundir


def test_the_report_is_in_the_run_directory(pxr, own_copy):
    code, said, wrong = pxr("report", own_copy)
    assert (code, wrong) == (0, "")
    assert str(own_copy / "report.html") in said
    assert (own_copy / "report.html").stat().st_size > 100_000
    code, said, _ = pxr("report", own_copy, "--out", "elsewhere")
    assert code == 0
    assert "elsewhere/report.html" in said


def test_impossible_requests_are_refused_in_one_line(pxr, own_copy, monkeypatch):
    def refused(*words, facts):
        code, _, said = pxr("report", *words)
        assert (code, said.count("\n")) == (2, 1)
        assert_says(said, *facts)
        assert not (own_copy / "report.html").exists()

    refused(own_copy, own_copy, facts=("RUN", "twice"))
    monkeypatch.setattr("pxr_tf.report.page.printed.BROWSERS", ("no-such-browser",))
    refused(own_copy, "--pdf", facts=("--pdf", "no-such-browser", "Install"))
    (own_copy / rundir.PREDICTIONS).unlink()
    refused(own_copy, facts=("not finished",))
