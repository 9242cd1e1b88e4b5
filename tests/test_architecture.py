"""The package's structure: which room imports or names which, also in strings; no circles, no huge rooms or files."""

import ast
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pxr_tf
from pxr_tf.training.learners import LEARNERS

PACKAGE = Path(pxr_tf.__file__).parent
LISTED = (
    "commands",
    "config",
    "evidence",
    "executors",
    "experiments",
    "explain",
    "galleries",
    "inference",
    "lungs",
    "models",
    "phantoms",
    "pictures",
    "runs",
    "segment",
    "studies",
    "vocabulary",
)  # of other rooms, the documents list only the main files
NAME = re.compile(r"\bpxr_tf(?:\.\w+)+")


def read_modules() -> dict[str, str]:
    """Return name -> source of every module of the package."""
    sources = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        sources[".".join(parts).removesuffix(".__init__")] = file.read_text(encoding="utf-8")
    return sources


def room_of(name: str) -> str:
    """Return the room of a dotted name: ``pxr_tf.data.splits`` -> ``data``; "" for the package itself."""
    return name.split(".")[1] if "." in name else ""


def names_in(source: str) -> set[str]:
    """Return the dotted names of this package that a module imports, at any place, or has in a string.

    Docstrings are skipped, as names in them run nothing.
    """
    found: set[str] = set()
    tree = ast.parse(source)
    passed_over = set(map(id, docstrings(tree)))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"a relative import of {node.module}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over:
            found.update(NAME.findall(node.value))
    return {name for name in found | imports_in(source) if name.split(".")[0] == "pxr_tf"}


def docstrings(tree: ast.Module) -> list[ast.Constant]:
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    first = [body[0].value for body in bodies if body and isinstance(body[0], ast.Expr)]
    return [value for value in first if isinstance(value, ast.Constant)]


def rooms_that_know(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Return room -> the rooms that it imports or names."""
    graph: dict[str, set[str]] = {room_of(name): set() for name in sources if room_of(name)}
    for name, source in sources.items():
        if room_of(name):
            graph[room_of(name)] |= {room_of(other) for other in names_in(source)} - {room_of(name), ""}
    return graph


def find_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return a circle of rooms, each known by the room before it, the first again at the end; [] if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.fixture(scope="module")
def sources():
    return read_modules()


def test_rooms_know_each_other_in_one_direction_only(sources):
    graph = rooms_that_know(sources)
    assert find_circle(graph) == []
    assert set().union(*graph.values()) <= set(graph)  # every name belongs to a room


def test_names_in_strings_count(sources):
    """A room knows a process that it starts by name, and learners that it looks up by name."""
    named = names_in(sources["pxr_tf.executors.local"])
    assert "pxr_tf.executors.worker" in named
    assert set(LEARNERS.values()) <= names_in(sources["pxr_tf.training.learners"])
    assert set(LEARNERS.values()) <= set(sources)


@pytest.mark.parametrize(
    "line",
    [
        "from pxr_tf.experiments.request import Request",
        "from pxr_tf import experiments",
        "import pxr_tf.experiments.run",
        'COMMAND = ["-m", "pxr_tf.experiments.run"]',
        'COMMAND = "python -m pxr_tf.experiments.run --all"',
        "def late():\n    from pxr_tf.experiments import run",
        "if TYPE_CHECKING:\n    from pxr_tf.experiments.request import Request",
    ],
)
def test_a_room_that_knows_a_room_above_it_is_found(sources, line):
    planted = sources | {"pxr_tf.training.features": sources["pxr_tf.training.features"] + "\n" + line + "\n"}
    assert set(find_circle(rooms_that_know(planted))) >= {"training", "experiments"}
    mentioned = '"""As pxr_tf.experiments.run wants it."""\n'
    assert find_circle(rooms_that_know(sources | {"pxr_tf.training.new": mentioned})) == []


def test_no_room_is_more_than_a_quarter_of_the_package(sources):
    lines: dict[str, int] = {}
    for name, source in sources.items():
        lines[room_of(name)] = lines.get(room_of(name), 0) + len(source.splitlines())
    total = sum(lines.values())
    assert {room: count for room, count in lines.items() if count > total / 4} == {}


def test_no_file_is_longer_than_300_lines(sources):
    assert {name for name, source in sources.items() if len(source.splitlines()) > 300} == set()


@pytest.mark.parametrize("room", LISTED)
def test_design_lists_every_file_of_a_room(room):
    text = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    lines = re.sub(r"\n {20,}", " ", text).splitlines()  # a room's list continues on indented lines
    (line,) = (line for line in lines if re.match(rf"(\| )?{room}/ ", line))
    listed = set(re.findall(r"\w+", line))
    assert [file.stem for file in (PACKAGE / room).glob("[!_]*.py") if file.stem not in listed] == []


def test_the_readme_has_a_phrase_for_every_room():
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    rooms = sorted(folder.parent.name for folder in PACKAGE.glob("*/__init__.py"))
    assert [room for room in rooms if not re.search(rf"^pxr_tf/{room}/ +\w", text, re.MULTILINE)] == []


def test_classes_of_the_vocabulary_are_defined_once(sources):
    """A second `Head`, `Phase` or `Movement` would be a copy to keep up to date."""
    rooms: dict[str, set[str]] = {}
    for name, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                rooms.setdefault(node.name, set()).add(name)
    of_vocabulary = [places for places in rooms.values() if any(room_of(name) == "vocabulary" for name in places)]
    assert len(of_vocabulary) > 8
    assert [sorted(places) for places in of_vocabulary if len(places) > 1] == []


def test_the_scaling_of_grey_pixels_is_written_once():
    assert [name for name, source in read_modules().items() if "127.5" in source] == ["pxr_tf.models.backbones"]


# Files of a run directory, by their names in `rundir`. WRITE_OR_NAME lists modules that write or name single files.
RUN_FILES = (
    "EXPERIMENT PROVENANCE WARNINGS MANIFEST SPLITS SAMPLES SKIPPED LUNGS PREDICTIONS HISTORY EPOCHS MODEL TIMING"
)
RUN_FILES += " ENVIRONMENT CHECKPOINT"
READERS = re.compile(
    rf"rundir\.({'|'.join(RUN_FILES.split())})\b|\b(read_splits|read_manifest|read_samples|read_provenance|model_file)\("
)
WRITE_OR_NAME = {
    "pxr_tf.data.manifest": "read_manifest(",
    "pxr_tf.data.samples": "read_samples(",
    "pxr_tf.data.splits": "read_splits(",
    "pxr_tf.rundir": "model_file(",
    "pxr_tf.training.linear": "rundir.MODEL",
    "pxr_tf.training.network": "rundir.HISTORY rundir.EPOCHS rundir.MODEL rundir.CHECKPOINT",
    "pxr_tf.training.phases": "rundir.CHECKPOINT",
    "pxr_tf.report.tensorboard": "rundir.PREDICTIONS",  # of the fold just trained
    # for messages and commands that people read:
    "pxr_tf.galleries.cases": "rundir.PREDICTIONS",
    "pxr_tf.galleries.permuted": "rundir.EXPERIMENT",
    "pxr_tf.inference.pictures": "rundir.MANIFEST",
    "pxr_tf.inference.evaluate": "rundir.PREDICTIONS",  # of an evaluation, in a folder of its own
    # writes the files of a bundle, which `runs` reads:
    "pxr_tf.deploy.bundle": "model_file( rundir.EXPERIMENT rundir.MANIFEST rundir.PREDICTIONS rundir.PROVENANCE"
    " rundir.SPLITS rundir.WARNINGS",
}


def test_only_runs_and_experiments_read_the_files_of_a_run(sources):
    def strange(name: str, source: str) -> set[str]:
        found = {match.group().replace("RunDirectory.", "") for match in READERS.finditer(source)}
        return found - set(WRITE_OR_NAME.get(name, "").split())

    outside = {name: text for name, text in sources.items() if room_of(name) not in ("runs", "experiments")}
    calls = {name: re.sub(r"\brun\.model_file\(|\bself\.model_file\(", "(", text) for name, text in outside.items()}
    assert {name: found for name, text in calls.items() if (found := strange(name, text))} == {}
    planted = "table = read_splits(run / rundir.SPLITS)\n"
    assert strange("pxr_tf.report.results", planted) == {"read_splits(", "rundir.SPLITS"}


def test_modules_do_not_import_each_other_in_circles_even_for_types(sources):
    graph = {name: modules_in(imports_in(source), sources) - {name} for name, source in sources.items()}
    assert find_circle(graph) == []


def imports_in(source: str) -> set[str]:
    """Return the dotted names that a module imports, also those for types only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def modules_in(names: set[str], sources: Mapping[str, str]) -> set[str]:
    """Return the modules of dotted names: `pxr_tf.files.write_csv` belongs to `pxr_tf.files`."""
    found = (name if name in sources else name.rpartition(".")[0] for name in names)
    return {name for name in found if name in sources and name != "pxr_tf"}
