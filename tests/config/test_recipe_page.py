"""docs/recipe.md has every key of a recipe, and says what the schema says."""

import pytest
import write_recipe_page
from pydantic import Field

from pxr_tf.config.schema import Experiment
from pxr_tf.vocabulary.values import Frozen, Whole


def test_the_page_is_what_the_script_writes():
    assert write_recipe_page.PAGE.read_text(encoding="utf-8") == write_recipe_page.page_text()


def test_every_section_of_an_experiment_is_on_the_page():
    schema = Experiment.model_json_schema()
    on_page = {model.__name__ for model in write_recipe_page.SECTIONS.values()}
    assert set(schema["$defs"]) - {"OtherModel"} <= on_page  # a model of an added learner: any keys


class Commented(Frozen):
    """Three fields."""

    behind: Whole = 1  # the comment behind
    # the comment above,
    # on two lines
    above: Whole = 2
    limited: Whole = Field(default=3, ge=0, lt=2**32)  # with limits


def test_the_meaning_is_the_comment_behind_or_above_a_field():
    assert write_recipe_page.read_comments(Commented) == {
        "behind": "the comment behind",
        "above": "the comment above, on two lines",
        "limited": "with limits",
    }
    assert "| `limited` | with limits | `3` | whole number, 0 or more, below 4,294,967,296 |" in (
        write_recipe_page.section("commented", Commented)
    )


def test_a_field_without_a_comment_is_refused():
    class Silent(Frozen):
        """One field."""

        silent: Whole = 1

    with pytest.raises(ValueError, match=r"Silent\.silent has no comment"):
        write_recipe_page.read_comments(Silent)
