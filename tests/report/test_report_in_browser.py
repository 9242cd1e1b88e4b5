"""The page in a real browser: nothing is requested, nothing is missing, it fits a telephone, axe finds no fault."""

import shutil

import pytest
from reported_runs import copy_run, write_reported

from pxr_tf.evidence.files import complete_tables
from pxr_tf.galleries.report_cases import find_cases
from pxr_tf.report.grid import GridCell
from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.printed import BROWSERS, find_browser, print_pdf
from pxr_tf.report.page.study import grid_sections
from pxr_tf.report.page.write import write_page, write_report

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def written(finished_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run = copy_run(finished_run, folder / "run")
    complete_tables(run)
    return write_report([RunFacts(run, find_cases(run))], folder)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    runs = [write_reported(folder / name, sharp=sharp) for name, sharp in (("one", 1), ("second", 3))]
    return write_report(runs, folder / "report")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    facts = [write_reported(folder / name, sharp=sharp) for name, sharp in (("one", 1), ("second", 3))]
    cells = [GridCell(one.info._replace(variant=str(n)), run=one.run) for n, one in enumerate(facts)]
    return write_page("Grid", grid_sections(cells), folder / "page")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("which", ["written", "compared", "grid"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark"), (400, "light")])
def test_a_page_is_whole_fits_and_is_accessible(request, browser, which, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    file = request.getfixturevalue(which).page
    said, requested = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: requested.append(sent.url))
    page.goto(file.as_uri())
    assert said == []
    assert [url for url in requested if not url.startswith("data:")] == [file.as_uri()]
    assert page.evaluate("[...document.images].filter(one => !one.naturalWidth).length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    faults = Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults] == []
    page.close()


def test_the_page_is_printed(written, tmp_path):
    print_pdf(find_browser(), written.page, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes()[:5] == b"%PDF-"
