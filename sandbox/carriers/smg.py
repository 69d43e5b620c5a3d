"""The simulated SMG: takes the SP's BIND and SUBMITs, hands messages to the phones, binds to the SP for the way back.

Strict where a carrier is: wrong name, password or login type, foreign node or corp id, numbers without 86, too long
content, more unanswered SUBMITs than the window are refused. Everything it can do wrong is in ``smg_faults``. A SUBMIT
that comes again with the same sequence number and content is answered as before and not delivered twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from caiyou import log
from caiyou.errors import InputError
from mail2sms.session.events import Closed, Forgave, Malformed, WindowFree
from mail2sms.sgip.codes import LoginType, Result
from mail2sms.sgip.events import BindAsked, Requested
from mail2sms.sgip.pdu import Bind, Deliver, Submit
from mail2sms.sgip.sequence import Sequencer
from mail2sms.sgip.session import State
from mail2sms.sgip.taken import Taken
from sandbox.carriers.handset import parts_of
from sandbox.carriers.journal import Journal
from sandbox.carriers.phones import Message, Phones, number_or_empty
from sandbox.carriers.smg_faults import SmgFaults
from sandbox.carriers.smg_links import Caller, SpLink
from sandbox.carriers.smg_messages import record_of, reports_of, result_of
from sandbox.carriers.smg_outbox import Outbox, Outgoing

logger = logging.getLogger("caiyou.carriers")

NODE = 1010001  # SMG of Beijing
PUMP_S = 0.02
REPLAYED = 20_000  # records of the journal that are shown on the phones again after a start
WINDOW = 32
LATE_ANSWER_S = 0.2  # behind the report, when the fault asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sp:
    """The SP: its login with us, and ours at its listener (``listen`` empty: it has none)."""

    name: str
    password: str
    node: int
    corp_id: str
    listen: str = ""
    listen_name: str = ""
    listen_password: str = ""


class Smg:
    """The SMG; ``port`` 0 is any free one."""

    name = "smg"

    def __init__(self, sp: Sp, phones: Phones, journal: Journal, port: int) -> None:
        self.sp = sp
        self.phones = phones
        self.journal = journal
        self.faults = SmgFaults()
        self.counts: Counter[str] = Counter()
        self.results: Counter[int] = Counter()
        self.sequencer = Sequencer(NODE)
        self.taken = Taken()
        self._port = port
        self._server: asyncio.Server | None = None
        self._started = time.monotonic()
        self.links: set[SpLink] = set()
        self.caller: Caller | None = None
        self.outbox = Outbox(self)
        self._second, self._in_second = 0, 0
        self._reference = 0
        self._replay()

    def set_faults(self, faults: SmgFaults) -> None:
        """From now on do wrong what ``faults`` says."""
        self.faults = faults
        for link in list(self.links):
            link.be_silent(silent=faults.silent)

    # --- connections

    async def start(self, host: str) -> str:
        """See ``Carrier``."""
        if self.sp.listen:
            sp_host, _, sp_port = self.sp.listen.rpartition(":")
            self.caller = Caller(self, sp_host, int(sp_port), self.sp.listen_name, self.sp.listen_password)
        self._server = await asyncio.get_running_loop().create_server(lambda: SpLink(self), host, self._port)
        return f"sgip={host}:{self._server.sockets[0].getsockname()[1]}"

    async def run(self) -> None:
        """Send what is due, for ever."""
        calling = asyncio.create_task(self.caller.run(), name="smg caller") if self.caller else None
        try:
            while True:
                await asyncio.sleep(PUMP_S)
                self.journal.flush()
                self.outbox.pump()
        finally:
            if calling is not None:
                calling.cancel()

    async def stop(self) -> None:
        """See ``Carrier``."""
        if self._server is not None:
            self._server.close()
        if self.disconnect(in_order=True):
            await asyncio.sleep(0.2)
        self.disconnect()
        self.journal.close()

    def disconnect(self, *, in_order: bool = False) -> int:
        """Cut every connection, or end it by UNBIND; how many the SP had bound."""
        links = list(self.links)
        for link in [*links, self.caller]:
            if link is not None:
                link.end() if in_order else link.cut()
        self.counts["cut"] += len(links)
        return len(links)

    def connected(self, link: SpLink) -> None:
        """A connection stands."""
        self.counts["connections"] += 1
        self.links.add(link)
        if not self.faults.accept_connections:
            link.cut()

    def disconnected(self, link: SpLink) -> None:
        """A connection is gone."""
        self.links.discard(link)

    # --- what the SP does

    def act(self, link: SpLink, event: Any) -> None:
        """One event of a connection of the SP."""
        if link.on_answer(event):
            return
        match event:
            case Requested(message=Submit() as submit):
                self._on_submit(link, event, submit)
            case BindAsked():
                self._on_bind(link, event.bind)
            case Forgave() | Malformed():
                logger.info(log.line(None, smg=type(event).__name__, peer=link.peer, event=event))
                self.counts[type(event).__name__.lower()] += 1
            case Closed() | WindowFree():
                pass
            case _:
                self.counts[type(event).__name__.lower()] += 1

    def _on_bind(self, link: SpLink, bind: Bind) -> None:
        result = self._login_result(bind)
        welcome = self.faults.welcome_then_close and result == Result.LOGIN
        self.counts["logins" if result == Result.OK else "logins_refused"] += 1
        if result == Result.OK or welcome:
            link.session.admit(link.now())
        else:
            link.session.refuse(result)
        if welcome:
            link.close_soon()

    def _login_result(self, bind: Bind) -> int:
        if self.faults.refuse_login:
            return self.faults.refuse_login
        if (bind.login_name, bind.login_password) != (self.sp.name, self.sp.password):
            return Result.LOGIN
        if bind.login_type != LoginType.SP_TO_SMG:
            return Result.LOGIN_TYPE
        bound = sum(link.session.state is State.OPEN for link in self.links)
        return Result.TOO_MANY_LINKS if bound >= self.faults.max_links else Result.OK

    def _on_submit(self, link: SpLink, event: Requested, submit: Submit) -> None:
        if link.is_cut:
            return
        faults = self.faults
        link.submits += 1
        link.unanswered += 1
        self.counts["submits"] += 1
        result = self._result(link, event.sequence_id, submit)
        self.results[result] += 1
        self.journal.add({"link": link.peer} | record_of(submit, event.sequence_id, result))
        if result == Result.OK:
            self._show(submit)
            for delay_s, report in reports_of(submit, event.sequence_id, faults):
                self.outbox.put(Outgoing(report, self.sequencer.next(), link), delay_s)
        nth = bool(faults.disconnect_after) and link.submits >= faults.disconnect_after
        if nth or random.random() < faults.disconnect_share:  # noqa: S311  # chance, not secrecy
            link.leave_unanswered(event, result)
            link.cut()
        elif random.random() < faults.drop_answers:  # noqa: S311
            link.leave_unanswered(event, result)
            self.counts["answers_dropped"] += 1
        else:
            self._answer(link, event, result)

    def _answer(self, link: SpLink, event: Requested, result: int) -> None:
        delay_s = self.faults.answer_delay_s
        if self.faults.report_before_answer and result == Result.OK:
            delay_s = max(delay_s, self.faults.report_delay_s + self.faults.report_jitter_s + LATE_ANSWER_S)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, link.answer, event, result)
        else:
            link.answer(event, result)

    def _result(self, link: SpLink, sequence_id: int, submit: Submit) -> int:
        if int(time.monotonic()) != self._second:
            self._second, self._in_second = int(time.monotonic()), 0
        self._in_second += len(submit.user_numbers)
        if self.faults.max_per_s and self._in_second > self.faults.max_per_s:
            return self.faults.over_result
        if link.unanswered > WINDOW:
            return Result.BUSY
        return result_of(submit, sequence_id, self.sp.node, self.sp.corp_id, self.faults)

    # --- phones

    def _show(self, submit: Submit) -> None:
        at = datetime.now(UTC)
        for number in submit.user_numbers:
            self.phones.take(
                number_or_empty(number),
                submit.sp_number,
                submit.tp_udhi,
                submit.message_coding,
                submit.message_content,
                at,
                self.name,
            )

    def _replay(self) -> None:
        """Show again what was taken before this start."""
        for record in self.journal.last(REPLAYED):
            if record["result"] == Result.OK:
                content, at = bytes.fromhex(record["content"]), datetime.fromisoformat(record["at"])
                for number in record["to"]:
                    self.phones.take(
                        number, record["src_id"], record["tp_udhi"], record["msg_fmt"], content, at, self.name
                    )

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """A handset sends ``text`` to the SP number ``to``. Raises InputError."""
        if not (to.isascii() and to.isdigit() and len(to) <= 21):
            raise InputError("to: the service code is 1-21 digits")
        if not text or len(text) > 1000:
            raise InputError("text: 1-1000 characters are needed")
        self._reference = (self._reference + 1) & 0xFF
        parts = parts_of(text, self._reference, self.faults.mo_part_characters)
        for coding, has_header, content in parts:
            deliver = Deliver(
                user_number=number,
                sp_number=to,
                tp_udhi=self.faults.mo_udhi if has_header else 0,
                message_coding=coding,
                message_content=content,
            )
            for _ in range(self.faults.mo_copies):
                self.outbox.put(Outgoing(deliver, self.sequencer.next(), None), 0.0)
        self.phones.show(
            number,
            Message(
                sender=number, to=to, text=text, parts=len(parts), at=datetime.now(UTC), sent=True, carrier=self.name
            ),
        )
        self.outbox.pump()
        return {"parts": len(parts), "links": len(self.links)}

    def forget(self) -> int:
        """Forget the reports and MO that wait for the SP; how many."""
        return self.outbox.forget()

    # --- for people and programs

    def status(self) -> dict[str, Any]:
        """As ``/smg/status`` answers it."""
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "links": [link.status() for link in self.links],
            "calls": self.caller is not None and self.caller.wire is not None,
            "delivers_waiting": len(self.outbox),
            "counts": dict(self.counts),
            "results": {str(result): count for result, count in sorted(self.results.items())},
            "submits_last": len(self.journal),
        }
