"""The papers' own figures, to stand beside ours: a YAML file per paper, and what its figures say of themselves.

``papers``       reads the files; `find_row` finds the figures that belong to a run
``printed``      a number as it is printed, and the values that it may stand for
``consistency``  which counts of images allow the figures; which figures exclude one another
``footnotes``    what must be said beside a row, in sentences made from its figures

To add a paper, write its file: `papers.Paper` says what it may hold. No code knows a paper's name.
"""

from pxr_tf.evaluation.published.footnotes import best_row, write_count_note, write_footnotes
from pxr_tf.evaluation.published.papers import Paper, PaperRow, comparable_papers, find_row, paper_rows, read_papers

__all__ = [
    "Paper",
    "PaperRow",
    "best_row",
    "comparable_papers",
    "find_row",
    "paper_rows",
    "read_papers",
    "write_count_note",
    "write_footnotes",
]
