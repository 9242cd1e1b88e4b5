"""Recipes and ``--set`` values that cannot be used: one line on the command line, whatever is wrong with them."""

from pathlib import Path

import pytest

NINES = "9" * 5000  # more digits than Python turns into a number
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)  # a thousand characters that stand for a thousand million values

# What a recipe's file holds -> what is said of it.
FILES = {
    "empty": (b"", ["holds nothing; an experiment is a mapping"]),
    "a comment": (b"# nothing else\n", ["holds nothing; an experiment is a mapping"]),
    "a list": (b"- name\n", ["holds ['name']; an experiment is a mapping"]),
    "a number": (b"3\n", ["holds 3; an experiment is a mapping"]),
    "latin-1": ("name: café\n".encode("latin-1"), ["bad.yaml is not UTF-8 text", "save it as UTF-8"]),
    "utf-16": ("name: x\n".encode("utf-16"), ["bad.yaml is not UTF-8 text", "save it as UTF-8"]),
    "broken": (b"name: x\nclasses: [a\n", ["bad.yaml, line 3: not valid YAML: expected ',' or ']'"]),
    "a tab": (b"name: x\n\tseed: 3\n", ["bad.yaml, line 2: not valid YAML", r"'\t'"]),
    "a control character": (b"name: \x00", ["bad.yaml: not valid YAML", "#x0000"]),
    "two documents": (b"name: x\n---\nname: y\n", ["bad.yaml, line 2: not valid YAML: expected a single document"]),
    "a list in itself": (b"name: x\nb: &a [*a]\n", ["bad.yaml, line 2: ", "holds itself"]),
    "a mapping in itself": (b"b: &a {c: [*a]}\n", ["bad.yaml, line 1: ", "holds itself"]),
    "the file in itself": (b"&a\nname: *a\n", ["holds itself"]),
    "laughs": (LAUGHS.encode(), ["bad.yaml, line 4: ", "more than 10,000 values", "anchors"]),
    "merged laughs": (LAUGHS.replace("[", "{<<: [").replace("]", "]}").encode(), ["bad.yaml, line 4: the anchors"]),
    "deep": (b"a: " + b"[" * 5000 + b"]" * 5000, ["bad.yaml, line 1: ", "50 levels"]),
    "a set": (b"name: x\nclasses: !!set {a, b}\n", ["bad.yaml, line 2: ", "the tag !!set", "plain values"]),
    "binary": (b"name: !!binary aGVsbG8=\n", ["the tag !!binary"]),
    "a python object": (b"seed: !!python/name:os.system\n", ["the tag !!python/name:os.system"]),
    "a tag of its own": (b"seed: !mine 3\n", ["the tag !mine"]),
    "a tag that does not fit": (b"seed: !!int x\n", ["the tag !!int"]),
    "a number as key": (b"name: x\n1: y\n", ["bad.yaml, line 2: the key 1 is not text", "quotes"]),
    "null as key": (b"null: y\n", ["the key null is not text"]),
    "no key": (b"? \n: y\n", ["a key is empty"]),
    "true as key": (b"merge: {yes: [a]}\n", ["the key yes is not text"]),
    "a list as key": (b"? [a, b]\n: y\n", ["a key is a list or a mapping"]),
    "a variant named by a number": (b"variants: {1: {}}\n", ["the key 1 is not text"]),
    "twice": (b"name: x\nseed: 1\nname: y\n", ["bad.yaml, line 3: the key 'name' is there twice, first in line 1"]),
    "twice in a phase": (
        b"phases:\n- name: a\n  name: b\n",
        ["line 3: the key 'name' is there twice, first in line 2"],
    ),
    "not a number": (b"phases: [{epsilon: .nan}]\n", ["line 1: '.nan' is not a finite number"]),
    "infinity": (b"phases: [{epsilon: -.inf}]\n", ["'-.inf' is not a finite number"]),
    "too large a number": (b"seed: 1.0e+999\n", ["'1.0e+999' is not a finite number"]),
    "too long a number": (f"seed: {NINES}\n".encode(), ["a whole number of 5,000 digits"]),
    "variants in a list": (b"variants: []\n", ["variants received []; accepted: a mapping of names to mappings"]),
}

SET = {
    "seed=[1": ["--set received 'seed=[1', line 1: not valid YAML"],
    "seed=&a [*a]": ["--set received 'seed=&a [*a]', line 1: ", "holds itself"],
    "splits.options=&x {y: *x}": ["holds itself"],
    f"splits.options={{{', '.join(LAUGHS.splitlines())}}}": ["more than 10,000 values"],
    "seed=" + "[" * 5000 + "]" * 5000: ["50 levels"],
    f"seed={NINES}": ["a whole number of 5,000 digits"],
    "seed=!!set {a}": ["the tag !!set"],
    "seed=2020-01-01": ["seed received '2020-01-01'; accepted: a whole number"],
    "seed=2020-31-01": ["seed received '2020-31-01'; accepted: a whole number"],
    "seed=1:30": ["seed received '1:30'; accepted: a whole number"],
    "seed=017": ["seed received '017'; accepted: a whole number"],
    "image={size: 71, size: 72}": ["line 1: the key 'size' is there twice"],
    "training.class_weights={1: 2}": ["the key 1 is not text"],
    "training.class_weights.1=2": ["training.class_weights names '1'"],
    "variant=strategy1": ["Received variant='strategy1' as an override", "--variant"],
    "x" * 5000 + "=1": ["unknown key 'xxx"],
    "5=3": ["unknown key '5'"],
    "strategies.².x=1": ["unknown key 'strategies'"],
    "phases.².x=1": ["names the item '²' of a list; accepted: 0 to 1"],
    "phases.-1.x=1": ["names the item '-1' of a list; accepted: 0 to 1"],
    f"phases.{NINES}.x=1": ["of a list; accepted: 0 to 1"],
    "a..b=1": ["--set received 'a..b=1'; accepted: key=value"],
    ".=1": ["--set received '.=1'; accepted: key=value"],
    ".seed=1": ["--set received '.seed=1'; accepted: key=value"],
    "seed.=1": ["--set received 'seed.=1'; accepted: key=value"],
    "=1": ["--set received '=1'; accepted: key=value"],
    " =1": ["--set received ' =1'; accepted: key=value"],
}

OPTIONS = {
    "--seed 4294967296": ["seed received 4294967296; accepted: less than 4294967296"],
    "--seeds 4294967296": ["seed received 4294967296; accepted: less than 4294967296"],
    "--seeds ²": ["--seeds received '²'; accepted: whole numbers"],
    f"--seeds {NINES}": ["--seeds received '999"],
    "--epochs ²": ["--epochs received '²'; accepted: one whole number"],
    f"--epochs {NINES}": ["--epochs received '999"],
    "--epochs 99999999": ["phases.0.max_epochs received 99999999; accepted: 10000 or less"],
    "--folds 99999999": ["splits.folds received 99999999; accepted: 1000 or less"],
    "--crop lung": ["image.crop received 'lung'; accepted: 'none', 'lungs', 'lungs_only'", "Did you mean 'lungs'"],
    "--crop lungs --atlas nowhere": ["atlas received 'nowhere', which does not exist; accepted: builtin"],
    "--crop lungs --set image.masks=nowhere": ["image.masks received 'nowhere', which is no folder; accepted: data"],
    "--crop lungs --set image.margin=2": ["image.margin received 2; accepted: 1 or less"],
    "--atlas folder.yaml": ["atlas is used with a crop only; here crop is none"],
    "--crop none --set image.crop=lungs": ["Received --set image.crop='lungs', but this command or one of its options"],
    "--config folder.yaml": ["folder.yaml is a folder; accepted: a YAML file"],
    f"--config {'x' * 300}": ["The experiment 'xxx", "name too long"],
    "--config|": ["No experiment ''"],
    "--variant|": ["unknown variant ''"],
}


@pytest.fixture
def refuse_at_once(refuse):
    """Run a command that is refused before anything but the recipe is looked at; return its one line."""

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
    assert all(word in said for word in ["bad.yaml", *expected]), said


@pytest.mark.parametrize("text", SET, ids=lambda text: text[:40])
def test_a_bad_override_is_refused_in_one_line(refuse_at_once, text):
    said = refuse_at_once("cv", "--config", "phantom", "--set", text)
    assert all(word in said for word in SET[text]), said


@pytest.mark.parametrize("words", OPTIONS, ids=lambda words: words[:40])
def test_a_bad_option_is_refused_in_one_line(refuse_at_once, tmp_path, words):
    (tmp_path / "folder.yaml").mkdir()
    given = words.split("|") if "|" in words else words.split()
    said = refuse_at_once("cv", *([] if given[0] == "--config" else ["--config", "phantom"]), *given)
    assert all(word in said for word in OPTIONS[words]), said


def test_a_grid_of_strategies_that_are_no_numbers(refuse_at_once):
    assert "--strategies received '²'" in refuse_at_once("grid", "--config", "phantom", "--strategies", "²")
    assert "--strategies received '999" in refuse_at_once("grid", "--config", "phantom", "--strategies", NINES)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read from its start")
def test_a_recipe_that_cannot_be_read(refuse_at_once):
    said = refuse_at_once("cv", "--config", "/proc/self/mem")
    assert "'/proc/self/mem' cannot be read: Input/output error" in said


def test_a_byte_order_mark_is_no_fault(refuse, tmp_path, recipe):
    (tmp_path / "marked.yaml").write_bytes(b"\xef\xbb\xbf" + recipe.read_bytes())
    assert "nowhere does not exist" in refuse("cv", "--data", "nowhere", "--config", "marked.yaml")
