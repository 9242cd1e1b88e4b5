"""``pxr explain``: what a run's networks looked at, and whether the maps can be trusted."""

from typing import TYPE_CHECKING

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, show_task

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.galleries.request import GalleryRequest


@takes_options
def explain(options: OptionValues) -> None:
    """Show what a run's networks looked at: maps, a sheet per picture, a gallery, and checks of the maps."""
    from pxr_tf.config.comma_lists import split_paths, split_words
    from pxr_tf.galleries.request import GalleryRequest
    from pxr_tf.runs.finished import open_run

    values = options.by_name | {
        "run": open_run(options.run, options.runs),
        "images": tuple(word for text in options.images or () for word in split_paths(text)),
        "methods": tuple(split_words(options.methods)) if options.methods else (),
    }
    del values["runs"]  # the run already has its cache
    make_gallery(GalleryRequest(**values), make_console())


def make_gallery(asked: "GalleryRequest", console: "Console") -> None:
    """Write or complete the gallery; print where it is. Raises `PxrError`."""
    from pxr_tf import locks
    from pxr_tf.errors import count_words
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.galleries.captures import find_films, write_captures
    from pxr_tf.galleries.run import explain_run, prepare_gallery
    from pxr_tf.galleries.write import PAGE, summary_lines, write_gallery
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.fitting import print_paths
    from pxr_tf.report.progress import Display, show_steps

    with Display(Outline(f"Comparing pictures with those of {asked.run.folder}"), console) as display:
        prepared = prepare_gallery(asked, display.show)  # before the lock, so that a refused request leaves no files
    films = find_films(prepared.table) if asked.dicom or asked.anonymise else {}
    with locks.hold(locks.lock_of(asked.folder), on_wait=lambda holder: _tell_wait(console, holder)):
        with Display(Outline(f"Explaining:\n{asked.run.folder}"), console) as display:
            explained = explain_run(prepared, choose_executor(), lambda event: show_task(display, event))
        if explained is None:
            print_paths(console, "Nothing to do: this page is up to date:", asked.folder / PAGE)
        else:
            with show_steps(console, "sheets") as on_progress:
                write_gallery(asked.run, explained, on_progress)
            print_paths(console, *summary_lines(asked.folder, len(explained.table)))
        if films:
            written = write_captures(asked.run, asked.folder, films, anonymise=asked.anonymise)
            print_paths(console, f"{count_words(len(films), 'Secondary Capture')}, for research:", written)


def _tell_wait(console: "Console", holder: str) -> None:
    console.print(f"Waiting for {holder}, which writes to this gallery.", markup=False)
