"""The modem link without a modem: what goes out, what is made of what comes, the PIN; a line that sends anything."""

from __future__ import annotations

import asyncio
import os
import random
import tty
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caiyou.errors import SettingsError
from caiyou.settings import load
from mail2sms.at.events import Delivered, Direct, Reported, Unreadable
from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report, ReportState
from mail2sms.links.modem import ModemLink
from mail2sms.links.modem_pdus import address_of, mo_of, ref_of, report_of, submit_of, unreadable
from mail2sms.links.pin import PinFile
from mail2sms.links.serial_line import SerialLine, device_of, open_port
from mail2sms.pdu.address import Address, Ton, alphanumeric, written
from mail2sms.pdu.header import Concatenation, Ports, element
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.text import text_of
from mail2sms.pdu.tpdu import Deliver, StatusReport, encode
from mail2sms.segment import Coding, Segment, split
from mail2sms.settings import SmsSettings
from mail2sms.settings.modem import ModemLinkSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PHONE = "8613800138000"


def settings(**more: object) -> ModemLinkSettings:
    return ModemLinkSettings.model_validate({"device": "/dev/ttyUSB0", **more})


# --- out


@pytest.mark.parametrize(
    "number, rules, address",
    [
        (PHONE, {}, Address(text=PHONE, ton=Ton.INTERNATIONAL)),
        (PHONE, {"country_prefix": "86"}, Address(text="13800138000", ton=Ton.UNKNOWN)),
        ("447700900123", {"country_prefix": "86"}, Address(text="447700900123", ton=Ton.INTERNATIONAL)),
        (
            "447700900123",
            {"country_prefix": "44", "national_prefix": "0"},
            Address(text="07700900123", ton=Ton.UNKNOWN),
        ),
        ("10086", {}, Address(text="10086", ton=Ton.UNKNOWN)),
    ],
)
def test_numbers_as_the_network_wants_them(number: str, rules: dict[str, object], address: Address) -> None:
    assert address_of(number, settings(**rules)) == address


def test_submit_of_a_part() -> None:
    part = MtPart(to=PHONE, segment=split("Hello [x]")[0], valid_until=NOW + timedelta(hours=24))
    submit = submit_of(part, settings(), NOW)
    assert (submit.dcs, submit.vp, submit.status_report, submit.mr) == (0, 167, True, 0)
    assert text_of(submit.dcs, submit.ud) == "Hello [x]"
    submit = submit_of(MtPart(to=PHONE, segment=split("彩邮")[0]), settings(reports=False), NOW)
    assert (submit.dcs, submit.vp, submit.status_report) == (8, None, False)
    late = MtPart(to=PHONE, segment=split("x")[0], valid_until=NOW - timedelta(hours=1))
    assert submit_of(late, settings(), NOW).vp == 0


@pytest.mark.parametrize("coding", [Coding.LATIN, Coding.GSM7, Coding.UCS2])
def test_every_coding_fits(coding: Coding) -> None:
    for segment in split("long [text] ~ " * 40, coding=coding, reference=3):
        submit = submit_of(MtPart(to=PHONE, segment=segment), settings(), NOW)
        assert len(encode(submit)) <= 13 + 1 + 8 + 140
        assert submit.dcs == (8 if coding is Coding.UCS2 else 0)
        assert submit.ud.header == segment.udh[1:]


def test_what_fits_no_message_is_refused_by_the_link_and_not_sent() -> None:
    segment = Segment(text="彩" * 80, coding=Coding.UCS2)
    with pytest.raises(ValueError, match="160 octets do not fit"):
        submit_of(MtPart(to=PHONE, segment=segment), settings(), NOW)


def test_nothing_is_taken_while_there_is_no_modem() -> None:
    link = ModemLink("gsm", settings())
    assert link.submit(1, MtPart(to=PHONE, segment=split("x")[0])) == Answer(outcome=Outcome.UNSENT)
    assert (link.capacity, link.account) == (0, "gsm")
    assert ModemLink("gsm", settings(account="one")).account == "one"


# --- in


@pytest.mark.parametrize("form", ["8613800138000", "13800138000", "013800138000", "008613800138000", "+8613800138000"])
def test_reference_of_any_form_of_the_number(form: str) -> None:
    assert ref_of(7, form) == ref_of(7, PHONE) == "07-00138000"
    assert ref_of(8, form) != ref_of(7, PHONE)
    assert ref_of(255, "10086") == "ff-10086"


@pytest.mark.parametrize(
    "st, state",
    [
        (0x00, ReportState.DELIVERED),
        (0x01, ReportState.DELIVERED),
        (0x1F, ReportState.DELIVERED),
        (0x20, ReportState.PENDING),
        (0x30, ReportState.PENDING),
        (0x41, ReportState.FAILED),
        (0x46, ReportState.EXPIRED),
        (0x65, ReportState.FAILED),
        (0xFF, ReportState.FAILED),
    ],
)
def test_states_of_reports(st: int, state: ReportState) -> None:
    report = StatusReport(mr=7, ra=written("+" + PHONE), scts=NOW, discharge=NOW, st=st)
    found = report_of(Reported(report=report, place=Direct(wants_answer=False)))
    assert (found.state, found.ref, found.to) == (state, "07-00138000", "+" + PHONE)
    assert found.stat.startswith(f"{st:02x} ")


def delivered(deliver: Deliver) -> Delivered:
    return Delivered(tpdu=encode(deliver), deliver=deliver, place=Direct(wants_answer=False))


@pytest.mark.parametrize("bits", [8, 16])
def test_part_of_a_long_message(bits: int) -> None:
    header = element(Concatenation(reference=200, total=3, number=2, bits=bits))
    deliver = Deliver(
        oa=written("+" + PHONE), dcs=8, scts=NOW, ud=UserData(header=header, body="彩".encode("utf-16-be"))
    )
    found = mo_of(delivered(deliver), "8613900001111")
    assert (found.sender, found.to, found.text) == ("+" + PHONE, "8613900001111", "彩")
    assert (found.reference, found.number, found.total) == (200, 2, 3)


def test_the_same_message_again_is_a_repeat_and_another_is_none() -> None:
    deliver = Deliver(oa=written("+" + PHONE), scts=NOW, ud=UserData(body=b"x"))
    again = Deliver(more_to_send=True, oa=written("+" + PHONE), scts=NOW, ud=UserData(body=b"x"))
    later = Deliver(oa=written("+" + PHONE), scts=NOW + timedelta(seconds=1), ud=UserData(body=b"x"))
    ref = mo_of(delivered(deliver), "").ref
    assert mo_of(delivered(again), "").ref == ref
    assert mo_of(delivered(later), "").ref != ref


def test_letters_data_and_what_cannot_be_read() -> None:
    bank = mo_of(delivered(Deliver(oa=alphanumeric("Bank"), scts=None, ud=UserData(body=b"hi"))), "1")
    assert (bank.sender, bank.text) == ("Bank", "hi")
    header = element(Ports(destination=2948, origin=1))
    push = mo_of(
        delivered(Deliver(oa=written("1"), dcs=4, scts=NOW, ud=UserData(header=header, body=b"\x01\x06"))), "1"
    )
    assert push.text == "0106"
    broken = unreadable(Unreadable(text="07AB", why="cut", place=Direct(wants_answer=False)), "1")
    assert (broken.sender, broken.text) == ("", "07AB")


# --- PIN


def test_pin_is_taken_once(tmp_path: Path) -> None:
    path, note = tmp_path / "pin", tmp_path / "state" / "gsm.pin.json"
    path.write_text("1234\n")
    pin = PinFile(path, note)
    assert pin.take() == "1234"
    for again in (pin, PinFile(path, note)):  # the same process, and after a restart
        with pytest.raises(SettingsError, match="was tried before"):
            again.take()
    assert "1234" not in note.read_text()
    pin.refused()
    pin.unlocked()  # by hand: the PIN in the file is still the wrong one
    with pytest.raises(SettingsError, match="was tried before"):
        pin.take()
    path.write_text("56789\n")
    assert pin.take() == "56789"
    pin.accepted()
    assert pin.take() == "56789"
    pin.unlocked()  # no answer to it was seen, but the SIM is open
    assert pin.take() == "56789"


@pytest.mark.parametrize(
    "text, why", [("123", "4-8 digits"), ("12a4", "4-8 digits"), ("１２３４", "4-8 digits"), ("", "one line")]
)
def test_what_is_no_pin(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "pin"
    path.write_text(text)
    with pytest.raises(SettingsError, match=why):
        PinFile(path, tmp_path / "note").take()
    assert not (tmp_path / "note").exists()


def test_pin_is_not_tried_where_it_cannot_be_noted(tmp_path: Path) -> None:
    path, wall = tmp_path / "pin", tmp_path / "wall"
    path.write_text("1234")
    wall.write_text("no folder")
    with pytest.raises(SettingsError, match="so the PIN is not tried"):
        PinFile(path, wall / "note").take()
    with pytest.raises(SettingsError, match="no pin_file is set"):
        PinFile(None, tmp_path / "note").take()
    with pytest.raises(SettingsError, match="cannot be read"):
        PinFile(tmp_path / "none", tmp_path / "note").take()
    (tmp_path / "note").write_text("{")
    with pytest.raises(SettingsError, match="remove it"):
        PinFile(path, tmp_path / "note").take()


# --- settings


LINK = '[sms.routes]\ndefault = ["gsm"]\n[sms.links.gsm]\ntype = "modem"\ndevice = "/dev/serial/by-id/usb-*-if00"\n'


def test_a_modem_in_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "caiyou.toml"
    path.write_text(LINK)
    link = load(path).table(SmsSettings).links["gsm"]
    assert isinstance(link, ModemLinkSettings)
    assert (link.baud, link.poll_s, link.window, link.pin_file) == (115_200, 30.0, 1, None)


@pytest.mark.parametrize(
    "line, says",
    [
        ('init = ["+CFUN=1"]', "6: sms.links.gsm.init"),
        ('init = ["AT+X\\r"]', "6: sms.links.gsm.init"),
        ("baud = 1", "6: sms.links.gsm.baud"),
        ('smsc = "abc"', "6: sms.links.gsm.smsc"),
        ('memory = "XX"', "6: sms.links.gsm.memory"),
        ('pinfile = "/x"', "did you mean pin_file?"),
        ('country_prefix = "+86"', "6: sms.links.gsm.country_prefix"),
    ],
)
def test_wrong_settings_name_the_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "caiyou.toml"
    path.write_text(LINK + line + "\n")
    with pytest.raises(SettingsError, match=says.replace("?", r"\?").replace(".", r"\.")):
        load(path).table(SmsSettings)


# --- the line


def test_device_by_pattern(tmp_path: Path) -> None:
    assert device_of(str(tmp_path / "usb-*")) is None
    assert device_of(str(tmp_path / "usb-1")) is None
    for name in ("usb-2", "usb-1"):
        (tmp_path / name).touch()
    assert device_of(str(tmp_path / "usb-*")) == str(tmp_path / "usb-1")
    assert device_of(str(tmp_path / "usb-2")) == str(tmp_path / "usb-2")


def test_what_is_no_terminal_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for device in (str(tmp_path / "file"), str(tmp_path / "none"), "/dev/null"):
        with pytest.raises(OSError, match=r"."):
            open_port(device, 115_200, flow_control=False)


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[tuple[LinkState, str]] = []
        self.answers: list[Answer] = []
        self.mos: list[Mo] = []

    def changed(self, state: LinkState, why: str) -> None:
        self.states.append((state, why))

    def answered(self, tag: int, answer: Answer) -> None:
        self.answers.append(answer)

    def reported(self, report: Report, done: Callable[[], None]) -> None:
        done()

    def received(self, mo: Mo, done: Callable[[], None]) -> None:
        self.mos.append(mo)
        done()


async def _until(what: Callable[[], bool], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not what():  # noqa: ASYNC110  the link has no event for every state
            await asyncio.sleep(0.01)


def test_a_line_that_sends_anything_ends_nothing_for_long(tmp_path: Path) -> None:
    """Behind a real pseudo-terminal: noise, then hang-ups, then a modem that behaves; the same link comes up."""

    async def scenario() -> None:
        device, sink, noise = tmp_path / "tty", Kept(), random.Random(11)
        link = ModemLink(
            "gsm",
            settings(device=str(device), reconnect_s=0.02, reconnect_max_s=0.05, command_s=0.2, poll_s=1.0),
        )
        running = asyncio.create_task(link.run(sink, 0.1))
        for _ in range(4):
            master, slave = os.openpty()
            tty.setraw(slave)
            device.unlink(missing_ok=True)
            device.symlink_to(os.ttyname(slave))
            opened = sum(state is LinkState.CONNECTING for state, _ in sink.states)
            await _until(lambda opened=opened: sum(s is LinkState.CONNECTING for s, _ in sink.states) > opened)  # type: ignore[misc]
            os.set_blocking(master, False)
            for _ in range(20):
                os.write(master, noise.randbytes(noise.randint(1, 200)) + noise.choice([b"\r\nOK\r\n", b"> ", b"\r\n"]))
                await asyncio.sleep(0.01)
            os.close(slave)
            os.close(master)
        master, slave = os.openpty()
        tty.setraw(slave)
        device.unlink(missing_ok=True)
        device.symlink_to(os.ttyname(slave))
        os.set_blocking(master, False)
        asyncio.get_running_loop().add_reader(master, _behave, master)
        await _until(lambda: link.capacity == 1)
        assert link.submit(1, MtPart(to=PHONE, segment=split("at last")[0])) is None
        await _until(lambda: bool(sink.answers))
        assert sink.answers == [Answer(outcome=Outcome.ACCEPTED, ref="2a-00138000")]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        asyncio.get_running_loop().remove_reader(master)
        os.close(slave)
        os.close(master)

    asyncio.run(scenario())


def _behave(master: int) -> None:
    said = os.read(master, 4096).replace(b"\x1b", b"")
    for line in said.replace(b"\x1a", b"\r").split(b"\r"):
        if line.startswith(b"AT+CMGS"):
            os.write(master, b"\r\n> ")
        elif line.startswith(b"AT"):
            os.write(master, b"\r\nOK\r\n")
        elif line:
            os.write(master, b"\r\n+CMGS: 42\r\n\r\nOK\r\n")


def test_a_device_that_takes_nothing_is_given_up() -> None:
    async def scenario() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        why: list[str] = []
        line = SerialLine(open_port(os.ttyname(slave), 9600, flow_control=False), lambda _data: None, why.append)
        for _ in range(100):
            line.write(b"x" * 4096)
        assert why == ["it takes nothing"]
        line.write(b"more")
        line.close()
        os.close(slave)
        os.close(master)

    asyncio.run(scenario())
