"""Recipes and ``--set`` values that cannot be used: one line on the command line for every fault."""

from pathlib import Path

import pytest
from messages import (
    LIST,
    MAPPING,
    MISSING,
    NOTHING,
    TEXT,
    TWICE,
    UNKNOWN,
    WHOLE_NUMBER,
    any_of,
    assert_tells,
    at_most,
    less_than,
    matching,
    nearest,
)

NINES = "9" * 5000  # more digits than Python turns into a number
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)  # a thousand characters that expand to a thousand million values

# Content of a recipe's file -> facts in the message.
FILES = {
    "empty": (b"", [NOTHING, MAPPING]),
    "a comment": (b"# nothing else\n", [NOTHING, MAPPING]),
    "a list": (b"- name\n", ["['name']", MAPPING]),
    "a number": (b"3\n", ["3", MAPPING]),
    "latin-1": ("name: café\n".encode("latin-1"), ["bad.yaml", "UTF-8", TEXT, "UTF-8"]),
    "utf-16": ("name: x\n".encode("utf-16"), ["bad.yaml", "UTF-8", TEXT, "UTF-8"]),
    "broken": (b"name: x\nclasses: [a\n", ["bad.yaml", "line 3", "YAML", "','", "']'"]),
    "a tab": (b"name: x\n\tseed: 3\n", ["bad.yaml", "line 2", "YAML", r"'\t'"]),
    "a control character": (b"name: \x00", ["bad.yaml", "YAML", "#x0000"]),
    "two documents": (b"name: x\n---\nname: y\n", ["bad.yaml", "line 2", "YAML", "single document"]),
    "a list in itself": (b"name: x\nb: &a [*a]\n", ["bad.yaml", "line 2", any_of("itself")]),
    "a mapping in itself": (b"b: &a {c: [*a]}\n", ["bad.yaml", "line 1", any_of("itself")]),
    "the file in itself": (b"&a\nname: *a\n", [any_of("itself")]),
    "laughs": (LAUGHS.encode(), ["bad.yaml", "line 4", "10,000 values", "anchors"]),
    "merged laughs": (LAUGHS.replace("[", "{<<: [").replace("]", "]}").encode(), ["bad.yaml", "line 4", "anchors"]),
    "deep": (b"a: " + b"[" * 5000 + b"]" * 5000, ["bad.yaml", "line 1", "50 levels"]),
    "a set": (b"name: x\nclasses: !!set {a, b}\n", ["bad.yaml", "line 2", "tag", "!!set", any_of("plain", "values")]),
    "binary": (b"name: !!binary aGVsbG8=\n", ["tag", "!!binary"]),
    "a python object": (b"seed: !!python/name:os.system\n", ["!!python/name:os.system"]),
    "a tag of its own": (b"seed: !mine 3\n", ["tag", "!mine"]),
    "a tag that does not fit": (b"seed: !!int x\n", ["tag", "!!int"]),
    "a number as key": (b"name: x\n1: y\n", ["bad.yaml", "line 2", "1", TEXT, "quotes"]),
    "null as key": (b"null: y\n", ["null", TEXT]),
    "no key": (b"? \n: y\n", [any_of("key"), NOTHING]),
    "true as key": (b"merge: {yes: [a]}\n", ["yes", TEXT]),
    "a list as key": (b"? [a, b]\n: y\n", [any_of("key"), LIST, MAPPING]),
    "a variant named by a number": (b"variants: {1: {}}\n", ["1", TEXT]),
    "twice": (b"name: x\nseed: 1\nname: y\n", ["bad.yaml", "line 3", "'name'", TWICE, "line 1"]),
    "twice in a phase": (
        b"phases:\n- name: a\n  name: b\n",
        ["line 3", "'name'", TWICE, "line 2"],
    ),
    "not a number": (b"phases: [{epsilon: .nan}]\n", ["line 1", "'.nan'", any_of("finite")]),
    "infinity": (b"phases: [{epsilon: -.inf}]\n", ["'-.inf'", any_of("finite")]),
    "too large a number": (b"seed: 1.0e+999\n", ["'1.0e+999'", any_of("finite")]),
    "too long a number": (f"seed: {NINES}\n".encode(), ["5,000 digits"]),
    "variants in a list": (b"variants: []\n", ["variants", "[]", MAPPING, "names"]),
}

SET = {
    "seed=[1": ["--set", "'seed=[1'", "line 1", "YAML"],
    "seed=&a [*a]": ["--set", "'seed=&a [*a]'", "line 1", any_of("itself")],
    "splits.options=&x {y: *x}": [any_of("itself")],
    f"splits.options={{{', '.join(LAUGHS.splitlines())}}}": ["10,000 values"],
    "seed=" + "[" * 5000 + "]" * 5000: ["50 levels"],
    f"seed={NINES}": ["5,000 digits"],
    "seed=!!set {a}": ["tag", "!!set"],
    "seed=2020-01-01": ["seed", "'2020-01-01'", WHOLE_NUMBER],
    "seed=2020-31-01": ["seed", "'2020-31-01'", WHOLE_NUMBER],
    "seed=1:30": ["seed", "'1:30'", WHOLE_NUMBER],
    "seed=017": ["seed", "'017'", WHOLE_NUMBER],
    "image={size: 71, size: 72}": ["line 1", "'size'", TWICE],
    "training.class_weights={1: 2}": ["1", TEXT],
    "training.class_weights.1=2": ["training.class_weights", "'1'"],
    "variant=strategy1": ["variant='strategy1'", "--variant"],
    "x" * 5000 + "=1": [UNKNOWN, matching("'xxx")],
    "5=3": [UNKNOWN, "'5'"],
    "strategies.².x=1": [UNKNOWN, "'strategies'"],
    "phases.².x=1": ["'²'", LIST, "0 to 1"],
    "phases.-1.x=1": ["'-1'", LIST, "0 to 1"],
    f"phases.{NINES}.x=1": [LIST, "0 to 1"],
    "a..b=1": ["--set", "'a..b=1'", "key=value"],
    ".=1": ["--set", "'.=1'", "key=value"],
    ".seed=1": ["--set", "'.seed=1'", "key=value"],
    "seed.=1": ["--set", "'seed.=1'", "key=value"],
    "=1": ["--set", "'=1'", "key=value"],
    " =1": ["--set", "' =1'", "key=value"],
}

OPTIONS = {
    "--seed 4294967296": ["--seed", "4294967296", "0 to 4294967295"],
    "--seeds 4294967296": ["seed", "4294967296", less_than(4294967296)],
    "--seeds ²": ["--seeds", "'²'", WHOLE_NUMBER],
    f"--seeds {NINES}": ["--seeds", matching("'999")],
    "--epochs ²": ["--epochs", "'²'", WHOLE_NUMBER],
    f"--epochs {NINES}": ["--epochs", matching("'999")],
    "--epochs 99999999": ["phases.0.max_epochs", "99999999", at_most(10000)],
    "--folds 99999999": ["--folds", "99999999", "2 to 1000"],
    "--crop lung": ["image.crop", "'lung'", "'none'", "'lungs'", "'lungs_only'", nearest("'lungs'")],
    "--crop lungs --atlas nowhere": ["atlas", "'nowhere'", MISSING, "builtin"],
    "--crop lungs --set image.masks=nowhere": ["image.masks", "'nowhere'", "folder", "data"],
    "--crop lungs --set image.margin=2": ["image.margin", "2", at_most(1)],
    "--atlas folder.yaml": ["atlas", "crop", "none"],
    "--crop none --set image.crop=lungs": ["--set", "image.crop='lungs'"],
    "--config folder.yaml": ["folder.yaml", "folder", "YAML", "file"],
    f"--config {'x' * 300}": [matching("experiment .?xxx"), "name too long"],
    "--config|": ["experiment", "''"],
    "--variant|": [UNKNOWN, "variant", "''"],
}


@pytest.fixture
def refuse_at_once(refuse):
    """Run a command that is refused before anything but the recipe is read; return its one line."""

    def run(command: str, *words: object) -> str:
        said = refuse(command, "--data", "nowhere", *words)
        assert not Path("runs").exists()
        assert len(said) < 600
        return said

    return run


@pytest.mark.parametrize("case", FILES)
def test_a_bad_recipe_is_refused_in_one_line(refuse_at_once, tmp_path, case):
    content, expected = FILES[case]
    (tmp_path / "bad.yaml").write_bytes(content)
    said = refuse_at_once("cv", "--config", "bad.yaml")
    assert_tells(said, "bad.yaml", *expected)


@pytest.mark.parametrize("text", SET, ids=lambda text: text[:40])
def test_a_bad_override_is_refused_in_one_line(refuse_at_once, text):
    said = refuse_at_once("cv", "--config", "phantom", "--set", text)
    assert_tells(said, *SET[text])


@pytest.mark.parametrize("words", OPTIONS, ids=lambda words: words[:40])
def test_a_bad_option_is_refused_in_one_line(refuse_at_once, tmp_path, words):
    (tmp_path / "folder.yaml").mkdir()
    given = words.split("|") if "|" in words else words.split()
    said = refuse_at_once("cv", *([] if given[0] == "--config" else ["--config", "phantom"]), *given)
    assert_tells(said, *OPTIONS[words])


def test_strategies_that_are_not_numbers_are_refused(refuse_at_once):
    assert_tells(refuse_at_once("grid", "--config", "phantom", "--strategies", "²"), "--strategies", "'²'")
    assert_tells(refuse_at_once("grid", "--config", "phantom", "--strategies", NINES), "--strategies", matching("'999"))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read from its start")
def test_an_unreadable_recipe_is_refused(refuse_at_once):
    said = refuse_at_once("cv", "--config", "/proc/self/mem")
    assert_tells(said, "'/proc/self/mem'", "Input/output error")


def test_a_byte_order_mark_is_accepted(refuse, tmp_path, recipe):
    (tmp_path / "marked.yaml").write_bytes(b"\xef\xbb\xbf" + recipe.read_bytes())
    assert_tells(refuse("cv", "--data", "nowhere", "--config", "marked.yaml"), "nowhere", MISSING)
