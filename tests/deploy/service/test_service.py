"""The service answers what `pxr predict` writes, and shows it on a page."""

import base64
import re

import numpy as np
import PIL.Image
import pytest
from predicted import SHARES
from tiny import CLASSES

import pxr_tf

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")


def send(client, *files, **fields):
    """Send pictures as a form; return the response."""
    sent = [("pictures", (file.name, file.read_bytes())) for file in files]
    return client.post("/v1/predict", files=sent, data=fields)


@pytest.fixture
def predicted(own_copy, strangers, phantoms, monkeypatch):
    """What `predict` says of strangers and of two of the run's own pictures, by path."""
    from pxr_tf import api
    from pxr_tf.executors.inline import Inline

    monkeypatch.setattr(api, "choose_executor", Inline)
    own = sorted(phantoms[0].rglob("*.jpeg"))[:2]
    return pxr_tf.predict(own_copy, [*strangers, *own])  # not the shared run: predictions stay in the cache


def test_answers_are_those_of_predict(client, predicted):
    from pathlib import Path

    files = [Path(path) for path in predicted.path]
    response = send(client, *files)
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [one["name"] for one in results] == [file.name for file in files]
    assert {*predicted.known} == {"", "test"}
    for one, row in zip(results, predicted.to_dict("records"), strict=True):
        given = [one["probabilities"][name] for name in CLASSES]
        np.testing.assert_allclose(given, [row[name] for name in SHARES], atol=2e-7)
        assert (one["predicted"], one["agreement"], one["models"]) == (
            row["predicted"],
            row["agreement"],
            row["models"],
        )
        assert (one["known"] or "", one["fault"] or "", one["caution"]) == (row["known"], row["fault"], None)


def test_json_gives_the_same_answer_as_a_form(client, strangers):
    pictures = [{"name": file.name, "data": base64.b64encode(file.read_bytes()).decode()} for file in strangers[:2]]
    response = client.post("/v1/predict", json={"pictures": pictures, "heat_map": True})
    assert response.status_code == 200, response.text
    assert response.json() == send(client, *strangers[:2], heat_map="true").json()
    assert base64.b64decode(response.json()["results"][0]["heat_map"]).startswith(b"\x89PNG")


def test_a_file_that_cannot_be_read_has_a_fault_and_no_probability(client, strangers, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    bad, good = send(client, broken, strangers[0]).json()["results"]
    assert (bad["fault"], bad["probabilities"], bad["predicted"]) == ("not a JPEG, PNG or DICOM", None, None)
    assert good["fault"] is None and sum(good["probabilities"].values()) == pytest.approx(1)


def test_the_page_answers_a_plain_form_without_scripts(client, strangers):
    page = client.get("/")
    assert page.status_code == 200
    assert re.search(r"research use only", page.text, re.IGNORECASE)
    assert page.text.index("audited this model") < page.text.index('type="file"')
    answer = client.post(
        "/",
        files=[("pictures", ("<b>me.jpeg", strangers[0].read_bytes()))],
        data={"class": "viral", "threshold": "0.2", "prevalence": "5"},
    )
    assert answer.status_code == 200
    assert "&lt;b&gt;me.jpeg" in answer.text and "<b>me" not in answer.text
    assert answer.text.count("data:image/png") == 2 and answer.text.count("data:image/jpeg") == 1
    assert "viral has" in answer.text and 'value="0.20"' in answer.text and 'value="5.0"' in answer.text


def test_predictive_values_on_the_page_follow_bayes_theorem(served):
    from pxr_tf.deploy.service.pages import Chosen, rates_of

    engine, _ = served
    found = rates_of(engine, Chosen("viral", 0.25, 0.1))
    rows = engine.run.tested
    called = rows.p_viral >= 0.25
    sensitivity, alarms = called[rows.label == "viral"].mean(), called[rows.label != "viral"].mean()
    assert (found.sensitivity, found.specificity) == pytest.approx((sensitivity, 1 - alarms))
    assert found.ppv == pytest.approx(0.1 * sensitivity / (0.1 * sensitivity + 0.9 * alarms))


def test_a_share_that_is_nearly_all_or_nothing_is_not_shown_as_such():
    from pxr_tf.deploy.service.pages import percent

    shown = [percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in (1, 0.9999, 0.9994, 0.5, 0.0001, 0, None)]
    assert shown == ["100.0 %", "over 99.9 %", "99.9 %", "50.0 %", "under 0.1 %", "0.0 %", "unknown"]


def test_the_model_describes_itself(client, finished_run):
    facts = client.get("/v1/model").json()
    assert facts["classes"] == list(CLASSES) and facts["folds"] == ["0", "1"]
    assert (facts["audit"], facts["temperature"]) == (None, None)
    assert facts["image"] == {"size": 32, "resize": "squash"}


def test_health_and_metrics_are_counted(client, strangers):
    assert client.get("/healthz").json() == {"status": "ok"}
    before = counted(client, 'pxr_pictures_total{outcome="answered"}')
    send(client, strangers[0])
    assert counted(client, 'pxr_pictures_total{outcome="answered"}') == before + 1
    assert strangers[0].name not in client.get("/metrics").text


def counted(client, name):
    """Return the number in the line of a metric."""
    (line,) = (line for line in client.get("/metrics").text.splitlines() if line.startswith(name))
    return float(line.rpartition(" ")[2])


class Refusing:
    """A gate that accepts nothing."""

    def __init__(self, told=None):
        self.told = [] if told is None else told

    def judge(self, picture, says):
        from pxr_tf.inference.gate import Verdict

        self.told += [says]
        return Verdict(False, "looks upside down", "upside down", 0.1)


def test_a_refused_picture_gets_a_reason_and_no_probability(served, strangers, monkeypatch):
    engine, client = served
    monkeypatch.setattr(engine, "gate", Refusing())
    monkeypatch.setattr(engine.resident, "answer", None)  # is not asked
    (one,) = send(client, strangers[0], heat_map="true").json()["results"]
    assert (one["accepted"], one["reason"]) == (False, "The picture looks upside down.")
    assert {one[name] for name in ("predicted", "probabilities", "as_given", "sets", "heat_map", "models")} == {None}
    page = client.post("/", files=[("pictures", ("x", strangers[0].read_bytes()))]).text
    assert "looks upside down" in page and "data:image/jpeg" in page and "<svg" not in page
    assert client.get("/v1/model").json()["gate"] is True


def test_sets_cautions_and_temperature_of_a_calibrated_and_audited_run_are_told(served, strangers, monkeypatch):
    engine, client = served
    resident = engine.resident
    given = send(client, strangers[0]).json()["results"][0]["as_given"]
    order = sorted(given, key=given.get, reverse=True)
    limit = given[order[1]]
    monkeypatch.setattr(resident, "temperature", 2.0)
    monkeypatch.setattr(resident, "_cutoffs", {0.9: np.full(4, limit - 1e-6), 0.95: np.full(4, -np.inf)})
    monkeypatch.setattr(resident, "_cautions", dict.fromkeys(CLASSES, "It calls everybody ill."))
    said = send(client, strangers[0]).json()
    (one,) = said["results"]
    assert said["calibrated"] and one["as_given"] == given and one["probabilities"] != given
    assert [(one["promised"], set(one["classes"])) for one in one["sets"]] == [(0.9, {*order[:2]}), (0.95, {*CLASSES})]
    assert one["caution"] == "It calls everybody ill."
    page = client.post("/", files=[("pictures", ("x", strangers[0].read_bytes()))]).text
    assert "It calls everybody ill." in page and "90 % of the time" in page and "Calibrated" in page


def test_critical_findings_stand_above_all(served, monkeypatch):
    from pxr_tf.data.findings import Finding

    engine, client = served
    found = (Finding("controls", "critical", "viral", "", text="98 % of healthy adults were called viral."),)
    monkeypatch.setattr(engine, "findings", found)
    page = client.get("/").text
    assert page.index("98\N{NO-BREAK SPACE}% of healthy adults") < page.index("<form")
    assert "<option selected>viral" in page
    assert client.get("/v1/model").json()["audit"][0]["text"] == found[0].text


def test_a_bundle_answers_as_its_run_and_knows_its_pictures(served, own_copy, phantoms, strangers, tmp_path):
    from starlette.testclient import TestClient

    from pxr_tf.deploy.bundle import BundleRequest, write_bundle
    from pxr_tf.deploy.service.app import make_app
    from pxr_tf.deploy.service.engine import Engine
    from pxr_tf.deploy.service.guard import Limits
    from pxr_tf.executors.inline import Inline
    from pxr_tf.runs.finished import open_run

    out = write_bundle(BundleRequest(open_run(own_copy), tmp_path / "packed.zip"), Inline())
    own = tmp_path / "own.png"
    PIL.Image.open(sorted(phantoms[0].rglob("*.jpeg"))[0]).resize((80, 80)).save(own)
    files = [strangers[0], own]
    engine = Engine(open_run(out, tmp_path))
    with TestClient(make_app(engine, Limits()), base_url="http://localhost") as packed:
        results = send(packed, *files).json()["results"]
        assert engine.resident.unrecognised == 0
    for one, other in zip(results, send(served[1], *files).json()["results"], strict=True):
        assert [one[name] for name in ("as_given", "known", "models")] == [
            other[name] for name in ("as_given", "known", "models")
        ]
    assert [one["known"] for one in results] == [None, "test"]
    assert all(len(one["sets"]) == 2 for one in results)  # a bundle is calibrated


def test_a_dicom_upload_gets_the_answer_of_predict_and_its_words_reach_the_gate(
    served, own_copy, tmp_path, monkeypatch
):
    pytest.importorskip("pydicom", reason="the extra dicom is not installed")
    from dicom_files import encode

    from pxr_tf import api
    from pxr_tf.executors.inline import Inline
    from pxr_tf.phantoms.sets import draw_phantom

    engine, client = served
    file = tmp_path / "1.2.840.3"
    file.write_bytes(encode(16 * draw_phantom(77, 0, "normal", 96).image.astype(np.uint16), ViewPosition="LATERAL"))
    monkeypatch.setattr(api, "choose_executor", Inline)
    row = pxr_tf.predict(own_copy, file).iloc[0]
    (one,) = send(client, file).json()["results"]
    given = [one["probabilities"][name] for name in CLASSES]
    np.testing.assert_allclose(given, [row[name] for name in SHARES], atol=2e-7)
    told = []
    monkeypatch.setattr(engine, "gate", Refusing(told))
    assert send(client, file).json()["results"][0]["accepted"] is False
    assert told == [("says view LATERAL",)]
