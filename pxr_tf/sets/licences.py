"""The licences of public data sets and of pretrained weights, as their publishers state them."""

from typing import NamedTuple


class Licence(NamedTuple):
    """What a publisher allows."""

    title: str  # of the work
    licence: str
    home: str  # where the publisher states it


UNKNOWN = "not known to pxr_tf: ask the owner of the data"
DATA = {  # source, as manifests name it
    "kermany": Licence(
        "Kermany, Zhang, Goldbaum 2018: Labeled Optical Coherence Tomography and Chest X-Ray Images",
        "CC BY 4.0", "https://data.mendeley.com/datasets/rscbjbr9sj/2",
    ),
    "covid-chestxray": Licence(
        "Cohen et al. 2020: COVID-19 Image Data Collection",
        "one for each image (column `license` of its metadata.csv); some forbid commercial use",
        "https://github.com/ieee8023/covid-chestxray-dataset",
    ),
    "radiography": Licence(
        "Chowdhury et al. 2020, Rahman et al. 2021: COVID-19 Radiography Database",
        "stated by its publisher for each of its sources; research use",
        "https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
    ),
    "coronahack": Licence(
        "Praveen 2020: CoronaHack Chest X-Ray Dataset",
        "stated by its publisher; it collects Kermany's and Cohen's images",
        "https://www.kaggle.com/datasets/praveengovi/coronahack-chest-xraydataset",
    ),
}  # fmt: skip
IMAGENET = Licence(
    "Weights of keras.applications, trained on ImageNet",
    "stated by keras.applications for each network; ImageNet's images are for research that is not commercial",
    "https://keras.io/api/applications",
)


def licence_of(source: str) -> Licence:
    """Return the licence of a source; of an unknown one, what to do."""
    if source.startswith("synthetic"):
        return Licence("Phantoms drawn by pxr_tf", "Apache-2.0", "")
    return DATA.get(source, Licence(source, UNKNOWN, ""))
