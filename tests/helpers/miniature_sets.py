"""The public data sets in miniature: `write_…` writes one to a folder of the test."""

from pathlib import Path

from PIL import Image

from pxr_tf.sets.coronahack import CORONAHACK_TABLE as CORONAHACK_TABLE

CORONAHACK_HEADER = ",X_ray_image_name,Label,Dataset_type,Label_2_Virus_category,Label_1_Virus_category\n"


def write_image(path: Path, grey: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), grey).save(path, format="PNG" if path.suffix.lower() == ".png" else "JPEG")
    return path


def write_kermany(root: Path, splits=("train", "test")) -> Path:
    for split in splits:
        for name in ("NORMAL/IM-0115-0001", "NORMAL/NORMAL2-IM-0195-0001-0002", "PNEUMONIA/person1_bacteria_2"):
            write_image(root / split / f"{name}.jpeg")
        write_image(root / split / "PNEUMONIA/person1_virus_6_1.jpeg")
    return root


def write_coronahack(root: Path, images: str = "Coronahack-Chest-XRay-Dataset/Coronahack-Chest-XRay-Dataset") -> Path:
    lines = [
        "0,IM-0128-0001.jpeg,Normal,TRAIN,,",
        "1,person7_bacteria_9.jpeg,Pnemonia,TRAIN,,bacteria",
        "2,person7_virus_9.jpeg,Pnemonia,TEST,,Virus",
        "3,SARS-1.jpeg,Pnemonia,TRAIN,SARS,Virus",
        "4,lancet-case2a.jpg,Pnemonia,TRAIN,COVID-19,Virus",
        "5,smoker.jpeg,Pnemonia,TRAIN,ARDS,Stress-Smoking",
    ]
    for line in lines:
        _, name, _, split, *_ = line.split(",")
        write_image(root / images / split.lower() / name)
    (root / CORONAHACK_TABLE).write_text(CORONAHACK_HEADER + "\n".join(lines) + "\n")
    return root


def write_radiography(root: Path, flat: bool) -> Path:
    for folder, name in (
        ("COVID-19", "COVID-19 (1)"),
        ("NORMAL", "NORMAL (1)"),
        ("Viral Pneumonia", "Viral Pneumonia (1)"),
    ):
        if flat:
            write_image(root / folder / f"{name}.png")
    for folder in () if flat else ("COVID", "Normal", "Viral Pneumonia", "Lung_Opacity"):
        write_image(root / folder / "images" / f"{folder}-1.png")
        write_image(root / folder / "masks" / f"{folder}-1.png")
    return root


def write_covid_chestxray(root: Path) -> Path:
    rows = [
        "2,COVID-19,PA,X-ray,images,a.jpg",
        "2,Pneumonia/Viral/COVID-19,AP Supine,X-ray,images,b.JPG",
        '3,"COVID-19, ARDS",AP semi erect,X-ray,images,c.png',
        "4,COVID-19,L,X-ray,images,lateral.jpg",
        "5,COVID-19,Axial,CT,volumes,ct.nii.gz",
        "6,Pneumonia/Viral/SARS,PA,X-ray,images,sars.jpg",
    ]
    for name in ("a.jpg", "b.JPG", "c.png", "lateral.jpg", "sars.jpg"):
        write_image(root / "images" / name)
    (root / "metadata.csv").write_text("patientid,finding,view,modality,folder,filename\n" + "\n".join(rows) + "\n")
    return root
