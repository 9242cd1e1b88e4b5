"""What a shell offers when Tab is pressed, as the shell asks for it: in a process of its own."""

import os
import subprocess
import sys

import pytest

from pxr_tf.commands.complete import NAMES, completer
from pxr_tf.commands.option_table import OPTIONS
from pxr_tf.models.backbones import BACKBONES

PXR = [sys.executable, "-c", "import sys; sys.argv[0] = 'pxr'; from pxr_tf.cli import main; main()"]


def offered(*words: str) -> list[str]:
    """Return what bash gets for a line whose last word is being typed."""
    asked = {"_PXR_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["pxr", *words]), "COMP_CWORD": str(len(words))}
    ended = subprocess.run(PXR, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    return ended.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["cal"], {"calibrate"}),
        (["cv", "--mo"], {"--model"}),
        (["cv", "--model", "mobilenet_0"], {"mobilenet_025"}),
        (["cv", "--config", "pra"], {"practical"}),
        (["explain", "--methods", "saliency,score"], {"saliency,score_cam"}),
        (["lungs", "train", "--ou"], {"--out"}),
        (["cv", "--model", "nothing_like_it"], set()),
    ],
)
def test_a_shell_offers_commands_options_and_names(words, names):
    assert set(filter(None, offered(*words))) == names


@pytest.mark.parametrize("kind", NAMES)
def test_every_list_of_names_has_names_and_is_used(kind):
    assert completer(kind)("")
    assert kind in {option.complete for option in OPTIONS}


def test_the_last_piece_between_commas_is_continued():
    assert completer("backbones")("") == sorted(BACKBONES)
    assert completer("crops")("lungs,without") == ["lungs,without_lungs"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_names_the_program(shell, monkeypatch):
    code = PXR[2].replace(
        "from pxr_tf", f"import shellingham; shellingham.detect_shell = lambda: ({shell!r}, ''); from pxr_tf"
    )
    ended = subprocess.run([*PXR[:2], code, "--show-completion"], capture_output=True, text=True, check=True)
    assert "_PXR_COMPLETE" in ended.stdout and "pxr" in ended.stdout
