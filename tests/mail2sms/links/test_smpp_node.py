"""An SMSC that nobody here wrote (npm's smpp) at the other end of the link."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mail2sms.links import LinkState, MtPart, Outcome, ReportState
from mail2sms.links.smpp import SmppLink
from mail2sms.segment import Segment, coding_of, split
from tests.mail2sms.links.cmpp_peer import Told, part, until
from tests.mail2sms.links.smpp_peer import NUMBER, PASSWORD, SRC_ID, SYSTEM_ID, settings_of

PEER = Path(__file__).parents[1] / "smpp_peer"
LONG = "彩邮" * 80


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its script, beside the packages that it needs."""
    folder = tmp_path_factory.mktemp("smpp_peer")
    for file in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(PEER / file, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(install, cwd=folder, check=True, timeout=120, capture_output=True)
    return folder / "server.js"


class Node:
    """The running SMSC, a link to it, and what both said."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.told = Told()
        self.pdus: list[dict[str, Any]] = []
        self.link: SmppLink

    def of(self, command: str) -> list[dict[str, Any]]:
        """PDUs of that command that it got."""
        return [pdu for pdu in self.pdus if pdu.get("command") == command]

    async def read(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.pdus.append(json.loads(line))


@asynccontextmanager
async def node(server: Path, folder: Path, *tls: Path, **settings: Any) -> AsyncIterator[Node]:
    """The SMSC, and a link that tries to be up."""
    command = ["node", str(server), SYSTEM_ID, PASSWORD, *map(str, tls)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    made = Node(int((await process.stdout.readline()).split()[1]))
    reading = asyncio.create_task(made.read(process.stdout))
    made.link = SmppLink("node", settings_of(made.port, folder, **({"message_id": "hex_to_dec"} | settings)))
    running = asyncio.create_task(made.link.run(made.told, 5.0))
    try:
        yield made
        running.cancel()
        await asyncio.wait([running])
    finally:
        running.cancel()
        process.kill()
        await process.wait()
        await reading
    assert not [pdu for pdu in made.pdus if "error" in pdu]


def _run(server: Path, folder: Path, script: Callable[[Node], Any], *tls: Path, **settings: Any) -> Node:
    async def run() -> Node:
        async with node(server, folder, *tls, **settings) as made:
            await until(lambda: made.told.saw(LinkState.UP))
            await script(made)
        return made

    return asyncio.run(run())


def _submit(made: Node, *parts: MtPart) -> None:
    for tag, one in enumerate(parts):
        assert made.link.submit(tag, one) is None


def _whole(text: str) -> MtPart:
    """As the gateway hands it to a link that wants long messages whole."""
    return MtPart(to=NUMBER, segment=Segment(text=text, coding=coding_of(text)))


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
def test_messages_out_receipts_and_answers_back(server: Path, tmp_path: Path, bind: str) -> None:
    valid = datetime.now(UTC) + timedelta(hours=5)
    parts = [
        part("mo STOP"),
        part("[hello] ~ world"),
        part("您有新邮件", urgent=True, valid_until=valid, src="106600001"),
    ]

    async def script(made: Node) -> None:
        if bind == "pair":
            await until(lambda: made.link.notes.get("receiver", "").startswith("up"))
        else:
            _submit(made, *parts)
            await until(lambda: len(made.told.reports) == 3 and made.told.mos)
            await until(lambda: len(made.of("deliver_sm_resp")) == 4)

    made = _run(server, tmp_path, script, bind=bind, system_type="CP")
    binds = [pdu for pdu in made.pdus if pdu["command"].startswith("bind")]
    assert {(pdu["system_id"], pdu["system_type"], pdu["interface_version"]) for pdu in binds} == {
        ("caiyou", "CP", 0x34)
    }
    assert made.of("unbind")
    if bind == "pair":
        assert {pdu["command"] for pdu in binds} == {"bind_transmitter", "bind_receiver"}
        return
    told, submits = made.told, made.of("submit_sm")
    assert {answer.outcome for answer in told.answers.values()} == {Outcome.ACCEPTED}
    assert [answer.ref for answer in told.answers.values()] == [report.ref for report in told.reports]
    assert {(r.state, r.stat) for r in told.reports} == {(ReportState.DELIVERED, "DELIVRD")}
    assert {abs(r.done_at - datetime.now(UTC)) < timedelta(minutes=2) for r in told.reports if r.done_at} == {True}
    assert [pdu["text"] for pdu in submits] == ["mo STOP", "[hello] ~ world", "您有新邮件"]
    assert [pdu["source"] for pdu in submits] == [[0, 1, SRC_ID], [0, 1, SRC_ID], [0, 1, "106600001"]]
    assert {tuple(pdu["dest"]) for pdu in submits} == {(1, 1, NUMBER)}
    assert [(pdu["data_coding"], pdu["priority_flag"], pdu["registered_delivery"]) for pdu in submits] == [
        (0, 0, 1),
        (0, 0, 1),
        (8, 1, 1),
    ]
    assert submits[0]["validity_period"] is None
    assert abs(datetime.fromisoformat(submits[2]["validity_period"]) - valid) < timedelta(seconds=10)
    assert [(mo.sender, mo.to, mo.text) for mo in told.mos] == [(f"+{NUMBER}", SRC_ID, "STOP")]
    assert {pdu["status"] for pdu in made.of("deliver_sm_resp")} == {0}


@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
@pytest.mark.parametrize("text", [LONG, "Latin [letters], " * 20])
def test_long_messages(server: Path, tmp_path: Path, long: str, text: str) -> None:
    parts = [MtPart(to=NUMBER, segment=segment) for segment in split(text, reference=77)]
    if long == "payload":
        parts = [_whole(text)]

    async def script(made: Node) -> None:
        _submit(made, *parts)
        await until(lambda: len(made.told.reports) == len(parts))

    made = _run(server, tmp_path, script, long=long)
    assert {answer.ref for answer in made.told.answers.values()} == {report.ref for report in made.told.reports}
    submits = made.of("submit_sm")
    assert "".join(pdu["text"] for pdu in submits) == text
    if long == "payload":
        assert [pdu["by"] for pdu in submits] == ["payload"]
        return
    places = [(77, len(parts), number) for number in range(1, len(parts) + 1)]
    if long == "sar":
        assert [tuple(pdu["sar"]) for pdu in submits] == places
        assert {pdu["esm_class"] for pdu in submits} == {0}
    else:
        assert {pdu["esm_class"] for pdu in submits} == {0x40}
        assert [bytes.fromhex(pdu["udh"])[-3:] for pdu in submits] == [bytes(place) for place in places]


@pytest.mark.parametrize(
    ("latin", "text"),
    [(1, "100% (of it)"), (3, "a [b] ~ $100"), (8, "a [b] ~ $100")],  # it reads 1, ASCII, as GSM's alphabet
)
def test_latin_texts(server: Path, tmp_path: Path, latin: int, text: str) -> None:
    async def script(made: Node) -> None:
        _submit(made, part(text))
        await until(lambda: made.told.reports)

    made = _run(server, tmp_path, script, latin=latin, long="payload")
    (submit,) = made.of("submit_sm")
    assert (submit["text"], submit["data_coding"]) == (text, latin)


@pytest.mark.parametrize("text", ["é [brackets] € and Ω", "彩邮" * 50, "a long one of Latin letters, " * 6])
def test_messages_from_handsets(server: Path, tmp_path: Path, text: str) -> None:
    count = -(-len(text) // 60) if len(text) > 60 else 1

    async def script(made: Node) -> None:
        _submit(made, _whole(f"mo {text}"))
        await until(lambda: len(made.told.mos) == count)
        await until(lambda: len([pdu for pdu in made.of("deliver_sm_resp") if "mo" in pdu]) == count)

    mos = _run(server, tmp_path, script, long="payload").told.mos
    assert "".join(mo.text for mo in sorted(mos, key=lambda mo: mo.number)) == text
    assert {(mo.sender, mo.to, mo.total) for mo in mos} == {(f"+{NUMBER}", SRC_ID, count)}


def test_flow_control_and_refusal(server: Path, tmp_path: Path) -> None:
    async def script(made: Node) -> None:
        _submit(made, part("throttle"), part("refuse"))
        await until(lambda: len(made.told.answers) == 2)

    told = _run(server, tmp_path, script).told
    assert [(answer.outcome, answer.result) for answer in told.answers.values()] == [
        (Outcome.BUSY, "58h ESME_RTHROTTLED"),
        (Outcome.REFUSED, "0Bh ESME_RINVDSTADR"),
    ]


def test_a_request_that_we_do_not_know(server: Path, tmp_path: Path) -> None:
    async def script(made: Node) -> None:
        _submit(made, part("ask"))
        await until(lambda: made.of("generic_nack"))

    assert _run(server, tmp_path, script).of("generic_nack")[0]["status"] == 3


def test_tests_of_the_link_and_its_end(server: Path, tmp_path: Path) -> None:
    async def script(made: Node) -> None:
        await until(lambda: len(made.of("enquire_link")) == 3)
        _submit(made, part("unbind"))
        await until(lambda: made.of("unbind_resp"))
        await until(lambda: [state for state, _ in made.told.states].count(LinkState.UP) == 2)

    assert _run(server, tmp_path, script, idle_s=0.05).told.saw(LinkState.DOWN, "the peer sent unbind")


def test_a_wrong_password(server: Path, tmp_path: Path) -> None:
    async def run() -> Node:
        (tmp_path / "wrong").write_text("another\n")
        async with node(server, tmp_path, secret_file=tmp_path / "wrong") as made:
            await until(lambda: made.told.saw(LinkState.REFUSED, "ESME_RINVPASWD"))
            await asyncio.sleep(0.3)
        return made

    assert len(asyncio.run(run()).of("bind_transceiver")) == 1


def test_over_tls(server: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "smsc.key", tmp_path / "smsc.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=smsc", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)

    async def script(made: Node) -> None:
        _submit(made, part("mo yes"))
        await until(lambda: made.told.reports and made.told.mos)

    made = _run(server, tmp_path, script, key, certificate, tls=True, tls_ca_file=certificate)
    assert made.of("unbind")
