"""The simulated HTTP provider over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bench.stack import free_port, wait_for

pytestmark = pytest.mark.live

SECRET = "provider-secret-0123456789"
PHONE = "8613800138000"


class Client:
    """A server for callbacks."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.calls.append((self.command, self.path, dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _take

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/callback/x"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Provider:
    """The process, and requests to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.http_port, self.cmpp_port = free_port(), free_port(), free_port()
        (folder / "secret").write_text(SECRET + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "state")]
        command += ["--cmpp-port", str(self.cmpp_port), "--http-port", str(self.http_port)]
        command += ["--secret-file", str(self.folder / "secret"), "--provider-port", str(self.port), *more]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert f"provider=127.0.0.1:{self.port}".encode() in self._process.stdout.readline()

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(how)
        self._process.stdout.close()
        return self._process.wait(20)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def sendsms(self, **fields: str) -> tuple[int, str]:
        given = {"username": "caiyou", "password": SECRET, "from": "10658", "to": PHONE, **fields}
        return self.ask("GET", "/cgi-bin/sendsms?" + urlencode(given))

    def bearer(self, fields: Any, token: str = SECRET) -> tuple[int, str]:
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        return self.ask("POST", "/v1/messages", body, Authorization=f"Bearer {token}", Content_Type="application/json")

    def signed(self, fields: Any, *, nonce: str = "n", stamp: str = "", key: str = SECRET) -> tuple[int, str]:
        body = json.dumps(fields).encode()
        stamp = stamp or str(int(time.time()))
        payload = f"POST\n/api/sms\n{stamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
        signature = hmac.new(key.encode(), payload.encode(), "sha256").hexdigest()
        return self.ask(
            "POST", "/api/sms", body, X_Key_Id="caiyou", X_Timestamp=stamp, X_Nonce=nonce, X_Signature=signature
        )

    def control(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own
            return json.load(answer)

    def faults(self, **faults: Any) -> None:
        self.control("PUT", "/provider/faults", faults)

    def submits(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "/provider/submits")
        return found

    def texts(self) -> list[str]:
        return [message["text"] for message in self.control("GET", f"/phones/{PHONE}/messages")]


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.close()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    made.start()
    yield made
    made.stop()


def test_kannel(provider: Provider, client: Client) -> None:
    url = f"{client.url}?id=7&status=%d&stat=%A"
    assert provider.sendsms(text="你好", coding="2", charset="UTF-8", **{"dlr-mask": "19", "dlr-url": url}) == (
        202, "0: Accepted for delivery",
    )  # fmt: skip
    wait_for(lambda: client.calls)
    method, path, _, _ = client.calls[0]
    assert (method, parse_qs(urlsplit(path).query)) == ("GET", {"id": ["7"], "status": ["1"], "stat": ["DELIVRD"]})
    assert provider.texts() == ["你好"]
    assert provider.sendsms(text="x", password="wrong") == (403, "Authorization failed for sendsms")
    assert provider.sendsms(text="x", to="abc")[0] == 403
    assert provider.sendsms(text="x", udh="\x05\x00")[0] == 400
    assert provider.sendsms(text="x", charset="nope")[0] == 400
    for number in (2, 1):
        assert provider.sendsms(text=f"part{number}", udh=f"\x05\x00\x03\x07\x02{chr(number)}")[0] == 202
    assert provider.texts() == ["你好", "part1part2"]
    provider.control("POST", f"/phones/{PHONE}/messages", {"to": "10658", "text": "a+b", "carrier": "provider"})
    wait_for(lambda: len(client.calls) == 2)
    fields = parse_qs(urlsplit(client.calls[1][1]).query)
    assert (fields["kind"], fields["from"], fields["text"]) == (["mo"], [PHONE], ["a+b"])


def test_bearer_json(provider: Provider, client: Client) -> None:
    status, text = provider.bearer({"to": f"+{PHONE}", "from": "10658", "text": "hi", "callback_url": client.url})
    assert status == 201
    wait_for(lambda: client.calls)
    _, _, headers, body = client.calls[0]
    assert json.loads(body) == {"type": "report", "id": json.loads(text)["id"], "status": "DELIVRD", "to": PHONE}
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert provider.bearer({}, "wrong")[0] == 401
    junk: Any
    for junk in ({}, [], b"{", {"to": 5, "text": "x"}, {"to": PHONE, "text": ""}, {"to": PHONE, "text": "x" * 2001}):
        assert provider.bearer(junk)[0] == 400
    assert provider.bearer({"to": "12", "text": "x"})[0] == 422


def test_hmac(provider: Provider, client: Client) -> None:
    fields = {"to": PHONE, "from": "10658", "text": "hi", "callback_url": client.url}
    status, text = provider.signed(fields, nonce="a")
    assert (status, json.loads(text)["code"]) == (200, "0")
    assert json.loads(provider.signed(fields, nonce="a")[1])["code"] == "1001"  # the same once more
    assert json.loads(provider.signed(fields, nonce="b", key="wrong")[1])["code"] == "1001"
    assert json.loads(provider.signed(fields, nonce="c", stamp=str(int(time.time()) - 400))[1])["code"] == "1001"
    wait_for(lambda: client.calls)
    _, _, headers, body = client.calls[0]
    right = hmac.new(SECRET.encode(), headers["X-Timestamp"].encode() + b"\n" + body, "sha256").hexdigest()
    assert headers["X-Signature"] == right
    assert json.loads(body)["reports"][0]["id"] == json.loads(text)["data"]["id"]
    assert provider.texts() == ["hi"]


def test_faults(provider: Provider) -> None:
    message = {"to": PHONE, "text": "x"}
    provider.faults(status=503, retry_after_s=7)
    assert provider.bearer(message)[0] == 503
    provider.faults(status=500, taken=True)
    assert provider.bearer(message)[0] == 500
    assert [one["result"] for one in provider.submits()] == ["status 503", "accepted"]
    for kind, status in (("login", 401), ("busy", 429), ("number", 422), ("credit", 402)):
        provider.faults(refuse=kind)
        assert provider.bearer(message)[0] == status
    provider.faults(refuse="number", refuse_numbers=["13900139000"])
    assert provider.bearer(message)[0] == 201
    provider.faults(max_per_s=1)
    assert 429 in [provider.bearer(message)[0] for _ in range(3)]
    provider.faults(drop_answers=1.0)
    with pytest.raises((http.client.HTTPException, OSError)):
        provider.bearer(message)
    taken = len(provider.submits())
    provider.faults(drop_requests=1.0)
    with pytest.raises((http.client.HTTPException, OSError)):
        provider.bearer(message)
    assert len(provider.submits()) == taken
    provider.faults(accept_connections=False)
    wait_for(lambda: _refused(provider, message))
    provider.faults()
    wait_for(lambda: not _refused(provider, message))
    for answer, size in (("html", 40), ("empty", 0), ("huge", 4 << 20)):
        provider.faults(answer=answer)
        status, text = provider.bearer(message)
        assert (status, len(text) >= size) == (200, True)
    assert provider.ask("GET", "/nothing")[0] == 404


def _refused(provider: Provider, message: dict[str, str]) -> bool:
    try:
        provider.bearer(message)
    except ConnectionRefusedError:
        return True
    return False


def test_callbacks_that_are_not_taken_come_again(provider: Provider, client: Client) -> None:
    client.status = 503
    provider.bearer({"to": PHONE, "text": "x", "callback_url": client.url})
    wait_for(lambda: len(client.calls) >= 2)
    client.status = 200
    wait_for(lambda: provider.control("GET", "/provider/status")["callbacks_waiting"] == 0)
    assert len({body for _, _, _, body in client.calls}) == 1


def test_it_remembers_after_kill(provider: Provider) -> None:
    provider.bearer({"to": PHONE, "text": "kept"})
    provider.stop(signal.SIGKILL)
    provider.start()
    assert provider.texts() == ["kept"]
    assert [one["text"] for one in provider.submits()] == ["kept"]


def test_without_a_callback_no_message_from_a_handset(provider: Provider) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        provider.control("POST", f"/phones/{PHONE}/messages", {"to": "10658", "text": "x", "carrier": "provider"})
    assert error.value.code == 404
    error.value.close()
