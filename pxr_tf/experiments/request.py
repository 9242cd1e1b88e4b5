"""What is to be run, and where its run directory is."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pxr_tf import rundir
from pxr_tf.config import Experiment
from pxr_tf.runs.directory import is_run
from pxr_tf.runs.scheme import splits_by_image
from pxr_tf.vocabulary.model import OnFeatures


@dataclass(frozen=True)
class Request:
    """What is to be run: an experiment on data, with options that are not part of the experiment."""

    experiment: Experiment
    data: tuple[str | Path, ...]
    runs: Path  # folder of run directories and of the cache
    skip_unreadable: bool = False
    mix_environments: bool = False  # folds may differ in library versions and machine
    command: str = ""  # for the record
    tuning: Path | None = None  # run directory of a tuning point (without test rows); None: an ordinary run
    figures: tuple[str, ...] = ("png",)  # formats
    results_by_task: bool = False  # a task makes tables and figures; otherwise the command does
    study: frozenset[Path] = frozenset()  # run directories of all runs of the same study

    @cached_property
    def folder(self) -> Path:
        """The run directory."""
        return self.tuning or self._place()

    @property
    def tuning_folder(self) -> Path:
        """The folder for the points of a tuning of this experiment."""
        return self._place(tuning=True)

    def _place(self, tuning: bool = False) -> Path:
        experiment, splits = self.experiment, self.experiment.splits
        by_image = "-by-image" if splits_by_image(experiment) else ""
        permuted = "permuted-labels" if experiment.permute_labels else ""
        crop = "" if experiment.image.crop == "none" else experiment.image.crop.replace("_", "-")
        place = "-".join(filter(None, (splits.scheme + by_image, permuted, crop, experiment.tag)))
        names = (experiment.name, experiment.stem, place, experiment.seed)
        return rundir.run_directory(self.runs, *names, tuning=tuning)

    @property
    def stage_one_folder(self) -> Path | None:
        """The run directory of stage one, whose features the model learns on; None for other models.

        If stage one is a variant, it has this run's recipe, splits and seed. It also has this run's tag if such a run
        was begun or is in the same study. Otherwise it has none: a tag often names the classes of stage two alone.
        """
        model = self.experiment.model
        if not isinstance(model, OnFeatures):
            return None
        if not model.of_variant:
            return Path(model.of)
        stage = self.experiment.model_copy(update={"variant": model.of})  # the models' names are the same
        tagged, plain = (
            replace(self, experiment=stage.model_copy(update={"tag": tag}), tuning=None).folder
            for tag in (stage.tag, "")
        )
        return tagged if tagged in self.study or is_run(tagged) else plain

    @property
    def cache(self) -> Path:
        """The folder of decoded pictures and features, shared by all runs in `runs`."""
        return self.runs / rundir.CACHE
