"""What a run says about itself, in sentences that the methods, the model card and the checklists share."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pxr_tf.data.splits import BY_SOURCE, FOLDS
from pxr_tf.errors import count_words
from pxr_tf.evaluation import metrics
from pxr_tf.evidence.calibrated import CalibrationTables, read_calibration
from pxr_tf.evidence.files import read_readings
from pxr_tf.evidence.intervals import IMAGE, unit_of, unit_of_table, unit_words
from pxr_tf.evidence.label_quality import find_candidates
from pxr_tf.evidence.paper import comparable_row
from pxr_tf.evidence.verdicts import read_verdicts
from pxr_tf.report.page.parts import Picture
from pxr_tf.report.page.words import listed
from pxr_tf.runs.finished import FinishedRun
from pxr_tf.runs.info import CROPS
from pxr_tf.vocabulary.model import Linear, OnFeatures, Scratch, Transfer

RESIZED = {"squash": "without keeping the aspect ratio", "pad": "with its aspect ratio kept, on black"}
LOSS = "cross-entropy"


class Cases(NamedTuple):
    """Pictures of a run's most certain mistakes and successes."""

    mistakes: Sequence[Picture] = ()
    successes: Sequence[Picture] = ()
    heat_maps: bool = False  # whether they have heat maps over them

    @property
    def words(self) -> str:
        """What the pictures show."""
        if self.heat_maps:
            return (
                "Colours show where the heat map finds evidence for the predicted class. Whether such maps can be "
                "trusted is checked in the run's gallery."
            )
        return "They are as the network saw them. After pxr explain, this section has heat maps."


NO_CASES = Cases()


class RunFacts:
    """A finished run with its tables and what can be said about it.

    `reading` is what the page counts: the test rows of the paper if there is one, else the recipe's. Pages of several
    runs count the recipe's (`by_paper` is False), so that their figures and their comparison are about the same rows.
    """

    def __init__(self, run: FinishedRun, cases: Cases = NO_CASES, *, by_paper: bool = True) -> None:
        self.run, self.recipe, self.info, self.cases = run, run.recipe, run.info, cases
        self.readings = read_readings(run)
        row, own = comparable_row(self.info), next(iter(self.readings))
        theirs = row.paper.test_rows if row else own
        self.reading = theirs if by_paper and theirs in self.readings else own
        self.paper = row if theirs == self.reading else None

    @property
    def table(self) -> pd.DataFrame:
        """The metrics of that reading."""
        return self.readings[self.reading]

    @cached_property
    def tested(self) -> pd.DataFrame:
        """The test rows of that reading."""
        return metrics.select_rows(self.run.predictions, self.run.splits, self.reading)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The verdicts on the paper's figures; without rows if there are none."""
        return read_verdicts(self.run)

    @cached_property
    def calibration(self) -> CalibrationTables | None:
        """Calibration and decisions; None if they could not be measured."""
        return read_calibration(self.run)

    @property
    def temperature(self) -> str:
        """What a temperature does to the probabilities, and which one new pictures need."""
        tables = self.calibration
        return tables.calibration["sentences"][0] if tables else "No temperature was fitted."

    @cached_property
    def label_candidates(self) -> pd.DataFrame:
        """The images whose label the models doubt."""
        return find_candidates(self.run, self.reading)

    @property
    def synthetic(self) -> bool:
        """Whether the images are phantoms."""
        return self.info.origin == "synthetic"

    @property
    def noun(self) -> str:
        """What an image is."""
        return "synthetic image" if self.synthetic else "X-ray"

    @property
    def unit(self) -> str:
        """What intervals are over: as the table says, so that page and screen agree; without one, as the run does."""
        return unit_of_table(self.table) or unit_of(self.run)

    @property
    def counted(self) -> str:
        """``6,005 held-out X-rays of 2,134 patients``."""
        rows = self.tested.drop_duplicates("image_id")
        words = count_words(len(rows), f"held-out {self.noun}")
        if self.unit == IMAGE:
            return words
        return f"{words} of {count_words(rows.patient_id.nunique(), 'patient')}"

    @property
    def test_words(self) -> str:
        """Which test rows count."""
        return "all held-out images" if self.reading == "all" else "balanced test images, as many of each class"

    @property
    def folds_words(self) -> str:
        """Over how many folds figures are averaged; "" for one."""
        return f", averaged over {len(self.run.folds)} folds" if len(self.run.folds) > 1 else ""

    @property
    def data(self) -> str:
        """Images of all parts, classes and sources, and how many of the images were tested."""
        rows = self.run.manifest[self.run.manifest.image_id.isin(self.run.splits.image_id)]
        tested = self.run.tested.image_id.nunique()
        which = "" if tested == len(rows) else f" {tested:,} of them were tested."
        came = f"{count_words(len(rows), self.noun)} from {listed(sorted(rows.source.unique()))}"
        return f"{came}, in the classes {listed(list(self.info.classes))}.{which}"

    @property
    def partition(self) -> str:
        """How training and test images were divided."""
        splits = self.recipe.splits
        unit = (
            "Patients or pictures are on both sides." if self.info.leaky else "No patient is on both sides of a split."
        )
        words = {
            FOLDS: f"{splits.folds}-fold cross-validation over patients",
            "official": "the data set's own test part",
            BY_SOURCE: "each source that can be held out, with models that never saw it",
            "random": f"a random test part of {100 * splits.test:g} % of the {splits.unit}s",
        }
        return f"{words.get(splits.scheme, f'the scheme {splits.scheme}')}, with seed {self.recipe.seed}. {unit}"

    @property
    def preparation(self) -> str:
        """How a file becomes what the network sees."""
        image = self.recipe.image
        crop = f", {CROPS[image.crop]}," if image.crop in CROPS else ""
        side = f"{image.size} × {image.size} pixels {RESIZED[image.resize]}"  # noqa: RUF001
        return f"Each file was decoded to 8-bit grey{crop} and resized to {side}."

    @property
    def duplicates(self) -> str:
        """What was done with copies of a picture."""
        words = {
            "drop": "Of copies of one picture, one was kept.",
            "exact": "Of copies with the same bytes, one was kept.",
            "keep": "Copies of one picture were kept.",
        }
        return words[self.recipe.duplicates]

    @property
    def model(self) -> str:
        """What was trained, from which weights."""
        model, weights = self.recipe.model, self.run.provenance["weights"]
        if isinstance(model, Transfer):
            layers = " and ".join(map(str, model.head.hidden_units))
            hidden = f" and fully connected layers of {layers} units" if layers else ""
            begun = "random weights" if model.weights == "none" else f"weights {Path(model.weights).name} ({weights})"
            return f"The model was the backbone {model.backbone}, from {begun}, with a {model.output} output{hidden}."
        if isinstance(model, Scratch):
            return f"The model was the network {model.network}, from random weights, with a {model.output} output."
        if isinstance(model, OnFeatures):
            return f"The model was a small network on features of stage one ({model.of}), with a {model.output} output."
        if isinstance(model, Linear):
            return f"The model was multinomial logistic regression on pixels, with L2 {model.l2:g}, by {model.solver}."
        return f"The model was {model.kind}."

    @property
    def training(self) -> str:
        """How it was trained, phase by phase."""
        recipe = self.recipe
        if not recipe.phases:
            return "Training had no epochs."
        steps = [
            f"{phase.name} ({'the head' if phase.train == 'head' else 'all layers'}; {phase.optimizer}, learning rate "
            f"{phase.learning_rate:g}, at most {count_words(phase.max_epochs, 'epoch')})"
            for phase in recipe.rated_phases
        ]
        loss = listed(list(dict.fromkeys([LOSS, *(words for phase in recipe.phases if (words := phase.loss_words))])))
        return (
            f"Training had {count_words(len(steps), 'phase')}: {listed(steps)}. The loss was {loss}, in batches of "
            f"{count_words(recipe.training.batch_size, 'sample')}."
        )

    @property
    def selection(self) -> str:
        """Which epoch counts."""
        if not self.recipe.watches_validation:
            return "The last epoch of each phase counted; no test or validation image chose it."
        where = "a hold-out, for all folds" if self.recipe.chooses_epochs else "each fold's own validation images"
        return f"The epoch with the lowest validation loss counted, chosen on {where}."

    @property
    def balance(self) -> str:
        """What was done about rare classes, and the augmentation."""
        balance, augmentation = self.recipe.balance, self.recipe.augmentation
        grown = "all classes" if balance.oversample == "all" else listed(list(balance.oversample))
        copies = augmentation.copies if isinstance(augmentation.copies, str) else "its own movements"
        said = [f"Augmented copies ({copies}) were added to {grown}."] if balance.oversample else []
        said += [f"At most {balance.cap:,} images of a class train."] if balance.cap else []
        if augmentation.epochs != "none":
            named = augmentation.epochs if isinstance(augmentation.epochs, str) else "movements"
            said.append(f"Training pictures were changed differently in each epoch ({named}).")
        said += ["The loss weighs classes."] if self.recipe.training.class_weights else []
        return " ".join(said) or "No class was oversampled or weighted, and no picture was augmented."

    @property
    def statistics(self) -> str:
        """How figures and intervals were computed."""
        methods = listed(sorted({method for method in self.table.method if method}))
        level = self.table.level.max()
        if np.isnan(level):
            return f"Figures count {self.test_words}. There are too few {self.unit}s for intervals."
        return (
            f"Figures count {self.test_words}{self.folds_words}. Their {100 * level:.0f} % intervals ({methods}) are "
            f"over {unit_words(self.unit)}: they show what other {self.unit}s would change, not other seeds."
        )

    @property
    def software(self) -> str:
        """Versions of what decides the numbers."""
        return ", ".join(f"{name} {version}" for name, version in self.run.provenance.get("versions", {}).items())

    @property
    def machine(self) -> str:
        """Where it was trained."""
        seen = [one for some in self.run.environments.values() for one in some]
        places = dict.fromkeys(
            f"{one['device']} ({one.get('processor', 'unknown')}), {one['precision']}" for one in seen
        )
        return listed(list(places)) if places else "not recorded"

    @property
    def commit(self) -> str:
        """The commit of the code."""
        seen = [one for some in self.run.environments.values() for one in some]
        known = [one for one in seen if one.get("commit")]
        found = dict.fromkeys(f"{one['commit']}{', with changes' * bool(one.get('modified'))}" for one in known)
        return listed(list(found)) if found else "not recorded"

    @property
    def command(self) -> str:
        """The command that made the run."""
        return self.run.provenance.get("command", "not recorded")
