"""What a person typed: a command of `pxr`, or a target of `make`. Messages name its options accordingly."""

import codecs
import os
import re
import sys
import unicodedata

from pxr_tf.commands.option_table import OPTIONS, options_taken_by

MAKE = "PXR_MAKE"  # the Makefile sets it to the target; other programs that run pxr do not
# For an output without these characters; any other letter loses its accents, or becomes "?".
PLAIN = {"·": "-", "±": "+-", "—": "-", "→": "->", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "✓": "v", "✗": "x"}
PLAIN_ERRORS = "pxr_plain"
_PXR = r"(?<![\w/])pxr"  # the program, not the end of a path


def name_program() -> str:
    """Return ``pxr``, or ``make cv`` if make started it: the first words of an error."""
    target = os.environ.get(MAKE)
    return f"make {target}" if target else "pxr"


def as_typed(message: str) -> str:
    """Return a message in the words of the program that was started.

    If make started pxr, it has make's variables and targets in place of options and commands: ``--seed received 'abc'``
    becomes ``SEED received 'abc'``. An option without a variable is given in ``ARGS``. Otherwise it has options and
    commands in place of make's: ``RUNS=...`` becomes ``--runs ...``.
    """
    if not os.environ.get(MAKE):
        return _as_options(message)
    for option in OPTIONS:
        spelled = re.escape(option.spelling)
        if option.variable:
            message = re.sub(rf"(?<!\S){spelled}(?= received\b)", option.variable, message)
            message = re.sub(rf"(?<!\S){spelled} (?=[\w.,+]+( and\b|;))", f"{option.variable}=", message)
        elif not option.argument:
            message = re.sub(rf"\(({spelled})\)", r"(ARGS=\1)", message)
    message = re.sub(rf"{_PXR} lungs train\b(?! --help)", "make lungs-train", message)
    commands = "|".join(sorted({command for option in OPTIONS for command in option.commands}))
    return re.sub(rf"{_PXR} ({commands})\b(?! ([a-z]+ )?--help)", r"make \1", message)


def _as_options(message: str) -> str:
    """Return a message without make's variables and targets; a word without dashes of this command stays.

    Variables of other commands are replaced only in a message that names a command: ``CLASS=SHARE`` may be a value.
    """
    commands = "|".join(sorted({command for option in OPTIONS for command in option.commands}))
    taken = options_taken_by("lungs-train" if sys.argv[1:3] == ["lungs", "train"] else "".join(sys.argv[1:2]))
    words = {option.variable for option in taken.values() if option.argument}
    known = (*OPTIONS, *taken.values()) if re.search(rf"\b(make|pxr) ({commands})\b", message) else taken.values()
    options = {option.variable: option for option in known if not option.argument}
    message = re.sub(r"'ARGS=([^']*)'", r"\1", message)
    for variable, option in options.items():
        if variable and variable not in words:
            spelled, value, space = option.spelling, *(("1", "") if option.kind is bool else (r"(?=\S)", " "))
            message = message.replace(f"({spelled}, {variable}=...)", f"({spelled} ...)")
            message = re.sub(rf"(?<![\w/])('?){variable}={value}", rf"{spelled}{space}\1", message)
    message = re.sub(r"\bmake lungs-train\b", "pxr lungs train", message)
    return re.sub(rf"\bmake ({commands})\b", r"pxr \1", message)


def use_utf8() -> None:
    """Start this program again in Python's UTF-8 mode if file names have another encoding: data sets have UTF-8 names.

    That is a locale such as C or Latin-1 where Python may not choose UTF-8 itself. The output keeps its encoding.
    """
    if sys.getfilesystemencoding() != "utf-8":
        kept = {"PYTHONIOENCODING": os.environ.get("PYTHONIOENCODING") or sys.stdout.encoding}
        command = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **kept, "PYTHONUTF8": "1"})


def make_output_plain() -> None:
    """Let standard output and error replace what their encoding lacks: a command must not end for a dot."""
    codecs.register_error(PLAIN_ERRORS, _replace)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook or a test may have put something else here
            stream.reconfigure(errors=PLAIN_ERRORS)


def make_plain(text: str) -> str:
    """Return a text with the characters replaced that standard output lacks, for writers that choose an encoding."""
    codecs.register_error(PLAIN_ERRORS, _replace)
    encoding = sys.stdout.encoding
    return text.encode(encoding, PLAIN_ERRORS).decode(encoding)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return a likeness of the characters that cannot be encoded: ``e`` for ``é``, else ``?``, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = ""
    for letter in error.object[error.start : error.end]:
        likeness = PLAIN.get(letter) or unicodedata.normalize("NFKD", letter)
        plain += likeness.encode("ascii", "ignore").decode() or "?"
    return plain, error.end
