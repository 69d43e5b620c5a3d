"""The HTTP link alone, against sockets that do what they like."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report
from mail2sms.links.http import HttpLink
from mail2sms.segment import Segment, coding_of
from mail2sms.settings.http import HttpLinkSettings

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"1"}'
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Seen:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[tuple[LinkState, str]] = []
        self.answers: dict[int, Answer] = {}

    def changed(self, state: LinkState, why: str) -> None:
        self.states.append((state, why))

    def answered(self, tag: int, answer: Answer) -> None:
        assert tag not in self.answers, "answered twice"
        self.answers[tag] = answer

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        raise AssertionError

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        raise AssertionError

    @property
    def state(self) -> LinkState | None:
        return self.states[-1][0] if self.states else None


class Peer:
    """Answers each connection's requests in turn with what stands in ``script``; the last stands for all later ones.

    An entry is octets, or one of: "cut" the connection before the answer, "hang".
    """

    def __init__(self, *script: bytes | str) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(v) for k, _, v in (x.partition(b":") for x in head.lower().split(b"\r\n"))
                               if k == b"content-length"), 0)  # fmt: skip
                self.requests.append(head + await reader.readexactly(length))
                step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if step == "cut":
                    break
                if step == "hang":
                    await asyncio.sleep(30)
                assert isinstance(step, bytes)
                writer.write(step)
                if b"connection: close" in step.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


class Run:
    """A link that runs against a peer."""

    def __init__(self, link: HttpLink, seen: Seen) -> None:
        self.link, self.seen = link, seen
        self._tag = 0

    async def until(self, what: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not what():  # noqa: ASYNC110  it looks at whatever the test names
                await asyncio.sleep(0.01)

    async def up(self) -> None:
        await self.until(lambda: self.link.capacity)

    def hand_over(self, text: str = "hello", to: str = "8613800138000") -> int:
        self._tag += 1
        answer = self.link.submit(self._tag, MtPart(to=to, segment=Segment(text=text, coding=coding_of(text))))
        if answer is not None:
            self.seen.answered(self._tag, answer)
        return self._tag

    async def send(self, text: str = "hello") -> Answer:
        tag = self.hand_over(text)
        await self.until(lambda: tag in self.seen.answers)
        return self.seen.answers[tag]


def settings(port: int, **more: Any) -> HttpLinkSettings:
    values = {
        "url": f"http://127.0.0.1:{port}/send",
        "fields": {"to": "{to}", "text": "{text}", "ref": "{id}"},
        "whole_messages": True,
        "answer": {"id": "id"},
        "reconnect_s": 0.02,
        "reconnect_max_s": 0.05,
        "refused_s": 0.2,
        "answer_s": 0.5,
        "connect_s": 2.0,
    }
    return HttpLinkSettings.model_validate(values | more)


def play(
    peer: Handler, scenario: Callable[[Run], Awaitable[None]], tls: ssl.SSLContext | None = None, **more: Any
) -> None:
    """Run ``scenario`` with a link to ``peer``."""

    async def main() -> None:
        server = await asyncio.start_server(peer, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        given = {
            key: value.replace("PORT", str(port)) if isinstance(value, str) else value for key, value in more.items()
        }
        seen = Seen()
        link = HttpLink("web", settings(port, **given), "CN")
        task = asyncio.create_task(link.run(seen, 0.5))
        try:
            await scenario(Run(link, seen))
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])
            server.close()

    asyncio.run(main())


# --- the plain way


def test_one_connection_serves_many() -> None:
    peer = Peer(OK)

    async def scenario(run: Run) -> None:
        await run.up()
        assert run.link.capacity == 16
        for _ in range(5):
            assert await run.send() == Answer(outcome=Outcome.ACCEPTED, ref="1")
        assert run.link.notes == {"last_answer": "HTTP 200", "failures": "0"}

    play(peer, scenario)
    assert peer.connections == 2  # to see whether it can be reached, and for the requests
    assert b"accept-encoding: identity" in peer.requests[0].lower()


def test_more_than_the_window_is_not_sent() -> None:
    async def scenario(run: Run) -> None:
        await run.up()
        tags = [run.hand_over() for _ in range(3)]
        assert run.seen.answers[tags[2]].outcome is Outcome.UNSENT
        await run.until(lambda: len(run.seen.answers) == 3)
        assert [run.seen.answers[tag].outcome for tag in tags[:2]] == [Outcome.LOST] * 2

    play(Peer("hang"), scenario, window=2)


def test_what_cannot_be_written_is_refused() -> None:
    async def scenario(run: Run) -> None:
        await run.up()
        answer = await run.send("😀 secret")
        assert answer == Answer(outcome=Outcome.REFUSED, result="cannot be sent: not in gbk")
        assert run.link.capacity

    play(Peer(OK), scenario, body="form", charset="gbk")


# --- what goes wrong


@pytest.mark.parametrize("method, body", [("GET", "query"), ("PUT", "json"), ("POST", "json")])
@pytest.mark.parametrize("warm", [False, True])
def test_a_cut_connection_is_in_doubt_and_nothing_is_sent_twice(method: str, body: str, warm: bool) -> None:
    """Also on a connection that served before, after which HTTP clients like to try again by themselves."""
    peer = Peer(OK, "cut", OK) if warm else Peer("cut", OK)

    async def scenario(run: Run) -> None:
        await run.up()
        if warm:
            await run.send("first")
        answer = await run.send("second")
        assert (answer.outcome, answer.result) == (Outcome.LOST, "the connection ended before the answer")
        assert run.link.capacity
        assert (await run.send("third")).outcome is Outcome.ACCEPTED

    play(peer, scenario, method=method, body=body)
    assert sum(b"second" in request for request in peer.requests) == 1


@pytest.mark.parametrize(
    "answer, outcome, says",
    [
        ("hang", Outcome.LOST, "no answer in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Outcome.LOST, "no answer in time"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{", Outcome.LOST, "ClientPayloadError"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"{" * 70_000, Outcome.LOST, "more than 65536 octets"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome.LOST, "no HTTP answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Outcome.LOST, "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", Outcome.LOST, "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", Outcome.LOST, "neither code nor id|unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", Outcome.LOST, "unreadable"),
        (b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n", Outcome.LOST, "HTTP 500"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", Outcome.BUSY, "HTTP 503"),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", Outcome.REFUSED, "HTTP 400"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", Outcome.UNSENT, "HTTP 404"),
        (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Outcome.UNSENT, "HTTP 302"),
    ],
)  # fmt: skip
def test_answers_that_are_none(answer: bytes | str, outcome: Outcome, says: str) -> None:
    async def scenario(run: Run) -> None:
        await run.up()
        found = await run.send()
        assert found.outcome is outcome
        assert any(word in found.result for word in says.split("|")), found.result
        # Three such in a row end it, or one; it comes back by itself.
        await run.until(lambda: run.link.capacity or run.seen.state is LinkState.DOWN)
        await run.up()

    play(Peer(answer), scenario)


def test_nobody_listens() -> None:
    """Nothing was written, so nothing is in doubt; and the link is back when somebody listens again."""

    async def main() -> None:
        peer = Peer(OK)
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        run = Run(HttpLink("web", settings(port, failures=2), "CN"), Seen())
        task = asyncio.create_task(run.link.run(run.seen, 0.5))
        await run.up()
        server.close()
        await server.wait_closed()
        answers = [await run.send(), await run.send()]
        assert [answer.outcome for answer in answers] == [Outcome.UNSENT] * 2
        assert "refused" in answers[0].result.lower() or "connect" in answers[0].result.lower()
        assert run.link.capacity == 0
        await run.until(lambda: sum(state is LinkState.DOWN for state, _ in run.seen.states) > 3)
        server = await asyncio.start_server(peer, "127.0.0.1", port)
        await run.up()
        assert run.link.capacity == 16  # it was not the requests that failed
        assert (await run.send()).outcome is Outcome.ACCEPTED
        task.cancel()
        await asyncio.wait([task])
        server.close()

    asyncio.run(main())


def test_no_such_host() -> None:
    async def scenario(run: Run) -> None:
        await run.until(lambda: len(run.seen.states) > 3)
        assert run.seen.states[1][0] is LinkState.DOWN
        assert run.hand_over() in run.seen.answers

    play(Peer(OK), scenario, url="http://no-such-host.invalid:PORT/send")


SAMPLES = (
    OK,
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"
    b'{"id":"1"}\r\n0\r\n\r\n',
    b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: x\r\nConnection: close\r\n\r\n<html>",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
)


def _mutated(random: Random, octets: bytes) -> bytes:
    found = bytearray(octets)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(found) + 1)
        match random.randrange(5):
            case 0:
                found[at:at] = random.randbytes(random.randint(1, 8))
            case 1:
                del found[at : at + random.randint(1, 20)]
            case 2:
                found[at : at + 1] = random.choice([b"\0", b"\r\n", b"\n", b"\xff", b":", b" ", b"-1", b"9" * 30])
            case 3:
                found = found[:at]
            case 4:
                found += found[:at]
    return bytes(found)


def test_mutated_answers_stop_nothing() -> None:
    """Whatever an answer looks like: one outcome for each message, and the next good answer is taken."""
    random = Random(20261123)
    peer = Peer(OK)

    async def scenario(run: Run) -> None:
        outcomes = set()
        for number in range(150):
            await run.up()
            peer.script = [_mutated(random, random.choice(SAMPLES)), OK]
            outcomes.add((await run.send(f"text {number}")).outcome)
        await run.until(lambda: run.link.capacity)
        while (await run.send("last")).outcome is not Outcome.ACCEPTED:  # octets left over from before may spoil one
            await run.up()
        assert {Outcome.ACCEPTED, Outcome.LOST} <= outcomes

    play(peer, scenario, answer_s=0.05, failures=2)
    sent = [request for request in peer.requests if b'"text 7"' in request]
    assert len(sent) == 1


# --- up and down


def test_failures_in_a_row_end_it_and_one_message_tries_it_out() -> None:
    failed = b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"
    peer = Peer(failed, OK, failed, failed, failed, failed, OK)

    async def scenario(run: Run) -> None:
        await run.up()
        outcomes = [(await run.send()).outcome for _ in range(2)]
        assert run.link.capacity == 16  # one failure, then one that went well
        outcomes += [(await run.send()).outcome for _ in range(3)]
        assert run.link.capacity == 0
        assert outcomes == [Outcome.LOST, Outcome.ACCEPTED, *[Outcome.LOST] * 3]
        await run.up()
        assert (run.link.capacity, run.seen.states[-1]) == (1, (LinkState.CONNECTING, "one message tries it out"))
        assert (await run.send()).outcome is Outcome.LOST
        assert run.link.capacity == 0
        await run.up()
        tag = run.hand_over()
        assert run.link.capacity == 0  # the others go elsewhere meanwhile
        assert run.seen.answers[run.hand_over()].outcome is Outcome.UNSENT
        await run.until(lambda: tag in run.seen.answers)
        await run.until(lambda: run.seen.state is LinkState.UP)
        assert run.link.capacity == 16

    play(peer, scenario)


def test_refused_credentials_do_not_hammer(tmp_path: Path) -> None:
    token = tmp_path / "token"
    peer = Peer(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    async def scenario(run: Run) -> None:
        await run.until(lambda: run.seen.states)
        assert run.link.capacity == 0
        await run.until(lambda: run.seen.state is LinkState.REFUSED)
        assert "secret cannot be read" in run.seen.states[-1][1]
        token.write_text("wrong\n")
        await run.up()
        tags = [run.hand_over() for _ in range(8)]
        await run.until(lambda: len(run.seen.answers) == 8)
        assert {run.seen.answers[tag].outcome for tag in tags} == {Outcome.UNSENT}
        asked = len(peer.requests)
        await run.until(lambda: run.seen.state is LinkState.REFUSED)
        assert run.seen.states[-1][1] == "HTTP 401; next try in 0 s"
        token.write_text("right\n")
        await run.up()
        assert run.link.capacity == 1
        assert len(peer.requests) == asked
        peer.script = [OK]
        assert (await run.send()).outcome is Outcome.ACCEPTED
        assert b"Bearer right" in peer.requests[-1]

    play(peer, scenario, headers={"Authorization": "Bearer {token}"}, token_file=str(token))


def test_a_pause_that_is_asked_for() -> None:
    peer = Peer(b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", OK)

    async def scenario(run: Run) -> None:
        await run.up()
        assert (await run.send()).outcome is Outcome.BUSY
        assert run.link.capacity == 0
        await run.until(lambda: run.seen.state is LinkState.DOWN)
        assert run.seen.states[-1][1] == "it asks for a pause of 1 s"
        began = asyncio.get_running_loop().time()
        await run.up()
        assert asyncio.get_running_loop().time() - began > 0.8
        assert run.link.capacity == 16

    play(peer, scenario)


def test_an_idle_link_sees_that_nobody_is_there() -> None:
    async def main() -> None:
        server = await asyncio.start_server(Peer(OK), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        run = Run(HttpLink("web", settings(port, idle_s=0.1), "CN"), Seen())
        task = asyncio.create_task(run.link.run(run.seen, 0.5))
        await run.up()
        server.close()
        await run.until(lambda: run.seen.state is LinkState.DOWN)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())


def test_stopping_takes_the_answers_that_are_on_their_way() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.2)
            writer.write(OK)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def scenario(run: Run) -> None:
        await run.up()
        run.hand_over()

    seen: list[Seen] = []

    async def main() -> None:
        for answer in (slow, Peer("hang")):
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            run = Run(HttpLink("web", settings(server.sockets[0].getsockname()[1], answer_s=30), "CN"), Seen())
            seen.append(run.seen)
            task = asyncio.create_task(run.link.run(run.seen, 0.5))
            await scenario(run)
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            server.close()

    asyncio.run(main())
    assert [one.answers[1].outcome for one in seen] == [Outcome.ACCEPTED, Outcome.LOST]


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_tls_is_checked(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)

    async def fine(run: Run) -> None:
        await run.up()
        assert (await run.send()).outcome is Outcome.ACCEPTED

    async def refused(run: Run) -> None:
        await run.until(lambda: run.seen.state is LinkState.DOWN)
        assert "CERTIFICATE_VERIFY_FAILED" in run.seen.states[-1][1]

    async def unreadable(run: Run) -> None:
        await run.until(lambda: run.seen.state is LinkState.REFUSED)
        assert "no certificate can be read" in run.seen.states[-1][1]

    play(Peer(OK), fine, tls, url="https://localhost:PORT/send", ca_file=str(cert))
    play(Peer(OK), refused, tls, url="https://localhost:PORT/send")
    play(Peer(OK), refused, tls, url="https://127.0.0.1:PORT/send", ca_file=str(cert))
    play(Peer(OK), unreadable, tls, url="https://localhost:PORT/send", ca_file="/nowhere")


def test_nothing_secret_is_in_what_people_see(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret-password\n")
    says = b'{"error": "s3cret-password is wrong for 8613800138000"}'
    answer = b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(says), says)
    seen: list[str] = []

    async def scenario(run: Run) -> None:
        for script in ([answer], ["cut"], ["hang"], [b"junk\r\n\r\n"]):
            await run.up()
            peer.script = list(script)
            seen.append((await run.send()).result)
        seen.extend(why for _, why in run.seen.states)

    peer = Peer(OK)
    fields = {"password": "{password}", "to": "{to}", "t": "{text}"}
    how = {"id": "id", "error": "error"}
    play(peer, scenario, method="GET", body="query", fields=fields, password_file=str(secret), answer=how)
    text = "\n".join([*seen, caplog.text])
    assert "HTTP 400 … is wrong for …" in text
    assert "s3cret" not in text
    assert "13800138000" not in text
