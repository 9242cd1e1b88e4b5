"""``pxr check-published``: check the figures of a paper against each other."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def check_published(options: OptionValues) -> None:
    """Check a paper's printed figures: can any confusion matrix, or any set of folds, give them?"""
    from pydantic import ValidationError

    from pxr_tf.config.messages import explain_errors
    from pxr_tf.config.plain_yaml import read_yaml
    from pxr_tf.errors import PxrError
    from pxr_tf.evaluation.published.check import check_paper
    from pxr_tf.evaluation.published.papers import Entry, Paper, Results, read_paper
    from pxr_tf.files import reading
    from pxr_tf.report.published_check import print_check

    file = options.file
    try:
        with reading(file):
            text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PxrError(f"{file} is not UTF-8 text. Accepted: a YAML file, see docs/check-published.md.") from error
    read_yaml(text, str(file))  # plain values only, no key twice
    try:
        paper = read_paper(file)
    except ValidationError as error:
        fault = explain_errors(error.errors(), Paper, {"tables": Results, "rows": Entry})
        raise PxrError(f"{file}: {fault}") from error
    print_check(make_console(), paper.title, check_paper(paper))
