"""The table of options: commands take the options in it, and the files written from it are up to date."""

import ast
import importlib.util
from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest
import typer

import pxr_tf.commands
from pxr_tf.cli import app
from pxr_tf.commands.command_options import OptionValues
from pxr_tf.commands.option_table import OPTIONS, options_taken_by, read_options
from pxr_tf.config import load_experiment
from pxr_tf.errors import PxrError
from pxr_tf.phantoms.anatomy import MAX_SIZE, MIN_SIZE
from pxr_tf.phantoms.sets import MAX_PATIENTS
from pxr_tf.studies.experiments import PAPER, PHANTOM

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "write_option_files.py"
COMMANDS = {name.replace(" ", "-"): command for name, command in typer.main.get_command(app).commands.items()}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_option_files", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_written_files_are_up_to_date(script):
    """If this fails: make format."""
    assert script.MAKE_FILE.read_text(encoding="utf-8") == script.make_file_text()
    assert script.PAGE.read_text(encoding="utf-8") == script.page_text()


def test_the_table_names_exactly_the_commands():
    assert {command for option in OPTIONS for command in option.commands} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_an_option_once(command):
    rows = [option for option in OPTIONS if command in option.commands]
    for what in ("name", "spelling", "key", "variable"):
        counts = Counter(filter(None, (getattr(option, what) for option in rows)))
        assert [value for value, count in counts.items() if count > 1] == [], what


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_takes_the_options_in_the_table(command):
    taken = {parameter.name: parameter for parameter in COMMANDS[command].params if parameter.name != "help"}
    assert list(taken) == list(options_taken_by(command))
    for name, option in options_taken_by(command).items():
        spelled = [word for words in (taken[name].opts, taken[name].secondary_opts) for word in words]
        assert spelled == ([name] if option.argument else option.spelling.split("/"))
        assert taken[name].required == (option.default is ...)


@pytest.mark.parametrize("key", sorted({option.key for option in OPTIONS if option.key}))
def test_the_keys_of_options_are_keys_of_a_recipe(key):
    attrgetter(key)(load_experiment("bozickovic2021"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"size": {"commands": ["cv"], "kind": "whloe"}}, "size.*'whloe'.*whole"),
        ({"size": {"commands": ["cv"], "variabel": "SIZE"}}, "size.*'variabel'.*variable"),
        ({"size": {"commands": ["cv"]}, "help": "Pixels."}, "size, help.*meaning, otherwise"),
    ],
)
def test_a_misspelt_row_of_the_table_is_refused(row, said):
    with pytest.raises(ValueError, match=said):
        read_options({"groups": {}, "option": [{"meaning": "Pixels.", **row}]})


def test_the_table_names_the_default_recipes():
    assert options_taken_by("cv")["config"].otherwise == f"{PAPER}; {PHANTOM} without data"


def test_an_option_that_a_command_does_not_take_is_named():
    options = OptionValues("data", {"data": "a"})
    assert options.data == "a"
    with pytest.raises(AttributeError, match="'data' takes no option 'crop'"):
        _ = options.crop


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.key and option.most is not None])
def test_the_limits_of_options_are_those_of_the_recipe(option):
    for limit, beyond in ((option.least, option.least - 1), (option.most, option.most + 1)):
        load_experiment("bozickovic2021", {option.key: limit})
        with pytest.raises(PxrError, match=option.key):
            load_experiment("bozickovic2021", {option.key: beyond})


def test_the_limits_of_phantoms_are_those_of_the_drawing():
    options = options_taken_by("phantom")
    assert options["patients"].most == MAX_PATIENTS
    assert (options["size"].least, options["size"].most) == (MIN_SIZE, MAX_SIZE)


def test_only_given_options_set_a_key():
    values = dict.fromkeys(options_taken_by("cv")) | {"nested": False, "seed": 0, "model": "", "crop": "lungs"}
    given = {key: value for key, value in OptionValues("cv", values).keys_given().items() if value is not None}
    assert given == {"seed": 0, "model.backbone": "", "image.crop": "lungs"}
    assert OptionValues("cv", values | {"nested": True}).keys_given()["splits.nested"] is True


def test_no_public_name_is_defined_in_two_files_of_the_commands():
    names = Counter()
    for file in Path(pxr_tf.commands.__file__).parent.glob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names[node.name] += 1
            elif isinstance(node, ast.Assign):
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    assert [name for name, count in names.items() if count > 1 and not name.startswith("_")] == []
