"""The simulated GSM modem: a pseudo-terminal that speaks AT, with a network of phones behind it.

``device`` is a symbolic link to the terminal, which has another name whenever it is plugged in again, as a USB modem's
file in /dev/serial/by-id does.
"""

from __future__ import annotations

import asyncio
import os
import random
import tty
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from caiyou.errors import InputError, NotFound
from mail2sms.content import MsgFmt
from mail2sms.pdu import tpdu
from mail2sms.pdu.address import Address, Ton
from mail2sms.pdu.coding import Alphabet, data_coding
from mail2sms.pdu.header import Concatenation, concatenation, element
from mail2sms.pdu.layout import UserData
from mail2sms.pdu.text import DCS_GSM7, DCS_UCS2, text_of
from mail2sms.pdu.tpdu import Deliver, StatusReport, Submit
from mail2sms.segment import Coding, split
from sandbox.carriers.gsm import Gsm
from sandbox.carriers.journal import Journal
from sandbox.carriers.modem_faults import ModemFaults
from sandbox.carriers.phones import Message, Phones, number_or_empty

CHINA = timezone(timedelta(hours=8))
PUMP_S = 0.05
MAX_WAITING = 10_000
REPLAYED = 5_000
SMALL = 60  # characters of a part with the longer header; any text fits so
_Waiting = tuple[bytes, bool]  # TPDU, whether it is a report


class Modem:
    """The modem with the SIM of ``number``; ``device`` is where its file appears."""

    name = "modem"

    def __init__(self, device: Path, number: str, phones: Phones, journal: Journal) -> None:
        self._device = device
        self._number = number
        self._phones = phones
        self.journal = journal
        self.counts: Counter[str] = Counter()
        self.results: Counter[int] = Counter()
        self._gsm = Gsm(self, self._write, self._later, number)
        self._master = -1
        self._slave = -1
        self._out: deque[int] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._mr = 0
        self._reference = 0
        self._replay()

    # --- see ``Carrier``

    async def start(self, host: str) -> str:
        """See ``Carrier``."""
        self._device.parent.mkdir(parents=True, exist_ok=True)
        self._plug()
        return f"modem={self._device}"

    async def run(self) -> None:
        """Bring what waits, for ever."""
        while True:
            await asyncio.sleep(PUMP_S)
            self.journal.flush()
            self.pump()
            rate = self.faults.octets_per_s
            if self._out and rate:
                count = max(1, int(rate * PUMP_S))
                self._put(bytes([self._out.popleft() for _ in range(min(count, len(self._out)))]))

    async def stop(self) -> None:
        """See ``Carrier``."""
        self._unplug()
        self.journal.close()

    @property
    def faults(self) -> ModemFaults:
        return self._gsm.faults

    def set_faults(self, faults: ModemFaults) -> None:
        """See ``Carrier``."""
        was = self.faults.plugged
        self._gsm.set_faults(faults)
        if was and not faults.plugged:
            self._unplug()
        elif not was and faults.plugged:
            self._plug()

    def status(self) -> dict[str, Any]:
        """See ``Carrier``."""
        stores = {name: len(store.slots) for name, store in self._gsm.stores.items()}
        link = {
            "device": str(self._device),
            "terminal": os.ttyname(self._slave) if self._slave >= 0 else "",
            "number": self._number,
            "sim": self._gsm.sim,
            "pin_left": self._gsm.pin_left,
            "stored": stores,
            "commands": self._gsm.commands,
        }
        return {
            "links": [link],
            "counts": dict(self.counts),
            "results": dict(self.results),
            "delivers_waiting": len(self._waiting),
            "submits_last": len(self.journal),
        }

    def disconnect(self, *, in_order: bool = False) -> int:
        """Pull it out; it comes back after ``replug_s``."""
        if self._master < 0:
            return 0
        self._unplug()
        asyncio.get_running_loop().call_later(self.faults.replug_s, self._replug)
        return 1

    def forget(self) -> int:
        """Forget what waits and what is stored."""
        count = len(self._waiting)
        self._waiting.clear()
        for store in self._gsm.stores.values():
            count += len(store.slots)
            store.slots.clear()
        return count

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """A handset sends ``text`` to the modem's number."""
        if number_or_empty(to) != self._number:
            raise NotFound(f"to: the modem's number is {self._number}")
        if not text or len(text) > 2000:
            raise InputError("text: 1-2000 characters are needed")
        delivers = self._delivers(number, text)
        for deliver in delivers:
            for _ in range(self.faults.mo_copies):
                self._put_waiting(tpdu.encode(deliver), is_report=False)
        shown = Message(
            sender=number,
            to=self._number,
            text=text,
            parts=len(delivers),
            at=datetime.now(UTC),
            sent=True,
            carrier=self.name,
        )
        self._phones.show(number, shown)
        self.counts["mos"] += 1
        self.pump()
        return {"parts": len(delivers), "links": int(self._master >= 0)}

    # --- see ``Network``

    def sent(self, text: str, submit: Submit) -> tuple[int, int, bool]:
        """See ``Network``."""
        faults = self.faults
        to = number_or_empty(submit.da.written) or submit.da.text
        chosen = not faults.send_error_numbers or any(number_or_empty(n) == to for n in faults.send_error_numbers)
        failed = faults.send_error and chosen and _chance(faults.send_error_share)
        error = faults.send_error if failed else 0
        self._mr = (self._mr + 1) & 0xFF if faults.mr == "own" else 0
        answered = not _chance(faults.drop_answers)
        self.counts["submits"] += 1
        self.results[error] += 1
        self._record(text, submit, to, error, answered=answered)
        if not error:
            self._show(to, submit, datetime.now(UTC))
            if submit.status_report and faults.reports:
                self._put_reports(to, submit)
        return error, self._mr, answered

    def pump(self) -> None:
        """See ``Network``."""
        while self._waiting and self._master >= 0 and self._gsm.is_on_air:
            octets, is_report = self._waiting[0]
            if not self._gsm.deliver(octets, is_report=is_report):
                return
            self._waiting.popleft()
            self.counts["reports" if is_report else "delivers"] += 1

    # --- the terminal

    def _plug(self) -> None:
        if self._master >= 0:
            return
        self._gsm.restart()
        self._out.clear()
        # The slave stays open here: without anybody at it the master gives EIO.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        terminal = os.ttyname(self._slave)
        Path(terminal).chmod(0o660)
        draft = self._device.with_name(self._device.name + ".new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(terminal)
        draft.replace(self._device)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _unplug(self) -> None:
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._device.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self.counts["unplugged"] += 1

    def _replug(self) -> None:
        if self.faults.plugged:
            self._plug()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self._gsm.feed(os.read(self._master, 4096))

    def _write(self, data: bytes) -> None:
        if self._master < 0:
            return
        if self.faults.octets_per_s or self._out:
            self._out.extend(data)
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads: what does not fit is lost, as on a wire
            os.write(self._master, data)

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(delay_s, what)

    # --- messages

    def _record(self, text: str, submit: Submit, to: str, error: int, *, answered: bool) -> None:
        part = concatenation(submit.ud.header)
        self.journal.add(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "src_id": self._number,
                "to": [to],
                "da": submit.da.written,
                "mr": self._mr,
                "result": error,
                "text": text_of(submit.dcs, submit.ud),
                "part": part.number if part else 1,
                "parts": part.total if part else 1,
                "reference": part.reference if part else 0,
                "dcs": submit.dcs,
                "status_report": submit.status_report,
                "pdu": text,
                "answered": answered,
                "repeated": False,
            }
        )
        self.journal.flush()

    def _show(self, to: str, submit: Submit, at: datetime) -> None:
        """Phones join parts by octets of one format, so all text goes as UCS2."""
        octets = text_of(submit.dcs, submit.ud).encode("utf-16-be", "surrogatepass")
        msg_fmt: int = MsgFmt.UCS2
        if data_coding(submit.dcs).alphabet is Alphabet.OCTETS:
            octets, msg_fmt = submit.ud.body, MsgFmt.BINARY
        header = submit.ud.header
        content = bytes((len(header),)) + header + octets if header else octets
        self._phones.take(to, self._number, int(bool(header)), msg_fmt, content, at, carrier=self.name)

    def _replay(self) -> None:
        """Show again what was taken before this start."""
        for record in self.journal.last(REPLAYED):
            if not record["result"]:
                submit = tpdu.decode_submit(tpdu.from_hex(record["pdu"]))
                self._show(record["to"][0], submit, datetime.fromisoformat(record["at"]))

    def _put_reports(self, to: str, submit: Submit) -> None:
        faults = self.faults
        now = datetime.now(CHINA)
        sts = {number_or_empty(number): st for number, st in faults.report_sts.items()}
        report = StatusReport(
            mr=self._mr,
            ra=self._as_reported(to, submit.da),
            scts=now,
            discharge=now,
            st=sts.get(to, faults.report_st),
        )
        if _chance(faults.report_missing):
            return
        delay_s = 0.0 if faults.report_before_answer else faults.report_delay_s
        for _ in range(faults.report_copies):
            octets = tpdu.encode(report)
            if delay_s + faults.report_jitter_s == 0:
                self._put_waiting(octets, is_report=True)
                continue
            jitter_s = random.uniform(0, faults.report_jitter_s)  # noqa: S311
            asyncio.get_running_loop().call_later(delay_s + jitter_s, self._put_waiting, octets, True)
        self.pump()

    def _as_reported(self, to: str, da: Address) -> Address:
        match self.faults.report_number:
            case "international":
                return Address(text=to, ton=Ton.INTERNATIONAL)
            case "plain":
                return Address(text=to, ton=Ton.UNKNOWN)
            case "national":
                return Address(text=to.removeprefix("86"), ton=Ton.NATIONAL)
            case "zero":
                return Address(text="0" + to.removeprefix("86"), ton=Ton.UNKNOWN)
            case _:
                return da

    def _put_waiting(self, octets: bytes, is_report: bool) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((octets, is_report))

    def _delivers(self, number: str, text: str) -> list[Deliver]:
        self._reference = (self._reference + 1) & 0xFF
        coding, dcs = Coding.GSM7, DCS_GSM7
        try:
            Coding.GSM7.encode(text)
        except ValueError:
            coding, dcs = Coding.UCS2, DCS_UCS2
        small = self.faults.mo_part_characters or (SMALL if self.faults.mo_reference_bits == 16 else 0)
        if small:
            pieces = [text[start : start + small] for start in range(0, len(text), small)]
        else:
            pieces = [segment.text for segment in split(text, coding=coding)]
        if len(pieces) > 255:
            raise InputError(f"text: {len(pieces)} parts, 255 allowed")
        now, total = datetime.now(CHINA), len(pieces)
        made = []
        for index, piece in enumerate(pieces, 1):
            bits = self.faults.mo_reference_bits
            reference = self._reference | (0x0100 if bits == 16 else 0)
            part = Concatenation(reference=reference, total=total, number=index, bits=bits)
            header = element(part) if total > 1 else b""
            made.append(
                Deliver(
                    oa=Address(text=number, ton=Ton.INTERNATIONAL),
                    dcs=dcs,
                    scts=now.replace(microsecond=0),
                    ud=UserData(header=header, body=coding.encode(piece)),
                )
            )
        return made


def _chance(share: float) -> bool:
    return random.random() < share  # noqa: S311  chance, not secrecy
