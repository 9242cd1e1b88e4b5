"""Who may ask, how much and how often: what the guard refuses, and that nothing reaches a disk."""

import asyncio
import io
import tempfile
import zipfile

import pytest
from messages import any_of, assert_tells

from pxr_tf.errors import PxrError

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("prometheus_client", reason="the extra serve is not installed")

from starlette.testclient import TestClient

from pxr_tf.deploy.service.app import make_app
from pxr_tf.deploy.service.guard import HEADERS, Limits, Rates

TOKEN = "a token of the tests"


@pytest.fixture
def guarded(served):
    """A client of the same engine behind another guard; the engine is not started again."""

    def make(limits: Limits | None = None, **options: object) -> TestClient:
        app = make_app(served[0], limits or Limits(), **options)
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=True)

    return make


def test_every_answer_has_the_headers_that_keep_other_sites_out(client):
    for path in ("/", "/healthz", "/v1/model", "/page.js", "/nowhere"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert "access-control-allow-origin" not in headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_the_page_has_no_inline_script_style_or_handler_and_names_no_other_site(client, strangers):
    files = [("pictures", ("x", strangers[0].read_bytes()))]
    for page in (client.get("/").text, client.post("/", files=files).text):
        assert "style=" not in page and " on" + "click" not in page and "http://" not in page and "https://" not in page
        assert page.count("<script") == page.count('src="/page.js"') + page.count('type="application/json"')


def test_a_token_is_needed_where_one_is_set(guarded):
    client = guarded(token=TOKEN, local=False)
    assert client.get("/healthz").status_code == 200
    for path in ("/", "/v1/model", "/metrics", "/openapi.json"):
        refused = client.get(path)
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic")
        assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
        assert client.get(path, headers={"Authorization": "Basic &&&"}).status_code == 401
    assert client.get("/healthz", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics", auth=("anybody", TOKEN)).status_code == 200
    paths = client.get("/openapi.json", auth=("anybody", TOKEN)).json()["paths"]
    assert {path: "security" in next(iter(known.values())) for path, known in paths.items()} == {
        **dict.fromkeys(("/v1/predict", "/v1/model", "/metrics"), True),
        "/healthz": False,
    }


def test_other_hosts_and_pages_of_other_sites_are_refused(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost.evil.example:80"}).status_code == 421
    for host in ("localhost:8000", "127.0.0.1", "127.0.0.2:80", "[::1]:80", "[::1]"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    assert client.post("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_body_that_is_too_large_is_refused_however_it_comes(guarded):
    client = guarded(Limits(body=1_000_000))
    assert client.post("/v1/predict", content=bytes(1_000_001)).status_code == 413
    pieces = (bytes(100_000) for _ in range(11))  # has no Content-Length
    refused = client.post("/", content=pieces)
    assert refused.status_code == 413
    assert_tells(refused.text, "1 MB")
    assert refused.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (415, {"content": b"x", "headers": {"Content-Type": "image/png"}}),
        (415, {"content": b"x"}),
        (422, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        (422, {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}),
        (422, {"content": b"--a\r\n\r\nx\r\n--a--", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}),
        (422, {"files": [("others", ("x", b"x"))]}),
        (422, {"files": [("pictures", ("x", b"x"))] * 17}),
        (422, {"data": {"pictures": "text"}, "files": [("none", ("", b""))]}),
        (422, {"json": {"pictures": []}}),
        (422, {"json": {"pictures": [{"data": "AAAA"}], "heat_map": 1}}),
        (422, {"json": {"pictures": [{"data": "&&&&"}]}}),
        (422, {"json": {"pictures": [{"data": "AAAA"}], "more": 1}}),
        (422, {"json": {"pictures": [{"data": "AAAA"}] * 17}}),
        (422, {"content": b"\xff{", "headers": {"Content-Type": "application/json"}}),
    ],
)
def test_requests_that_hold_no_pictures_are_refused_with_a_reason(client, status, options):
    refused = client.post("/v1/predict", **options)
    assert refused.status_code == status and refused.json()["detail"]
    page = client.post("/", **options)
    assert page.status_code == status and page.headers["content-type"].startswith("text/html")


def test_a_form_asks_for_heat_maps_by_true_or_false_alone(client, strangers):
    files = [("pictures", ("x", strangers[0].read_bytes()))]
    for word, status in (("true", 200), ("False", 200), ("{}", 422), ("", 422)):
        assert client.post("/v1/predict", files=files, data={"heat_map": word}).status_code == status


def test_files_that_are_no_pictures_get_a_fault(client):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}.png", b"")
    for data in (b"", b"\xff\xd8\xff", buffer.getvalue(), b"%PDF-1.4", bytes(1000)):
        (one,) = client.post("/v1/predict", files=[("pictures", ("x", data))]).json()["results"]
        assert one["fault"] and one["probabilities"] is None


def test_no_body_reaches_a_disk(client, monkeypatch, strangers):
    def refuse(*words, **options):
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    monkeypatch.setattr(tempfile, "_mkstemp_inner", refuse)
    large = strangers[0].read_bytes() + bytes(5_000_000)  # Starlette keeps a megabyte in memory
    assert client.post("/v1/predict", files=[("pictures", ("x", large))]).status_code == 200


def test_addresses_that_ask_too_often_are_told_when_to_come_again(guarded):
    client = guarded(Limits(rate=1))
    found = [client.get("/page.css") for _ in range(6)]
    assert [one.status_code for one in found] == [200] * 5 + [429]
    assert found[-1].headers["retry-after"] == "1"
    assert client.get("/healthz").status_code == 200


def test_permits_come_back_with_time_and_addresses_are_forgotten():
    moment = [0.0]
    rates = Rates(2, now=lambda: moment[0])
    assert [rates.wait_for("a") for _ in range(11)] == [0] * 10 + [0.5]
    assert rates.wait_for("b") == 0
    moment[0] = 0.5
    assert [rates.wait_for("a"), rates.wait_for("a")] == [0, 0.5]
    for number in range(20_000):
        rates.wait_for(str(number))
    assert len(rates._buckets) == 10_000


def test_requests_beyond_the_queue_are_told_to_come_again(guarded):
    client = guarded(Limits(waiting=0))
    refused = client.post("/v1/predict", files=[("pictures", ("x", b"x"))])
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert client.get("/").status_code == 200


def test_bodies_that_take_too_much_memory_together_are_told_to_come_again(guarded):
    client = guarded(Limits(memory=1000))
    for _ in range(2):  # the first is forgotten
        refused = client.post("/v1/predict", content=bytes(1001))
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert client.post("/v1/predict", content=bytes(999)).status_code == 415


def test_a_body_that_does_not_end_is_given_up_and_a_client_that_is_gone_gets_no_answer(served):
    said = asyncio.run(send_half(served, [{"type": "http.request", "body": b"--", "more_body": True}]))
    assert said[0]["status"] == 408 and (b"connection", b"close") in said[0]["headers"]
    assert asyncio.run(send_half(served, [{"type": "http.disconnect"}])) == []


async def send_half(served, messages):
    """Send the beginning of a request, then nothing; return what is answered."""
    said, guard = [], make_app(served[0], Limits(read_seconds=0.05))

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(10)

    async def send(message):
        said.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": headers, "client": ("a", 1)}
    await guard(scope, receive, send)
    assert (guard._held, guard.inside) == (0, 0)
    return said


def test_an_address_that_others_reach_needs_a_token(monkeypatch):
    from pxr_tf.deploy.service.run import read_token

    monkeypatch.delenv("PXR_TOKEN", raising=False)
    assert read_token("127.0.0.1") is None and read_token("::1") is None and read_token("localhost") is None
    for host in ("0.0.0.0", "192.168.0.1", "::", "example.org"):
        with pytest.raises(PxrError) as refused:
            read_token(host)
        assert_tells(str(refused.value), host, "PXR_TOKEN", "16")
    monkeypatch.setenv("PXR_TOKEN", "short")
    with pytest.raises(PxrError) as refused:
        read_token("127.0.0.1")
    assert_tells(str(refused.value), "PXR_TOKEN", any_of("5 letters"), "16")
    monkeypatch.setenv("PXR_TOKEN", TOKEN)
    assert read_token("0.0.0.0") == TOKEN


def test_a_port_in_use_is_told_in_one_line():
    from pxr_tf.deploy.service.run import open_port

    with open_port("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PxrError) as refused:
            open_port("127.0.0.1", port)
    assert_tells(str(refused.value), str(port), any_of("in use"), "--port")
