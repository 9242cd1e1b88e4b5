"""Texts to reuse: the model card, a paragraph of methods, how to cite."""

from collections.abc import Iterator

from pxr_tf.report.page.facts import RunFacts
from pxr_tf.report.page.headline import headline
from pxr_tf.report.page.parts import Facts, Part, Prose

CITATION = (
    "The pxr_tf contributors. pxr_tf: a laboratory for pneumonia and COVID-19 classification of chest X-rays. "
    "Version {version}, commit {commit}."
)


def model_card(facts: RunFacts) -> Iterator[Part]:
    """Yield a model card, with the headings of Mitchell et al., "Model Cards for Model Reporting", 2019."""
    warned = " ".join(dict.fromkeys(warning.text for warning in facts.info.warnings))
    yield Facts(
        [
            ("model", facts.model),
            ("input", f"One frontal chest X-ray as grey pixels. {facts.preparation}"),
            ("output", f"A probability for each class: {', '.join(facts.info.classes)}."),
            ("intended use", "Research on classifiers of chest X-rays."),
            ("not for", "Diagnosis, triage or any decision about a patient. It is not a medical device."),
            ("training data", f"{facts.data} {facts.balance}"),
            ("evaluation data", f"{facts.counted[0].upper()}{facts.counted[1:]}, by {facts.partition}"),
            ("training", f"{facts.training} {facts.selection}"),
            ("result", headline(facts)),
            ("probabilities", facts.temperature),
            ("known faults", warned or "None was found when the run was prepared."),
            ("ethics", "Data and consent: to be filled by a person."),
        ]
    )


def methods(facts: RunFacts) -> Iterator[Part]:
    """Yield a paragraph of methods and how to cite the program and the paper."""
    yield Prose(
        f"The data were {facts.data} {facts.duplicates} {facts.preparation} {facts.model} {facts.training} "
        f"{facts.balance} {facts.selection} Evaluation was by {facts.partition} {facts.statistics} "
        f"Software: {facts.software or 'not recorded'}."
    )
    version = facts.run.provenance.get("versions", {}).get("pxr_tf", "not recorded")
    yield Prose(CITATION.format(version=version, commit=facts.commit))
    if facts.paper:
        yield Prose(f"The reproduced paper: {facts.paper.paper.title}.")
