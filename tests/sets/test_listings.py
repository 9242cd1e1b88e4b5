"""Layouts with a table beside the images: what is taken, what is left out, and faulty tables."""

import pytest
from miniature_sets import write_coronahack, write_covid_chestxray, write_image

from pxr_tf.errors import PxrError
from pxr_tf.sets.coronahack import TABLE as CORONAHACK_TABLE
from pxr_tf.sets.find import read_sources


@pytest.mark.parametrize(
    "images", ["Coronahack-Chest-XRay-Dataset/Coronahack-Chest-XRay-Dataset", "Coronahack-Chest-XRay-Dataset", "."]
)
def test_coronahack_rows(tmp_path, images):
    table, _ = read_sources([write_coronahack(tmp_path, images)])
    found = table.set_index("image_id")
    assert found.label.to_dict() == {
        "coronahack/train/IM-0128-0001.jpeg": "normal",
        "coronahack/train/person7_bacteria_9.jpeg": "bacterial",
        "coronahack/test/person7_virus_9.jpeg": "viral",
        "coronahack/train/SARS-1.jpeg": "viral",
        "coronahack/train/lancet-case2a.jpg": "covid19",
    }
    assert found.patient_id["coronahack/train/person7_bacteria_9.jpeg"] == "kermany/bacteria-person7"
    assert found.patient_id["coronahack/train/SARS-1.jpeg"] == "coronahack/train/SARS-1.jpeg"
    assert found.official_split["coronahack/test/person7_virus_9.jpeg"] == "test"


def test_coronahack_with_a_missing_file_or_an_unknown_category(tmp_path):
    write_coronahack(tmp_path)
    table = tmp_path / CORONAHACK_TABLE
    text = table.read_text()
    table.write_text(text + "6,gone.jpeg,Normal,TRAIN,,\n")
    with pytest.raises(PxrError, match=r"lists 1 images that do not exist \(.*gone\.jpeg\)"):
        read_sources([tmp_path])
    table.write_text(text + "6,SARS-1.jpeg,Pnemonia,TRAIN,,mould\n")
    with pytest.raises(PxrError, match="'mould'; accepted: bacteria, virus, stress-smoking"):
        read_sources([tmp_path])


def test_covid_chestxray_takes_frontal_covid_x_rays_only(tmp_path):
    table, _ = read_sources([write_covid_chestxray(tmp_path)])
    assert table.image_id.tolist() == [f"covid-chestxray/images/{name}" for name in ("a.jpg", "b.JPG", "c.png")]
    assert table.patient_id.tolist() == ["covid-chestxray/2", "covid-chestxray/2", "covid-chestxray/3"]
    assert set(table.label) == {"covid19"}


def test_covid_chestxray_first_release_has_other_columns(tmp_path):
    write_image(tmp_path / "images" / "a.jpg")
    (tmp_path / "metadata.csv").write_text(
        "Patientid,offset,finding,view, url,filename\n7, ,COVID-19,PA,,a.jpg\n8,,COVID-19,CT,,b.jpg\n"
    )
    assert read_sources([tmp_path])[0].patient_id.tolist() == ["covid-chestxray/7"]


def test_covid_chestxray_with_missing_files_is_an_error(tmp_path):
    write_covid_chestxray(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    with pytest.raises(PxrError, match=r"metadata\.csv lists 1 images that do not exist \(.*a\.jpg\)"):
        read_sources([tmp_path])


def test_own_csv_with_all_and_with_the_two_needed_columns(tmp_path):
    write_image(tmp_path / "pictures" / "é 1.png")
    table = tmp_path / "Ward 7.csv"
    table.write_text("\ufeffpath,label\npictures/é 1.png,COVID-19\n")
    row = read_sources([table])[0].iloc[0]
    assert (row.image_id, row.label, row.source) == ("Ward 7/pictures/é 1.png", "covid19", "Ward 7")
    assert row.patient_id == row.image_id
    (tmp_path / "manifest.csv").write_text(
        "label,path,patient_id,source,official_split,image_id,content\n"
        f"viral,{tmp_path}/pictures/é 1.png,p1,elsewhere,TEST,elsewhere/1,abc\n"
    )
    row = read_sources([tmp_path])[0].iloc[0]
    assert (row.image_id, row.patient_id, row.source, row.official_split) == ("elsewhere/1", "p1", "elsewhere", "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,label,patient\na.png,viral,1\n",
            r"unknown columns patient; accepted: path, label.*Did you mean 'patient_id'",
        ),
        ("path\na.png\n", "has the columns path; label is missing"),
        ("path;label\na.png;viral\n", "has the columns path;label; path, label is missing"),
        ("path,label\nb.png,viral\n", r"lists 1 images that do not exist \(.*b\.png\)"),
        ("path,label\na.png,\n", "line 2: the label is empty"),
        ("path,label\n,viral\n", "line 2: the path is empty"),
        ("path,label\na.png\n", "line 2: the label is empty"),
        ("path,label,official_split\na.png,viral,holdout\n", "official_split is 'holdout'; accepted: train, val, test"),
        ("path,label\na.png,viral\na.png,viral\n", "1 image ids occur twice"),
        ("path,label\n", "no usable image"),
        ("", "no readable CSV"),
    ],
)
def test_faults_of_own_csv(tmp_path, text, message):
    write_image(tmp_path / "a.png")
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(PxrError, match=message) as fault:
        read_sources([tmp_path])
    assert "\n" not in str(fault.value)


def test_own_csv_in_another_encoding(tmp_path):
    (tmp_path / "manifest.csv").write_bytes("path,label\nRöntgen.png,viral\n".encode("latin-1"))
    with pytest.raises(PxrError, match="accepted: comma-separated UTF-8"):
        read_sources([tmp_path])
