"""The simulated modem, driven by software that nobody here wrote: Debian's gammu and smstools, and by plain pyserial.

And the PDUs of gammu are ours, octet for octet, once the three choices are the same that gammu makes otherwise: the
service centre of the SIM stands before the TPDU (ours: only when it is set), the validity period is FFh, 63 weeks
(ours: that of the message, or none), and a national number is of type 81h (ours is international, 91h).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from bench.stack import wait_for
from mail2sms.pdu import tpdu
from mail2sms.pdu.address import written
from mail2sms.pdu.header import concatenation
from mail2sms.pdu.text import user_data
from mail2sms.pdu.tpdu import Submit, decode_submit, from_hex, to_hex
from mail2sms.segment import Coding, split
from tests.mail2sms.links.modem_stack import OWN, PHONE, ModemStack

pytestmark = pytest.mark.live

NATIONAL = PHONE.removeprefix("86")
CENTRE = written("+8613800100500")  # of the simulated SIM
LATIN = "Hello {world} [1] ~2^3 @ home_1 | $5 Ãe".replace("Ã", "ß")
CHINESE = "彩邮：您有一封新邮件"
LONG = "彩邮长短信，" * 30
LONG_LATIN = "long latin text " * 25


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ModemStack]:
    made = ModemStack(tmp_path)
    made.start_carriers()
    yield made
    made.end()


# --- gammu


def gammu(stack: ModemStack, *arguments: str) -> str:
    """Run it; what it said."""
    file = stack.folder / "gammurc"
    file.write_text(f"[gammu]\ndevice = {stack.device}\nconnection = at\nsynchronizetime = no\n")
    done = subprocess.run(
        ["gammu", "-c", str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(stack.folder)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "text, number, options",
    [
        (LATIN, NATIONAL, ()),
        (LATIN, f"+{PHONE}", ()),
        (CHINESE, f"+{PHONE}", ("-unicode",)),
        (LONG, NATIONAL, ("-unicode", "-len", "400")),
        (LONG_LATIN, f"+{PHONE}", ("-len", "500")),
    ],
)
def test_pdus_of_gammu_are_ours(stack: ModemStack, text: str, number: str, options: tuple[str, ...]) -> None:
    gammu(stack, "sendsms", "TEXT", number, *options, "-text", text)
    records = stack.submits()
    assert "".join([record["text"] for record in records]) == text
    assert [message["text"] for message in stack.http("GET", f"/phones/{PHONE}/messages")] == [text]
    first = decode_submit(from_hex(records[0]["pdu"]))
    part = concatenation(first.ud.header)
    coding = Coding.UCS2 if "-unicode" in options else Coding.GSM7
    segments = split(text, coding=coding, reference=part.reference if part else 0)
    ours = []
    for segment in segments:
        dcs, ud = user_data(segment)
        ours.append(to_hex(tpdu.encode(Submit(da=written(number), dcs=dcs, vp=0xFF, ud=ud)), CENTRE))
    assert ours == [record["pdu"] for record in records]


def test_gammu_differs_from_our_link_in_these_octets_alone(stack: ModemStack) -> None:
    gammu(stack, "sendsms", "TEXT", NATIONAL, "-text", "hi")
    theirs = bytes.fromhex(stack.submits()[0]["pdu"])
    dcs, ud = user_data(split("hi")[0])
    ours = bytes.fromhex(to_hex(tpdu.encode(Submit(status_report=True, da=written(f"+{PHONE}"), dcs=dcs, ud=ud))))
    assert ours == bytes.fromhex("00 2100 0d91683108108300f0 0000 02e834".replace(" ", ""))
    assert theirs[:9] == bytes.fromhex("0891683108100005f0")
    assert theirs[9:13] == bytes.fromhex("11000b81")
    assert theirs[-6:] == bytes.fromhex("0000ff02e834")


def test_gammu_reads_and_deletes_what_handsets_send(stack: ModemStack) -> None:
    for text in ("TD {x} €", CHINESE, LONG):
        stack.handset(text)
    wait_for(lambda: stack.modem()["stored"]["SM"] == 5)
    said = gammu(stack, "geteachsms")
    assert "TD {x} €" in said
    assert CHINESE in said
    assert LONG in said.replace("\n", "")
    assert f"+{PHONE}" in said
    gammu(stack, "deleteallsms", "1")
    assert stack.modem()["stored"]["SM"] == 0


def test_gammu_identifies_it(stack: ModemStack) -> None:
    said = gammu(stack, "identify")
    assert "Caiyou" in said
    assert "490154203237518" in said


def test_gammu_enters_the_pin(stack: ModemStack) -> None:
    stack.faults(pin="1234")
    assert "PIN" in gammu(stack, "getsecuritystatus")
    gammu(stack, "entersecuritycode", "PIN", "1234")
    assert stack.modem()["sim"] == "READY"


# --- smstools


class Smsd:
    """smsd with the modem, in a folder of its own."""

    def __init__(self, stack: ModemStack) -> None:
        self.folder = stack.folder / "smsd"
        for name in ("outgoing", "checked", "failed", "sent", "incoming", "report"):
            (self.folder / name).mkdir(parents=True)
        folders = "".join(
            f"{name} = {self.folder}/{name}\n"
            for name in ("outgoing", "checked", "failed", "sent", "incoming", "report")
        )
        (self.folder / "smsd.conf").write_text(
            f"devices = GSM1\nloglevel = 7\nlogfile = {self.folder}/smsd.log\n{folders}"
            f"infofile = {self.folder}/smsd.working\npidfile = {self.folder}/smsd.pid\n"
            "delaytime = 1\nerrorsleeptime = 1\nreceive_before_send = no\n"
            "decode_unicode_text = no\nincoming_utf8 = no\n"
            f"[GSM1]\ndevice = {stack.device}\nincoming = yes\nreport = yes\nbaudrate = 115200\nmemory_start = 1\n"
        )
        self._process = subprocess.Popen(
            ["smsd", "-t", "-c", str(self.folder / "smsd.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def put(self, name: str, text: str) -> None:
        """Have it send."""
        draft = self.folder / name
        draft.write_text(f"To: {PHONE}\nReport: yes\nAlphabet: UTF-8\n\n{text}", encoding="utf-8")
        draft.rename(self.folder / "outgoing" / name)

    def count(self, folder: str) -> int:
        return len(list((self.folder / folder).iterdir()))

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


@pytest.fixture
def smsd(stack: ModemStack) -> Iterator[Smsd]:
    made = Smsd(stack)
    yield made
    made.end()


def test_smstools_sends_and_receives(stack: ModemStack, smsd: Smsd) -> None:
    texts = {"latin": "Hello {smstools} [1]", "chinese": CHINESE, "long": LONG, "longlatin": LONG_LATIN.strip()}
    for name, text in texts.items():
        smsd.put(name, text)
    wait_for(lambda: smsd.count("sent") == len(texts), 60.0, every_s=0.3)
    assert smsd.count("failed") == 0
    shown = {message["text"].strip() for message in stack.http("GET", f"/phones/{PHONE}/messages")}
    assert shown == set(texts.values())
    for record in stack.submits():  # what it wrote, our codec writes again
        octets = from_hex(record["pdu"])
        assert tpdu.encode(decode_submit(octets)) == octets
    stack.handset("MO to smstools")
    stack.handset("MO 彩邮")
    wait_for(lambda: smsd.count("incoming") == 2, 60.0, every_s=0.3)
    incoming = b" ".join([path.read_bytes() for path in (smsd.folder / "incoming").iterdir()])
    assert b"MO to smstools" in incoming
    assert "MO 彩邮".encode("utf-16-be") in incoming  # it keeps them as they came
    assert stack.modem()["stored"]["SM"] == 0


# --- by hand


class Terminal:
    """The modem's terminal."""

    def __init__(self, stack: ModemStack) -> None:
        self.port = serial.Serial(str(stack.device), 115200, timeout=0.3, exclusive=True)

    def ask(self, text: str, wait_s: float = 2.0) -> str:
        """Send a line; all until its result, a prompt, or silence."""
        self.port.write(text.encode("latin-1") + b"\r")
        said, end = "", time.monotonic() + wait_s
        while time.monotonic() < end:
            said += self.port.read(4096).decode("latin-1")
            if said.rstrip().endswith(("OK", "ERROR", ">")) or "ERROR:" in said:
                break
        return said


@pytest.fixture
def terminal(stack: ModemStack) -> Iterator[Terminal]:
    made = Terminal(stack)
    yield made
    made.port.close()


def test_dialogue(terminal: Terminal) -> None:
    assert terminal.ask("AT") == "AT\r\r\nOK\r\n"
    assert terminal.ask("ATE0").endswith("OK\r\n")
    assert terminal.ask("AT") == "\r\nOK\r\n"
    assert terminal.ask("ATE0V1&D2") == "\r\nOK\r\n"
    assert "ERROR" in terminal.ask("AT+NONSENSE")
    assert '+CPMS: "SM",0,20' in terminal.ask("AT+CPMS?")
    assert "+CSQ: 20,99" in terminal.ask("AT+CSQ")
    assert "+CMS ERROR: 321" in terminal.ask("AT+CMGR=1")
    assert terminal.ask("AT+CMGS=5").endswith("> ")
    assert "+CMS ERROR: 304" in terminal.ask("zz\x1a")
    assert terminal.ask("AT+CMGS=5").endswith("> ")
    terminal.port.write(b"\x1b")
    assert "OK" in terminal.ask("AT")


@pytest.mark.parametrize(
    "faults, command, answer",
    [
        ({"echo": "never"}, "AT", "\r\nOK\r\n"),
        ({"errors": ["AT"]}, "AT", "AT\r\r\nERROR\r\n"),
        ({"errors": ["+CSMS=1"]}, "AT+CSMS=1", "AT+CSMS=1\r\r\nERROR\r\n"),
        ({"silent": ["+CSQ"]}, "AT+CSQ", "AT+CSQ\r"),
        ({"dead": True}, "AT", "AT\r"),
        ({"empty_is_error": True}, "AT+CMGL=4", "AT+CMGL=4\r\r\n+CMS ERROR: 321\r\n"),
        ({"hang_share": 1.0}, "AT+CMGS=9", "AT+CMGS=9\r"),
        ({"sim": False}, "AT+CMGL=4", "AT+CMGL=4\r\r\n+CMS ERROR: 310\r\n"),
        ({"pin": "1234"}, "AT+CPIN?", "AT+CPIN?\r\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"),
        ({"pin": "1234", "puk": True}, "AT+CPIN?", "AT+CPIN?\r\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n"),
        ({"registration": 3}, "AT+CREG?", "AT+CREG?\r\r\n+CREG: 0,3\r\n\r\nOK\r\n"),
        ({"signal": 99}, "AT+CSQ", "AT+CSQ\r\r\n+CSQ: 99,99\r\n\r\nOK\r\n"),
    ],
)
def test_faults(stack: ModemStack, terminal: Terminal, faults: dict[str, Any], command: str, answer: str) -> None:
    stack.faults(**faults)
    assert terminal.ask(command, 1.0) == answer


def test_three_wrong_pins_lock_it(stack: ModemStack, terminal: Terminal) -> None:
    stack.faults(pin="1234")
    terminal.ask("AT+CMEE=1")
    assert ["+CME ERROR: 16" in terminal.ask('AT+CPIN="0000"') for _ in range(2)] == [True, True]
    assert "+CME ERROR: 12" in terminal.ask('AT+CPIN="0000"')
    assert "SIM PUK" in terminal.ask("AT+CPIN?")
    assert stack.modem()["sim"] == "SIM PUK"


def test_handed_over_messages_wait_for_their_confirmation(stack: ModemStack, terminal: Terminal) -> None:
    for command in ("ATE0", "AT+CSMS=1", "AT+CNMI=2,2,0,1,0"):
        terminal.ask(command)
    stack.handset("one")
    stack.handset("two")
    said = wait_for(lambda: terminal.port.read(4096)).decode()
    assert said.count("+CMT:") == 1
    assert "+CMT:" in terminal.ask("AT+CNMA=0") + terminal.ask("AT")
    terminal.ask("AT+CNMA=0")
    assert "+CMS ERROR: 340" in terminal.ask("AT+CNMA=0")


def test_state_outlives_the_process(stack: ModemStack) -> None:
    gammu(stack, "sendsms", "TEXT", NATIONAL, "-text", "kept")
    stack.kill("ismg")
    stack.start_carriers()
    assert [record["text"] for record in stack.submits()] == ["kept"]
    assert [message["text"] for message in stack.http("GET", f"/phones/{PHONE}/messages")] == ["kept"]
    assert stack.modem()["number"] == OWN
