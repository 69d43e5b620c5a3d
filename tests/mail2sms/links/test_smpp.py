"""An SMPP link against the simulated SMSC, in one process, and against a scripted one."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caiyou.errors import SettingsError
from mail2sms.links import LinkState, MtPart, Outcome, ReportState
from mail2sms.links.smpp import SmppLink
from mail2sms.segment import Segment, coding_of, split
from mail2sms.smpp.codes import Status
from mail2sms.smpp.pdu import (
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from tests.mail2sms.links.cmpp_peer import Told, part, until
from tests.mail2sms.links.smpp_peer import NUMBER, SRC_ID, Bench, Esme, bench, play, settings_of

LONG = "彩邮" * 80


def _parts(text: str, *, whole: bool = False) -> list[MtPart]:
    """As the gateway hands them over."""
    if whole:
        return [MtPart(to=NUMBER, segment=Segment(text=text, coding=coding_of(text)))]
    return [MtPart(to=NUMBER, segment=segment) for segment in split(text, reference=42)]


async def _up(made: Bench, **settings: Any) -> SmppLink:
    link = made.link(**settings)
    await until(lambda: made.told.saw(LinkState.UP))
    return link


def _submit(link: SmppLink, parts: list[MtPart]) -> None:
    for tag, one in enumerate(parts):
        assert link.submit(tag, one) is None


# --- messages out, receipts back


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
def test_a_message_and_its_receipt(tmp_path: Path, bind: str) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            link = await _up(made, bind=bind)
            told = made.told
            assert link.capacity == 16
            parts = [part("hello"), part("您有新邮件", urgent=True, src="106600001")]
            if bind == "pair":
                await until(lambda: link.notes.get("receiver", "").startswith("up"))
            _submit(link, parts)
            await until(lambda: len(told.reports) == 2)
            assert {answer.outcome for answer in told.answers.values()} == {Outcome.ACCEPTED}
            assert {answer.ref for answer in told.answers.values()} == {report.ref for report in told.reports}
            assert {(r.state, r.stat, r.to) for r in told.reports} == {(ReportState.DELIVERED, "DELIVRD", NUMBER)}
            assert all(abs(r.done_at - datetime.now(UTC)) < timedelta(minutes=2) for r in told.reports if r.done_at)
            assert [s["src_id"] for s in made.submits] == [SRC_ID, "106600001"]
            assert [s["priority_flag"] for s in made.submits] == [0, 1]
            assert [s["data_coding"] for s in made.submits] == [0, 8]
            assert made.shown == ["hello", "您有新邮件"]
            await until(lambda: made.smsc.counts["reports_answered"] == 2)
            await made.stop()
            assert link.capacity == 0
            assert made.smsc.counts["peertested"] == 0

    asyncio.run(run())


IDS = [
    ("as_is", "dec", "dec"),
    ("as_is", "HEX", "HEX"),
    ("folded", "hex", "padded"),
    ("folded", "padded", "hex"),
    ("hex_to_dec", "hex", "dec"),
    ("hex_to_dec", "padded", "dec"),
    ("dec_to_hex", "dec", "HEX"),
    ("dec_to_hex", "dec", "padded"),
]


@pytest.mark.parametrize(("form", "answer", "receipt"), IDS)
@pytest.mark.parametrize("by", ["text", "both", "tlv"])
def test_ids_in_any_form_meet(tmp_path: Path, form: str, answer: str, receipt: str, by: str) -> None:
    async def run() -> None:
        async with bench(tmp_path, id_in_answer=answer, id_in_receipt=receipt, receipt_by=by) as made:
            link = await _up(made, message_id=form)
            _submit(link, [part()])
            await until(lambda: made.told.reports)
            assert made.told.reports[0].ref == made.told.answers[0].ref != ""

    asyncio.run(run())


@pytest.mark.parametrize("by", ["both", "text", "tlv", "tlv_alone", "ucs2", "payload", "data_sm"])
@pytest.mark.parametrize("text", ["spec", "seconds", "short", "underscores", "upper", "blanks"])
def test_receipts_in_any_form(tmp_path: Path, by: str, text: str) -> None:
    async def run() -> None:
        stats = {NUMBER: "UNDELIV"}
        async with bench(tmp_path, receipt_by=by, receipt_text=text, report_stats=stats, intermediate=True) as made:
            link = await _up(made)
            _submit(link, [part("id:1 stat:DELIVRD err:000")])  # the receipt repeats what the message says
            await until(lambda: len(made.told.reports) == 2)
            assert [r.state for r in made.told.reports] == [ReportState.PENDING, ReportState.FAILED]
            assert {r.ref for r in made.told.reports} == {made.told.answers[0].ref}
            has_text = "tlv" not in by
            assert made.told.reports[1].stat == ("UNDELIV 006" if has_text or by == "both" else "UNDELIV")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        ("DELIVRD", ReportState.DELIVERED),
        ("EXPIRED", ReportState.EXPIRED),
        ("DELETED", ReportState.FAILED),
        ("ACCEPTD", ReportState.PENDING),
        ("REJECTD", ReportState.FAILED),
        ("UNKNOWN", ReportState.FAILED),
    ],
)
def test_what_became_of_it(tmp_path: Path, stat: str, state: ReportState) -> None:
    async def run() -> None:
        async with bench(tmp_path, report_stat=stat, report_empty_number=True) as made:
            _submit(await _up(made), [part()])
            await until(lambda: made.told.reports)
            assert (made.told.reports[0].state, made.told.reports[0].to) == (state, "")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "outcome", "elsewhere"),
    [
        (Status.RTHROTTLED, Outcome.BUSY, False),
        (Status.RMSGQFUL, Outcome.BUSY, False),
        (Status.RSYSERR, Outcome.BUSY, False),
        (Status.RX_T_APPN, Outcome.BUSY, False),
        (Status.RINVDSTADR, Outcome.REFUSED, False),
        (Status.RSUBMITFAIL, Outcome.REFUSED, False),
        (Status.RINVSRCADR, Outcome.REFUSED, True),
        (Status.RINVSERTYP, Outcome.REFUSED, True),
    ],
)
@pytest.mark.parametrize("nacked", [False, True])
def test_refusals(tmp_path: Path, status: Status, outcome: Outcome, elsewhere: bool, nacked: bool) -> None:
    async def run() -> None:
        async with bench(tmp_path, refuse_result=int(status), nack_share=float(nacked)) as made:
            link = await _up(made)
            _submit(link, [part()])
            await until(lambda: made.told.answers)
            answer = made.told.answers[0]
            assert (answer.outcome, answer.elsewhere, answer.ref) == (outcome, elsewhere, "")
            assert f"ESME_{status.name}" in answer.result
            assert answer.result.endswith("by generic_nack") is nacked
            assert link.capacity == 16

    asyncio.run(run())


def test_a_vendors_own_status(tmp_path: Path) -> None:
    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        peer = await peers.get()
        await peer.login()
        await until(lambda: told.saw(LinkState.UP))
        link.submit(0, part())
        await peer.take(status=0x427)
        await until(lambda: told.answers)

    answer = play(script, tmp_path).answers[0]
    assert (answer.outcome, answer.result) == (Outcome.REFUSED, "427h")


def test_a_login_the_smsc_forgot_is_made_again(tmp_path: Path) -> None:
    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        peer = await peers.get()
        await peer.login()
        await until(lambda: told.saw(LinkState.UP))
        for tag in range(3):
            link.submit(tag, part())
        await peer.take("7")
        await peer.take(status=Status.RINVBNDSTS)
        await (await peers.get()).login()
        await until(lambda: len(told.answers) == 3)

    told = play(script, tmp_path)
    assert [told.answers[tag].outcome for tag in range(3)] == [Outcome.ACCEPTED, Outcome.UNSENT, Outcome.LOST]
    assert told.saw(LinkState.DOWN, "04h ESME_RINVBNDSTS")


def test_an_account_that_may_not_send_does_not_hammer(tmp_path: Path) -> None:
    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        peer = await peers.get()
        await peer.login()
        await until(lambda: told.saw(LinkState.UP))
        link.submit(0, part())
        await peer.take(status=Status.RINVBNDSTS)
        await until(lambda: told.saw(LinkState.REFUSED, "04h ESME_RINVBNDSTS; next try in 300 s"))

    assert play(script, tmp_path).answers[0].outcome is Outcome.UNSENT


# --- long messages


@pytest.mark.parametrize(
    ("long", "by", "count"), [("udh", "short_message", 3), ("sar", "sar", 3), ("payload", "payload", 1)]
)
@pytest.mark.parametrize("text", [LONG, "a [long] text ~ of {Latin} letters | " * 10])
def test_long_messages(tmp_path: Path, long: str, by: str, count: int, text: str) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            link = await _up(made, long=long)
            assert link.whole is (long == "payload")
            parts = _parts(text, whole=link.whole)
            assert (len(parts) > 2) is (count > 1)
            _submit(link, parts)
            await until(lambda: len(made.told.answers) == len(made.told.reports) == len(parts))
            assert {answer.outcome for answer in made.told.answers.values()} == {Outcome.ACCEPTED}
            refs = {answer.ref for answer in made.told.answers.values()}
            assert len(refs) == len(parts)
            assert refs == {report.ref for report in made.told.reports}
            assert {submit["by"] for submit in made.submits} == {by}
            assert len(made.submits) == len(parts)
            assert made.shown == [text]
            assert link.capacity == 16

    asyncio.run(run())


@pytest.mark.parametrize(
    ("latin", "default", "data_coding"),
    [(0, "gsm", 0), (1, "gsm", 1), (3, "gsm", 3), (8, "gsm", 8)],
)
def test_latin_texts_as_the_smsc_wants_them(tmp_path: Path, latin: int, default: str, data_coding: int) -> None:
    text = "a@b [c] " * 13  # 104 letters: more than UCS2 holds in one message

    async def run() -> None:
        async with bench(tmp_path) as made:
            link = await _up(made, latin=latin, default_alphabet=default, long="payload")
            _submit(link, [part(text), part("hi")])
            await until(lambda: len(made.told.reports) == 2)
            assert [s["data_coding"] for s in made.submits] == [data_coding] * 2
            assert [s["by"] for s in made.submits] == ["payload" if latin == 8 else "short_message", "short_message"]
            assert made.shown == [text, "hi"]

    asyncio.run(run())


# --- messages from handsets


@pytest.mark.parametrize("by", ["udh", "sar", "payload", "data_sm"])
@pytest.mark.parametrize("text", ["STOP", "a [b] ~ 100%", "back`tick", LONG])
def test_messages_from_handsets(tmp_path: Path, by: str, text: str) -> None:
    async def run() -> None:
        async with bench(tmp_path, mo_by=by) as made:
            await _up(made)
            made.smsc.mo(NUMBER, "106600", text)
            count = 3 if text == LONG and by != "payload" else 1
            told = made.told
            await until(lambda: len(told.mos) == count)
            mos = sorted(told.mos, key=lambda mo: mo.number)
            assert "".join(mo.text for mo in mos) == text
            assert {(mo.sender, mo.to, mo.total) for mo in mos} == {(f"+{NUMBER}", "106600", count)}
            assert [mo.number for mo in mos] == list(range(1, count + 1))
            assert len({mo.ref for mo in mos}) == count
            assert len({mo.reference for mo in mos}) == 1
            await until(lambda: made.smsc.counts["mos_answered"] == count)

    asyncio.run(run())


def test_the_same_text_twice_is_two_messages_unless_it_was_not_acknowledged(tmp_path: Path) -> None:
    message = DeliverSm(source_addr="13800138000", destination_addr="10660", short_message=b"OK", data_coding=1)

    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        peer = await peers.get()
        await peer.login()
        for sequence_id in (1, 2):
            peer.send(message, sequence_id)
            await peer.read(DeliverSmResp)
        assert told.mos[0].ref != told.mos[1].ref
        told.takes = False  # Redis is away
        peer.send(message, 3)
        await until(lambda: len(told.mos) == 3)
        peer.close()
        await until(lambda: told.saw(LinkState.DOWN))
        told.takes = True
        peer = await peers.get()
        await peer.login()
        for sequence_id in (1, 2):
            peer.send(message, sequence_id)
            await peer.read(DeliverSmResp)
        told.done[2]()  # late, and nothing comes of it
        assert told.mos[3].ref == told.mos[2].ref
        assert len({mo.ref for mo in told.mos}) == 4

    assert len(play(script, tmp_path).mos) == 5


@pytest.mark.parametrize("kind", [DeliverSm, DataSm])
def test_nothing_is_acknowledged_before_it_is_recorded(tmp_path: Path, kind: type[DeliverSm | DataSm]) -> None:
    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        told.takes = False
        peer = await peers.get()
        await peer.login()
        peer.send(kind(source_addr="1", destination_addr="2", message_payload=b"hi"), 7)
        peer.send(kind(esm_class=4, receipted_message_id="7", message_state=2), 8)
        peer.send(EnquireLink(), 9)
        await peer.read(EnquireLinkResp)
        assert (len(told.mos), len(told.reports)) == (1, 1)
        told.done[1]()
        answer = DataSmResp if kind is DataSm else DeliverSmResp
        assert (await peer.read(answer))[:2] == (8, 0)
        told.done[0]()
        assert (await peer.read(answer))[:2] == (7, 0)

    play(script, tmp_path)


# --- the connection


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (Status.RINVPASWD, LinkState.REFUSED),
        (Status.RINVSYSID, LinkState.REFUSED),
        (Status.RBINDFAIL, LinkState.REFUSED),
        (0x401, LinkState.REFUSED),
        (Status.RALYBND, LinkState.DOWN),
        (Status.RTHROTTLED, LinkState.DOWN),
        (Status.RSYSERR, LinkState.DOWN),
    ],
)
def test_a_refused_login_does_not_hammer(tmp_path: Path, status: int, state: LinkState) -> None:
    count = 0

    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        nonlocal count
        await (await peers.get()).login(status)
        await until(lambda: told.saw(state))
        if state is LinkState.DOWN:
            await until(peers.qsize)
        else:
            await asyncio.sleep(0.3)
        count = peers.qsize()

    told = play(script, tmp_path, refused_s=60.0)
    assert not told.saw(LinkState.UP)
    assert bool(count) is (state is LinkState.DOWN)


def test_a_wrong_password(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            wrong = tmp_path / "wrong"
            wrong.write_text("another\n")
            made.link(secret_file=wrong)
            await until(lambda: made.told.saw(LinkState.REFUSED, "0Eh ESME_RINVPASWD; next try in 300 s"))
            made.link(system_id="nobody")
            await until(lambda: made.told.saw(LinkState.REFUSED, "0Fh ESME_RINVSYSID"))

    asyncio.run(run())


def test_a_missing_password_file_is_no_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            made.link(secret_file=tmp_path / "missing", refused_s=0.05)
            await until(lambda: made.told.saw(LinkState.REFUSED))
            (tmp_path / "missing").write_text("s3cret\n")
            await until(lambda: made.told.saw(LinkState.UP))

    asyncio.run(run())


def test_a_cut_leaves_a_doubt_and_the_link_comes_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path, disconnect_after=1) as made:
            link = await _up(made)
            _submit(link, [part()])
            await until(lambda: made.told.answers)
            assert made.told.answers[0].outcome is Outcome.LOST
            made.faults()
            await until(lambda: link.capacity)
            assert link.submit(1, part()) is None
            await until(lambda: len(made.told.answers) == 2)
            assert made.told.answers[1].outcome is Outcome.ACCEPTED

    asyncio.run(run())


def test_junk_costs_a_reconnect_at_most(tmp_path: Path) -> None:
    junk = [
        b"\xff" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("00000010 00010200 00000000 00000001"),
        bytes.fromhex("00000013 00000005 00000000 00000001 000000"),
        bytes.fromhex("00000010 80000000 00000003 00000000"),
        bytes.fromhex("00000010 80000004 00000000 000000ff"),
        bytes.fromhex("00000010 80000009 0000000e 00000001"),
    ]

    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        for number, octets in enumerate(junk):
            peer = await peers.get()
            await peer.login()
            await until(lambda: link.capacity)
            link.submit(number, part())
            await peer.read(SubmitSm)
            peer.write(octets)
            await asyncio.sleep(0.02)
            peer.close()
            await until(lambda number=number: number in told.answers)  # type: ignore[misc]  # the loop's number

    told = play(script, tmp_path)
    assert {answer.outcome for answer in told.answers.values()} == {Outcome.LOST}


def test_silence_is_noticed_both_ways(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path, test_every_s=0.1) as made:
            await _up(made, idle_s=60)
            await asyncio.sleep(0.3)  # it tests us
            assert made.told.states[-1][0] is LinkState.UP
            made.faults(silent=True)
            await made.stop()
            made.told.states.clear()
            made.faults()
            await _up(made, idle_s=0.05, answer_s=0.05, tries=2)
            made.faults(silent=True)
            await until(lambda: made.told.saw(LinkState.DOWN, "no answer to 2 enquire_link"))

    asyncio.run(run())


def test_the_end_is_in_order(tmp_path: Path) -> None:
    seen: list[str] = []

    async def run() -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Esme(reader, writer)
            await peer.login()
            sequence_id, _, submit = await peer.read(SubmitSm)
            unbind, _, _ = await peer.read(Unbind)
            peer.send(GenericNack(), sequence_id, Status.RINVCMDLEN)
            peer.send(UnbindResp(), unbind)
            await peer.ended()
            seen.append(submit.destination_addr)
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        told = Told()
        link = SmppLink("end", settings_of(server.sockets[0].getsockname()[1], tmp_path))
        task = asyncio.create_task(link.run(told, 5.0))
        await until(lambda: told.saw(LinkState.UP))
        link.submit(0, part())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: seen)
        assert told.answers[0].outcome is Outcome.REFUSED
        server.close()

    asyncio.run(run())
    assert seen == [NUMBER]


def test_the_peer_ends_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            link = await _up(made)
            made.smsc.disconnect(in_order=True)
            await until(lambda: made.told.saw(LinkState.DOWN, "the peer sent unbind"))
            await until(lambda: link.capacity)

    asyncio.run(run())


def test_half_a_pair_may_be_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path, max_links=1) as made:
            link = made.link(bind="pair")
            refused = "ESME_RALYBND"
            await until(lambda: refused in link.notes.get("receiver", "") or made.told.saw(LinkState.DOWN, refused))
            made.faults()
            await until(lambda: link.notes.get("receiver", "").startswith("up") and link.capacity)

    asyncio.run(run())


# --- TLS


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=smsc", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return key, certificate


def test_tls_and_who_vouches_for_the_smsc(tmp_path: Path) -> None:
    key, certificate = _certificate(tmp_path, "smsc")
    _, other = _certificate(tmp_path, "other")

    async def run() -> None:
        async with bench(tmp_path) as made:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate, key)

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                onward = await asyncio.open_connection("127.0.0.1", made.port)
                await asyncio.gather(_copy(reader, onward[1]), _copy(onward[0], writer))

            server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
            port = server.sockets[0].getsockname()[1]
            refused = made.link(port, tls=True, tls_ca_file=other)
            await until(lambda: made.told.saw(LinkState.DOWN, "certificate verify failed"))
            assert refused.capacity == 0
            missing = tmp_path / "missing.pem"
            made.link(port, tls=True, tls_ca_file=missing)
            await until(lambda: made.told.saw(LinkState.DOWN, "No such file"))
            link = made.link(port, tls=True, tls_ca_file=certificate)
            await until(lambda: link.capacity)
            _submit(link, [part(), *_parts(LONG)])
            await until(lambda: len(made.told.reports) == 4)
            await made.stop()
            server.close()

    asyncio.run(run())


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


# --- what is sent, and settings


@pytest.mark.parametrize(
    ("settings", "more", "wanted"),
    [
        ({}, {}, {"source_addr": SRC_ID, "source_addr_ton": 0, "source_addr_npi": 1, "dest_addr_ton": 1}),
        ({"src_id": "Caiyou 163"}, {}, {"source_addr": "Caiyou 163", "source_addr_ton": 5, "source_addr_npi": 0}),
        ({"src_id": "Caiyou"}, {"src": "10660"}, {"source_addr": "10660", "source_addr_ton": 0}),
        ({"source_ton": 3, "source_npi": 0}, {}, {"source_addr_ton": 3, "source_addr_npi": 0}),
        ({"dest_ton": 0, "dest_npi": 0}, {}, {"dest_addr_ton": 0, "dest_addr_npi": 0, "destination_addr": NUMBER}),
        ({"service_type": "CMT"}, {}, {"service_type": "CMT"}),
        ({}, {"urgent": True}, {"priority_flag": 1}),
        ({"urgent_priority": 3}, {"urgent": True}, {"priority_flag": 3}),
        ({"urgent_priority": 3}, {}, {"priority_flag": 0, "registered_delivery": 1}),
        (
            {"validity": "absolute"},
            {"valid_until": datetime(2026, 11, 24, tzinfo=UTC)},
            {"validity_period": "261124000000000+"},
        ),
        ({"validity": "none"}, {"valid_until": datetime(2026, 11, 24, tzinfo=UTC)}, {"validity_period": ""}),
        ({}, {"valid_until": datetime(2020, 1, 1, tzinfo=UTC)}, {"validity_period": "000000000001000R"}),
        ({}, {}, {"validity_period": "", "esm_class": 0}),
    ],
)
def test_what_is_sent(tmp_path: Path, settings: dict[str, Any], more: dict[str, Any], wanted: dict[str, Any]) -> None:
    async def script(peers: asyncio.Queue[Esme], link: SmppLink, told: Told) -> None:
        peer = await peers.get()
        await peer.login()
        await until(lambda: told.saw(LinkState.UP))
        link.submit(0, part(**more))
        submit = await peer.take("7")
        assert {name: getattr(submit, name) for name in wanted} == wanted
        submit.check()

    play(script, tmp_path, **settings)


def test_what_cannot_be_sent_may_go_elsewhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with bench(tmp_path) as made:
            link = await _up(made)
            answer = link.submit(0, part(src="1" * 21))
            assert answer is not None
            assert (answer.outcome, answer.elsewhere) == (Outcome.REFUSED, True)
            assert "source_addr" in answer.result
            link = SmppLink("down", settings_of(1, tmp_path))
            assert link.submit(0, part()) is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"src_id": "Caiyou Zhongguo"}, "src_id"),
        ({"src_id": ""}, "src_id"),
        ({"system_id": "x" * 16}, "system_id"),
        ({"latin": 8}, "latin = 8 needs"),
        ({"latin": 2}, "latin"),
        ({"timezone": "Mars/Olympus"}, "is no time zone"),
        ({"tls_ca_file": "/x"}, "without tls"),
        ({"message_id": "octal"}, "message_id"),
        ({"bind": "receiver"}, "bind"),
    ],
)
def test_wrong_settings(tmp_path: Path, settings: dict[str, Any], why: str) -> None:
    with pytest.raises((ValueError, SettingsError), match=why):
        settings_of(2775, tmp_path, **settings)


def test_accounts_are_told_apart(tmp_path: Path) -> None:
    assert settings_of(1, tmp_path).account_name == "caiyou@127.0.0.1"
    assert settings_of(1, tmp_path, account="both hosts").account_name == "both hosts"
