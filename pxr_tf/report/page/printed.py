"""A PDF of a page, printed by a Chromium that is installed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pxr_tf.errors import PxrError
from pxr_tf.files import written_whole

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PATIENCE = 180  # seconds; a page of 8 MB takes about ten


def find_browser() -> str:
    """Return the program; raise `PxrError` if there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise PxrError(
            f"--pdf found none of the browsers {', '.join(BROWSERS)}. Install one of them, or print report.html from "
            "any browser."
        )
    return found


def print_pdf(browser: str, page: Path, path: Path) -> None:
    """Print a page to `path`; raise `PxrError` if the browser fails."""
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # Chromium refuses it for root
    with written_whole(path) as partial, tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}", *sandbox]
        command = [browser, *options, f"--print-to-pdf={partial.absolute()}", page.absolute().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, text=True)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode or not partial.exists():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done else f"{PATIENCE} s passed"
            raise PxrError(f"--pdf: {browser} could not print {page}: {reason}. Print it from any browser.")
