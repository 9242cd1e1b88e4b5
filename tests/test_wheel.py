"""The wheel works in an environment without the repository: from an empty folder to predictions of a bundle."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = "--config phantom --model mobilenet_025 --folds 2 --epochs 1,1 --set image.size=32"


@pytest.fixture(scope="module")
def pxr(tmp_path_factory):
    """Install the wheel into a new environment that borrows only the libraries of this one; return a runner of pxr."""
    pytest.importorskip("hatchling", reason="needs hatchling, which builds the wheel")
    place = tmp_path_factory.mktemp("wheel")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PXR"))}
    environment["XDG_CACHE_HOME"] = str(place / "cache")

    def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True)

    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place)
    assert built.returncode == 0, built.stderr
    assert run(sys.executable, "-m", "venv", "--without-pip", place / "venv").returncode == 0
    python = place / "venv" / "bin" / "python"
    (packages,) = (place / "venv").glob("lib/python*/site-packages")
    install = ["install", "--quiet", "--no-deps", "--no-index", *place.glob("*.whl")]
    installed = run(sys.executable, "-m", "pip", "--python", python, *install)
    assert installed.returncode == 0, installed.stderr
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "borrowed.pth").write_text(
        "\n".join(libraries)
    )  # a .pth in those, such as the repository's, is not read
    (place / "empty").mkdir()
    return lambda words: run(python.with_name("pxr"), *words.split(), cwd=place / "empty")


@pytest.mark.slow
def test_an_installed_wheel_goes_from_an_empty_folder_to_predictions(pxr):
    said = ""
    for words in (
        "phantom drawn --patients 4 --size 40",
        f"cv {SMALL} --data drawn/chest_xray,drawn/covid-chestxray-dataset",
        "predict runs drawn/covid-chestxray-dataset/images --out found.csv",
        "bundle runs --out mine.zip",
        "predict mine.zip drawn/covid-chestxray-dataset/images --out again.csv",
    ):
        ended = pxr(words)
        assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
        said += ended.stdout
    assert f"{ROOT}/" not in said and "make " not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["cv --config nosuch", "cv --model nosuch", "cv --data nowhere", "predict nowhere a.png", "nosuch"]
)
def test_its_errors_name_pxr_and_not_make(pxr, words):
    ended = pxr(words)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("pxr: ") and "make" not in ended.stderr
