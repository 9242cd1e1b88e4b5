"""YAML as plain values only: text, numbers, true, false, null, lists, and mappings whose keys are text.

YAML's ``017`` (octal: 15), ``1:30`` (base 60: 90) and dates are never meant in a recipe: they are text here, and so not
accepted as numbers. ``1e-5``, which is text in YAML 1.1, is a number.
"""

import math
import re

import yaml

from pxr_tf.errors import PxrError

MAX_VALUES = 10_000  # with all aliases expanded; the largest recipe in configs/ has 95
MAX_DEPTH = 50  # lists and mappings within one another; recipes need 5
MAX_DIGITS = 30  # of a whole number; Python itself refuses to read more than 4,300

Plain = bool | int | float | str | None | list["Plain"] | dict[str, "Plain"]  # the possible values
QUOTING = "Put quotes around text that contains YAML's special characters, such as : # [ { * &."


def read_yaml(text: str, origin: str) -> Plain:
    """Return the value of YAML text; `origin` names the text in the one-line `PxrError` for invalid text."""
    try:
        return yaml.load(text, Loader=_Loader)
    except _Refused as fault:
        raise PxrError(f"{origin}, line {fault.line}: {fault.problem}.") from fault
    except yaml.MarkedYAMLError as fault:
        line = f", line {fault.problem_mark.line + 1}" if fault.problem_mark else ""
        before = f"{fault.context}, " if f"{fault.problem}".startswith("but ") else ""  # continues PyYAML's sentence
        raise PxrError(f"{origin}{line}: not valid YAML: {before}{fault.problem}. {QUOTING}") from fault
    except yaml.reader.ReaderError as fault:
        raise PxrError(
            f"{origin}: not valid YAML: it contains the character #x{fault.character:04x}. Delete it."
        ) from fault


def write_yaml(value: Plain) -> str:
    """Return the value as YAML, from which `read_yaml` and any other reader get an equal value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that is not accepted here; `place` is its node or event."""

    def __init__(self, problem: str, place: yaml.Node | yaml.Event) -> None:
        super().__init__(problem=problem, problem_mark=place.start_mark)
        self.line = place.start_mark.line + 1


_PREFIX = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _TEXT, _MERGE = (
    f"{_PREFIX}{name}" for name in ("null", "bool", "int", "float", "str", "merge")
)
_WHOLE_NUMBER = re.compile(r"^[-+]?(0|[1-9][0-9_]*)$")
_NUMBER = re.compile(
    r"""^[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?$
    |^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$
    |^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$""",
    re.VERBOSE,
)


class _Loader(yaml.SafeLoader):
    """Refuses anything but plain values, before it constructs any."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's list of unquoted words that are not text
        first: [(tag, pattern) for tag, pattern in resolvers if tag in (_NULL, _BOOL, _MERGE)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: yaml.Node | int | None) -> yaml.Node | None:
        event = self.peek_event()
        tag = getattr(event, "tag", None)
        if tag is not None:
            name = tag.replace(_PREFIX, "!!")
            raise _Refused(f"the tag {name} is not accepted. Write plain values: text, numbers, lists, mappings", event)
        if self.depth > MAX_DEPTH:
            raise _Refused(f"lists and mappings nested too deeply; accepted: up to {MAX_DEPTH} levels", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _count_values(node, {})
        return node

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > MAX_DIGITS:
            raise _Refused(f"a whole number of {len(node.value):,} digits; accepted: up to {MAX_DIGITS}", node)
        return self.construct_yaml_int(node)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        number = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise _Refused(f"{node.value!r} is not a finite number", node)
        return number


class _Dumper(yaml.SafeDumper):
    """Quotes text that some reader would not read as text."""


for _yaml_class in (_Loader, _Dumper):
    _yaml_class.add_implicit_resolver(_FLOAT, _NUMBER, list("-+.0123456789"))
    _yaml_class.add_implicit_resolver(_INT, _WHOLE_NUMBER, list("-+0123456789"))
_Loader.add_constructor(_INT, _Loader.construct_whole_number)
_Loader.add_constructor(_FLOAT, _Loader.construct_number)


def _count_values(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Return the number of values in a node, aliases expanded; raise for values that are not accepted.

    `known` is node id -> count. It is None while a node is being counted: an alias inside it refers to the node itself.
    """
    if id(node) not in known:
        known[id(node)] = None
        known[id(node)] = 1 + sum(_count_values(part, known) for part in _parts(node))
    count = known[id(node)]
    if count is None:
        raise _Refused("a value contains itself, through an alias of its own anchor. Write it out", node)
    if count > MAX_VALUES:
        raise _Refused(f"the anchors expand to more than {MAX_VALUES:,} values. Use fewer anchors", node)
    return count


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return the values inside a node; raise for a mapping's key that is not text or occurs twice."""
    if isinstance(node, yaml.ScalarNode):
        return []
    if isinstance(node, yaml.SequenceNode):
        return node.value
    lines: dict[str, int] = {}
    for key, _ in node.value:
        _check_key(key)
        if key.value in lines:
            raise _Refused(f"the key {key.value!r} occurs twice, first in line {lines[key.value]}. Keep one", key)
        lines[key.value] = key.start_mark.line + 1
    return [part for _, part in node.value]


def _check_key(key: yaml.Node) -> None:
    if not isinstance(key, yaml.ScalarNode):
        raise _Refused("a key is a list or a mapping; accepted: text", key)
    if key.tag not in (_TEXT, _MERGE):
        raise _Refused(f"the key {key.value} is not text. Put quotes around it" if key.value else "a key is empty", key)
