"""Write ``docs/recipe.md``: every key of a recipe with its type, default and meaning.

Types and defaults come from the schema. The meaning is the comment above or behind each field in the source. ``make
format`` runs this script; a test fails if the page differs from what it writes.
"""

import inspect
import io
import re
import tokenize
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pxr_tf.config.image import Image
from pxr_tf.config.protocol import Protocol
from pxr_tf.config.schema import Balance, Experiment, Splits
from pxr_tf.vocabulary.augmentation import Augmentation, Movement
from pxr_tf.vocabulary.model import Head, Linear, OnFeatures, Scratch, Transfer
from pxr_tf.vocabulary.training import Phase, Training

PAGE = Path(__file__).parents[1] / "docs" / "recipe.md"
SECTIONS: dict[str, type[BaseModel]] = {
    "": Experiment,
    "image": Image,
    "model (kind: transfer)": Transfer,
    "model.head": Head,
    "model (kind: scratch)": Scratch,
    "model (kind: on_features)": OnFeatures,
    "model (kind: linear)": Linear,
    "splits": Splits,
    "balance": Balance,
    "augmentation": Augmentation,
    "augmentation.copies, augmentation.epochs": Movement,
    "training": Training,
    "phases": Phase,
    "reproduce": Protocol,
}
TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "null": "null"}
HEAD = """\
# Recipe

<!-- Written by scripts/write_recipe_page.py (make format) from pxr_tf/config and pxr_tf/vocabulary. -->

A recipe is a YAML file that describes an experiment. `configs/` holds one for each paper,
`practical` and `phantom`. Pass one with `CONFIG=name` or `CONFIG=path/recipe.yaml`, and change
single keys with `ARGS="--set training.batch_size=16"`. Words: [glossary.md](glossary.md).

- `variants` maps a name to an overlay. `VARIANT=name` merges that overlay into the rest of the file.
- `tuning: {over: {key: [values]}}` names the values that `make tune` tries.
- Values are never coerced: `true` is not accepted as 1, nor `"5"` as a number.
- An unknown key stops the run.
- A phase has a number and a name: `--set phases.1.l2=0` and `--set phases.all.l2=0` are the same if
  the second phase is called `all`. `tuning` and `OVER` take both, too.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page_text(), encoding="utf-8")


def page_text() -> str:
    """Return ``docs/recipe.md``."""
    return "\n".join([HEAD, *(line for name, model in SECTIONS.items() for line in section(name, model))]) + "\n"


def section(name: str, model: type[BaseModel]) -> list[str]:
    """Return the lines about one part of a recipe."""
    schema = model.model_json_schema()
    meanings = read_comments(model)
    required = schema.get("required", [])
    rows = [
        f"| `{key}` | {escape(meanings[key])} | {'required' if key in required else default_of(value)} "
        f"| {escape(describe_type(value))} |"
        for key, value in schema["properties"].items()
    ]
    title = f"`{name}`" if name else "Top level"
    sentence = inspect.cleandoc(model.__doc__).partition("\n\n")[0].replace("\n", " ")
    return [f"## {title}", sentence, "", "| key | meaning | default | type |", "|---|---|---|---|", *rows, ""]


def read_comments(model: type[BaseModel]) -> dict[str, str]:
    """Return field -> the comment behind it, or the lines of comment above it; raise `ValueError` if it has none."""
    source = inspect.getsource(model)
    comments, alone = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.lstrip("# ")
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
    meanings = {}
    for number, line in enumerate(source.splitlines(), start=1):
        field = re.match(r"    (\w+): ", line)
        if field is None or field[1] not in model.model_fields:
            continue
        first = number
        while first - 1 in alone:
            first -= 1
        words = [comments[row] for row in range(first, number)] if first < number else [comments.get(number, "")]
        meanings[field[1]] = " ".join(words)
    missing = [name for name in model.model_fields if not meanings.get(name)]
    if missing:
        raise ValueError(f"{model.__name__}.{missing[0]} has no comment; write what it means above or behind it.")
    return meanings


def describe_type(value: dict[str, Any]) -> str:
    """Return a type of a JSON schema in words, such as "number, 0 or more, below 1"."""
    if "$ref" in value:
        return {"Movement": "movements (below)"}.get(value["$ref"].rpartition("/")[2], "section (below)")
    choices = value.get("anyOf") or value.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(describe_type(choice) for choice in choices))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    if "prefixItems" in value:
        return f"{len(value['prefixItems'])} values, each {describe_type(value['prefixItems'][0])}"
    if value.get("type") == "array":
        return f"list of {describe_type(value['items'])}".replace("section ", "sections ")
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"names, each with {describe_type(inner)}" if isinstance(inner, dict) and inner else "names with values"
    return ", ".join([TYPES.get(value.get("type", ""), "any value"), *limits_of(value)])


def limits_of(value: dict[str, Any]) -> list[str]:
    """Return the limits of a number in words."""
    words = {
        "minimum": "{} or more",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    return [form.format(shorten(value[key])) for key, form in words.items() if key in value]


def shorten(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def default_of(value: dict[str, Any]) -> str:
    default = value.get("default")
    if isinstance(default, dict):
        return "its keys' defaults" if default else "none"
    if default in ([], "", None):
        return "null" if default is None and "default" in value else "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


if __name__ == "__main__":
    main()
