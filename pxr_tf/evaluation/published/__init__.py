"""Paper figures to compare with ours: a YAML file per paper, and checks of its figures against each other.

``papers``       reads the files; `find_row` finds the figures that belong to a run
``printed``      a printed number and the values that it may mean
``consistency``  which numbers of images allow the figures; which figures exclude each other
``footnotes``    notes on a row, in sentences made from its figures

To add a paper, write its file: `papers.Paper` defines the keys. No code contains a paper's name.
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
