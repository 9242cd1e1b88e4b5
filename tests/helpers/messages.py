"""Check the facts of messages: what was received, what is accepted, what to do. Tests do not check the wording."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from re import Pattern

import pytest

from pxr_tf.errors import PxrError

Fact = str | Pattern[str]


def any_of(*wordings: str) -> Pattern[str]:
    """Return the fact that any of these wordings states, in any case."""
    return re.compile("|".join(alone(words) for words in wordings), re.IGNORECASE)


def alone(text: str) -> str:
    """Return the pattern of a text that is not part of a longer word or number: ``12`` and ``2.5`` do not match ``2``.

    A plain word also matches as a plural and with a capital letter: ``Images`` matches ``image``.
    """
    if re.fullmatch(r"[a-z][a-z -]+", text):
        return rf"(?<![\w-])[{text[0]}{text[0].upper()}]{re.escape(text[1:])}(?:s|es)?(?![\w-])"
    before = r"(?<![\w-])(?<!\d\.)" if re.match(r"\w", text) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w$", text) else ""
    return before + re.escape(text) + after


def matching(pattern: str) -> Pattern[str]:
    """Return the fact that any text of this pattern states, in any case."""
    return re.compile(pattern, re.IGNORECASE)


def at_least(bound: object) -> Pattern[str]:
    return any_of(f"{bound} or more", f"{bound} or larger", f"{bound} or greater", f"at least {bound}", f">= {bound}")


def at_most(bound: object) -> Pattern[str]:
    return any_of(f"{bound} or less", f"{bound} or fewer", f"up to {bound}", f"at most {bound}", f"<= {bound}")


def more_than(bound: object) -> Pattern[str]:
    return any_of(f"more than {bound}", f"greater than {bound}", f"larger than {bound}", f"above {bound}", f"> {bound}")


def less_than(bound: object) -> Pattern[str]:
    return any_of(f"less than {bound}", f"smaller than {bound}", f"below {bound}", f"< {bound}")


def nearest(*names: str) -> Pattern[str]:
    """Return the fact that these names are suggested."""
    offer = "did you mean|do you mean|meant|perhaps|maybe|closest|nearest|similar"
    return re.compile(rf"\b(?:{offer})\b.*" + ".*".join(alone(name) for name in names), re.IGNORECASE)


WHOLE_NUMBER = any_of("whole number", "integer")
NUMBER = any_of("number", "finite number")
TEXT = any_of("text", "string")
LIST = any_of("list")
MAPPING = any_of("mapping", "dictionary")
BOOLEAN = any_of("true or false", "true, false", "false or true", "yes or no")
NOTHING = any_of("nothing", "null", "no value", "empty")
MISSING = any_of("missing", "misses", "required", "not given", "needed", "lacks", "not found", "not exist", "not have")
UNKNOWN = any_of("unknown", "no", "not known", "not a", "not an", "no such", "not have")
TWICE = any_of("twice", "two times", "2 times", "more than once", "again", "each once", "repeated", "different")
EITHER = any_of("one of", "leave one", "either", "not both")
ACCEPTED = any_of("accepted", "accepts", "known", "give", "use", "choose", "must be", "needs")
UNREADABLE = any_of("cannot be read", "cannot read", "could not be read", "not readable", "unreadable")
LEAKS = re.compile(r"\bleak", re.IGNORECASE)


def missing_facts(message: str, facts: tuple[Fact, ...]) -> list[str]:
    """Return the facts that the message does not state."""
    patterns = [fact if isinstance(fact, Pattern) else re.compile(alone(fact)) for fact in facts]
    return [pattern.pattern for pattern in patterns if not pattern.search(message)]


def assert_tells(text: str, *facts: Fact) -> None:
    """Assert that a text of any number of lines states these facts, in any order. Line breaks count as spaces."""
    assert facts
    assert missing_facts(" ".join(text.split()), facts) == [], text


def tells(notes: Iterable[str], *facts: Fact) -> bool:
    """Return whether one of the notes states all these facts."""
    return any(not missing_facts(note, facts) for note in notes)


def assert_says(message: object, *facts: Fact) -> None:
    """Assert that a message (or error) is one line and states all these facts, in any order."""
    text = str(message).strip()
    assert text
    assert "\n" not in text
    assert_tells(text, *facts)


@contextmanager
def refused(*facts: Fact, error: type[Exception] = PxrError) -> Iterator[pytest.ExceptionInfo]:
    """Expect the block to raise an error whose message is one line and states these facts."""
    with pytest.raises(error) as caught:
        yield caught
    assert_says(caught.value, *facts)
