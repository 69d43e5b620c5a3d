"""The HTTP side of the simulated carrier."""

import http.client
import json

import pytest

from tests.carriers.conftest import Carrier

pytestmark = pytest.mark.live


def raw(carrier: Carrier, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
    """Status, content type and body of a request with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", carrier.http_port, timeout=10)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    connection.close()
    return found


@pytest.mark.parametrize("number", ["13800138000", "8613800138000", "+8613800138000", "%2B8613800138000"])
def test_phone_is_found_by_every_spelling(carrier: Carrier, number: str) -> None:
    mine = carrier.get(f"/phones/{number}/messages?sent=1")
    assert mine == carrier.get("/phones/8613800138000/messages?sent=1")


def test_what_a_phone_sent_is_listed_on_demand_only(carrier: Carrier) -> None:
    carrier.http("POST", "/phones/13600136000/messages", {"to": "8878", "text": "<b>1</b>"})
    assert carrier.get("/phones/13600136000/messages") == []
    (sent,) = carrier.get("/phones/13600136000/messages?sent=1")
    assert (sent["from"], sent["to"], sent["text"], sent["sent"]) == ("8613600136000", "8878", "<b>1</b>", True)
    assert carrier.get("/phones")[0] == {"number": "8613600136000", "messages": 1}


@pytest.mark.parametrize(
    "method, path, body, status, why",
    [
        ("GET", "/phones/alice/messages", None, 400, "not a phone number"),
        ("POST", "/phones/13800138000/messages", {"to": "8878"}, 400, "text: Field required"),
        ("POST", "/phones/13800138000/messages", {"to": "alice", "text": "x"}, 400, "to: "),
        ("POST", "/phones/13800138000/messages", {"to": "8878", "text": ""}, 400, "text: "),
        ("POST", "/phones/13800138000/messages", {"to": "8878", "text": "x" * 1001}, 400, "text: "),
        ("POST", "/phones/13800138000/messages", {"to": "8878", "text": "x", "no": 1}, 400, "no: "),
        ("POST", "/phones/13800138000/messages", [], 400, "body: "),
        ("POST", "/phones/13800138000/messages", {"to": "8878", "text": "x" * 99_999}, 413, ""),
        ("PUT", "/ismg/faults", {"drop_answers": 2}, 400, "drop_answers: "),
        ("PATCH", "/ismg/faults", {"nonsense": 2}, 400, "nonsense: "),
        ("GET", "/ismg/submits?after=-1", None, 400, "after: "),
        ("GET", "/ismg/submits?limit=10001", None, 400, "limit: "),
        ("GET", "/nothing", None, 404, "Not Found"),
        ("DELETE", "/ismg/faults", {}, 405, "Method Not Allowed"),
    ],
)
def test_errors_say_what_is_wrong(
    carrier: Carrier, method: str, path: str, body: object, status: int, why: str
) -> None:
    found, answer = carrier.http(method, path, body)
    assert (found, list(answer)) == (status, ["error"])
    assert why in answer["error"]


def test_faults_are_replaced_changed_and_read(carrier: Carrier) -> None:
    carrier.faults(max_per_s=7, report_stat="EXPIRED")
    carrier.http("PATCH", "/ismg/faults", {"drop_answers": 0.5})
    faults = carrier.get("/ismg/faults")
    assert (faults["max_per_s"], faults["report_stat"], faults["drop_answers"]) == (7, "EXPIRED", 0.5)
    carrier.faults()
    assert carrier.get("/ismg/faults")["max_per_s"] == 0


def test_other_sites_are_kept_out(carrier: Carrier) -> None:
    path, body = "/phones/13800138000/messages", json.dumps({"to": "8878", "text": "x"}).encode()
    here = f"127.0.0.1:{carrier.http_port}"
    as_json = {"Content_Type": "application/json"}
    assert raw(carrier, "POST", path, body, Host=here, Origin=f"http://{here}", **as_json)[0] == 202
    assert raw(carrier, "POST", path, body, Host=here, Origin="http://evil.example", **as_json)[0] == 403
    assert raw(carrier, "POST", path, body, Host=here, Origin="null", **as_json)[0] == 403
    assert raw(carrier, "POST", path, body, Host=here, Content_Type="text/plain")[0] == 415
    assert raw(carrier, "POST", path, body, Host=here)[0] == 415
    assert raw(carrier, "GET", path, Host="evil.example")[0] == 403  # DNS rebinding
    assert raw(carrier, "GET", path, Host="evil.example:x[")[0] == 403
    assert raw(carrier, "GET", path, Host="localhost:10081")[0] == 200
    assert raw(carrier, "PUT", "/ismg/faults", b"{}", Host=here, Content_Type="text/plain")[0] == 415


def test_page_comes_in_the_readers_language(carrier: Carrier) -> None:
    status, kind, text = raw(carrier, "GET", "/", Accept_Language="en")
    assert (status, kind.partition(";")[0]) == (200, "text/html")
    assert "Simulated phones" in text
    assert "模拟手机" in raw(carrier, "GET", "/?lang=zh", Accept_Language="en")[2]


def test_live_feed_begins_with_the_phones_and_goes_on_with_messages(carrier: Carrier) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", carrier.http_port, timeout=10)
    connection.request("GET", "/live")
    feed = connection.getresponse()
    assert feed.readline() == b"event: phones\n"
    json.loads(feed.readline().removeprefix(b"data: "))
    feed.readline()
    carrier.http("POST", "/phones/13500135000/messages", {"to": "8878", "text": "</script>\n\ndata: x"})
    assert feed.readline() == b"event: messages\n"
    (message,) = json.loads(feed.readline().removeprefix(b"data: "))
    assert (message["phone"], message["text"]) == ("8613500135000", "</script>\n\ndata: x")
    connection.close()
