"""The page in a real browser, on a real port: by keyboard, without scripts, at two widths, and what axe says of it."""

import asyncio
import gc
import shutil
import threading
import warnings

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from pxr_tf.data.findings import Finding
from pxr_tf.deploy.service.engine import Engine
from pxr_tf.deploy.service.guard import Limits
from pxr_tf.deploy.service.run import serve
from pxr_tf.report.page.printed import BROWSERS
from pxr_tf.runs.finished import open_run

BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")]
FOUND = Finding("controls", "critical", "viral", "", text="98 % of healthy adults were called viral.")


@pytest.fixture(scope="module")
def address(finished_run):
    """A service on a free port of this machine, in a thread."""
    engine, ready, found = Engine(open_run(finished_run)), threading.Event(), []

    def say(url: str) -> None:
        engine.findings = (FOUND,)
        engine.loop = asyncio.get_running_loop()
        engine.task = asyncio.current_task()
        found.append(url)
        ready.set()

    def answer() -> None:
        with pytest.raises(asyncio.CancelledError):
            serve(engine, Limits(), "127.0.0.1", 0, say)

    thread = threading.Thread(target=answer)
    thread.start()
    assert ready.wait(120)
    yield found[0]
    engine.loop.call_soon_threadsafe(engine.task.cancel)
    thread.join(60)
    with warnings.catch_warnings():  # the service was cancelled: sockets that it had open are no fault of a later test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def browser(address):
    """A browser, which is closed before the service ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        opened = player.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def open_page(browser, address, **options):
    """Return the page, and what the browser says and requests from now on."""
    page = browser.new_context(**options).new_page()
    said, requested = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: requested.append(sent.url))
    page.goto(address)
    return page, said, requested


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark"), (400, "light")])
def test_the_page_fits_asks_no_other_site_and_is_accessible(browser, address, strangers, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page, said, requested = open_page(browser, address, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for _ in range(2):  # before and after an answer
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].filter(one => !one.naturalWidth).length") == 0
        faults = Axe().run(page).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in faults] == []
        page.set_input_files("#files", strangers[:2])
        page.click("button")
        page.wait_for_selector(".answer")
    assert said == []
    assert [url for url in requested if not url.startswith(("data:", address))] == []
    page.context.close()


def test_everything_is_done_by_keyboard(browser, address, strangers):
    page, said, _ = open_page(browser, address)
    page.set_input_files("#files", strangers[0])  # the system's own dialog cannot be opened here
    reach(page, "button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer")
    heat = page.locator(".heat")
    reach(page, "#heat-1")
    page.keyboard.press("Space")
    assert heat.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    reach(page, "#opacity-1")
    page.keyboard.press("Home")
    assert heat.evaluate("one => getComputedStyle(one).opacity") == "0"
    reach(page, "#class")
    before = page.inner_text("#ppv"), page.inner_text("dd.decision")
    page.keyboard.press("n")  # normal
    assert page.input_value("#class") == "normal"
    reach(page, "[data-of=threshold]")
    page.keyboard.press("Home")
    assert page.input_value("#threshold") == "0"
    assert page.inner_text("#sensitivity") == "100.0\N{NO-BREAK SPACE}%" and page.inner_text("#npv") == "unknown"
    assert (page.inner_text("#ppv"), page.inner_text("dd.decision")) != before
    assert said == []
    page.context.close()


def reach(page, selector):
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def test_the_server_and_the_scripts_compute_the_same(browser, address, strangers):
    page, _, _ = open_page(browser, address, java_script_enabled=False)
    assert page.is_hidden("[data-of=threshold]") and page.is_hidden("label .scripted")
    assert page.inner_text("section.audit li") == FOUND.text.replace(" %", "\N{NO-BREAK SPACE}%")
    page.set_input_files("#files", strangers[0])
    page.select_option("#class", "covid19")
    page.fill("#threshold", "0.25")
    page.fill("#prevalence", "3")
    page.click("button")
    values = [page.inner_text(f"#{name}") for name in ("sensitivity", "specificity", "ppv", "npv")]
    page.uncheck("#heat-1")
    assert page.is_hidden(".heat") and page.is_visible("img[alt='The X-ray']")
    decision = page.inner_text("dd.decision")
    page.context.close()
    page, _, _ = open_page(browser, address)
    page.set_input_files("#files", strangers[0])
    page.click("button")
    page.wait_for_selector(".answer")
    page.select_option("#class", "covid19")
    page.fill("#threshold", "0.25")
    page.fill("#prevalence", "3")
    assert [page.inner_text(f"#{name}") for name in ("sensitivity", "specificity", "ppv", "npv")] == values
    assert page.inner_text("dd.decision") == decision
    page.context.close()
