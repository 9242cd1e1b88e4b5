"""``pxr explain``: what a run's networks looked at, and whether the pictures of it are worth anything."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pxr_tf.commands import options as o
from pxr_tf.commands.running import make_console

if TYPE_CHECKING:
    from rich.console import Console

    from pxr_tf.galleries.request import GalleryRequest
    from pxr_tf.report.progress import Display


Run = Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")]
Images = Annotated[
    list[str] | None,
    typer.Argument(
        help="Image ids of the run, picture files, folders or data sets. Default: of each class the most certain "
        "right, the most certain wrong and the least certain ones, out of fold.",
        metavar="[IMAGE]...",
    ),
]
Methods = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated: grad_cam, grad_cam_plus_plus, layer_cam, score_cam, saliency, smooth_grad, "
        "integrated_gradients, guided_grad_cam, occlusion. Default: grad_cam,guided_grad_cam,integrated_gradients."
    ),
]
Layer = Annotated[
    str | None, typer.Option(help="Layer of the methods that need one. Default: feature_map or the last one.")
]
Target = Annotated[str, typer.Option("--class", help="The class that is explained: predicted, true, or its name.")]
Number = Annotated[
    int | None, typer.Option(min=1, help="Pictures of each kind and class, where no image is named. Default: 3.")
]
Fold = Annotated[
    str | None,
    typer.Option(
        help="Whose model: 0, fold-0, official … Default: the fold that tested a picture; the first for strangers."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="The gallery's folder. Default: RUN/explained; of images, RUN/explained-images-…."),
]
Atlas = Annotated[
    str | None,
    typer.Option(
        help="What lungs are found by: builtin, a folder with images/ and masks/, or a file that `pxr lungs train` "
        "wrote."
    ),
]
Masks = Annotated[
    str | None, typer.Option(help="Lung masks that are read instead: data (beside the images), or a folder.")
]
Checks = Annotated[
    bool, typer.Option("--checks/--no-checks", help="Measure what the maps are worth, or leave that out.")
]
CheckPictures = Annotated[
    int | None,
    typer.Option(min=2, help="Pictures per fold for all checks but the shares in the lungs. Default: 6."),
]
CacheRuns = Annotated[Path | None, typer.Option(help="Folder of the cache. Default: the one that RUN lies in.")]


def explain(
    run: Run,
    images: Images = None,
    methods: Methods = None,
    layer: Layer = None,
    target: Target = "predicted",
    number: Number = None,
    fold: Fold = None,
    out: Out = None,
    atlas: Atlas = None,
    masks: Masks = None,
    checks: Checks = True,
    check_pictures: CheckPictures = None,
    runs: CacheRuns = None,
    skip_unreadable: o.SkipUnreadable = False,
) -> None:
    """Show what a run's networks looked at: maps, a sheet per picture, a gallery, and what the maps are worth."""
    from pxr_tf.galleries.request import GalleryRequest
    from pxr_tf.runs.finished import open_run

    asked = GalleryRequest(
        run=open_run(run, runs),
        images=tuple(word for text in images or () for word in o.split_paths(text)),
        methods=tuple(o.split_words(methods)) if methods else (),
        layer=layer,
        target=target,
        fold=fold,
        number=number,
        out=out,
        atlas=atlas,
        masks=masks,
        checks=checks,
        check_pictures=check_pictures,
        skip_unreadable=skip_unreadable,
    )
    _make_gallery(asked, make_console())


def _make_gallery(asked: "GalleryRequest", console: "Console") -> None:
    """Make the gallery, or finish it; print where it is. Raises `PxrError`."""
    from pxr_tf import locks
    from pxr_tf.executors.choose import choose_executor
    from pxr_tf.galleries.run import explain_run, prepare_gallery
    from pxr_tf.galleries.write import PAGE, summary_lines, write_gallery
    from pxr_tf.report.clock import Outline
    from pxr_tf.report.progress import Display
    from pxr_tf.report.steps import show_steps

    prepared = prepare_gallery(asked)  # before the lock: what is refused leaves nothing behind
    folder = Path(os.path.abspath(asked.folder))  # "." has no name to call a lock by
    with locks.hold(locks.lock_of(folder), on_wait=lambda holder: _tell_wait(console, holder)):
        with Display(Outline(f"Explaining {asked.run.folder}", 1, (), False), console) as display:
            explained = explain_run(prepared, choose_executor(), lambda event: _show(display, event))
        if explained is None:
            console.print(f"Nothing to do: {asked.folder / PAGE} is up to date.", markup=False, soft_wrap=True)
            return
        with show_steps(console, "sheets") as on_progress:
            write_gallery(asked.run, explained, on_progress)
    for line in summary_lines(asked.folder, len(explained.table)):
        console.print(line, markup=False, soft_wrap=True)


def _tell_wait(console: "Console", holder: str) -> None:
    console.print(f"Waiting for {holder}, which writes to this gallery.", markup=False, soft_wrap=True)


def _show(display: "Display", event: dict[str, Any]) -> None:
    """Show what is told, but not when tasks start and end: the display takes those for training."""
    if event["event"] not in ("start", "end"):
        display.show(event)
