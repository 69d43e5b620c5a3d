"""The simulated ISMG: takes logins and SUBMITs, answers, hands messages to the phones, sends reports and MO.

Strict where a carrier is: wrong secret, foreign Msg_src, impossible number, too long content, more unanswered SUBMITs
than the window are refused. Everything it can do wrong is in ``faults``. A SUBMIT that comes again on the same link
with the same sequence and content is answered as before and not delivered twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from caiyou import log
from caiyou.errors import InputError, NotFound
from mail2sms.cmpp.codes import Result, Status
from mail2sms.cmpp.events import (
    Asked,
    Closed,
    DeliverAnswered,
    DeliverUnanswered,
    Event,
    Forgave,
    LoginAsked,
    Malformed,
    Submitted,
    WindowFree,
)
from mail2sms.cmpp.msgid import MsgId, nth
from mail2sms.cmpp.pdu import (
    CancelResp,
    Deliver,
    Query,
    QueryResp,
    Submit,
    SubmitResp,
)
from sandbox.carriers.account import Account, Outgoing, is_retried
from sandbox.carriers.faults import Faults
from sandbox.carriers.handset import parts_of
from sandbox.carriers.journal import Journal, record_of
from sandbox.carriers.link import SpLink
from sandbox.carriers.phones import Message, Phones, number_or_empty
from sandbox.carriers.reports import reports_of, result_of

logger = logging.getLogger("caiyou.carriers")

CHINA = timezone(timedelta(hours=8))
ISMG_ID = 1001  # 001001: Beijing, the first
PUMP_S = 0.02
REPLAYED = 20_000  # records of the journal that are shown on the phones again after a start
WINDOW = 16
LATE_ANSWER_S = 0.2  # behind the report, when the fault asks for it


class Ismg:
    """The ISMG with its accounts; ``secrets`` is SP_Id to shared secret; ``port`` 0 is any free one."""

    name = "ismg"

    def __init__(self, secrets: dict[str, str], phones: Phones, journal: Journal, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self.faults = Faults()
        self.phones = phones
        self.journal = journal
        self.counts: Counter[str] = Counter()
        self.results: Counter[int] = Counter()
        self.accounts = {sp_id: Account(sp_id, secret, self.counts) for sp_id, secret in secrets.items()}
        self._started = time.monotonic()
        self._links: set[SpLink] = set()
        self._msg_sequence = len(journal)
        self._clock = 0, 0, ""  # second, the Msg_Id that begins it, YYMMDDHHMM
        self._reference = 0
        self._replay()

    def set_faults(self, faults: Faults) -> None:
        """From now on do wrong what ``faults`` says."""
        self.faults = faults
        for link in list(self._links):
            link.be_silent(silent=faults.silent)

    # --- connections

    async def start(self, host: str) -> str:
        """See ``Carrier``."""
        self._server = await asyncio.get_running_loop().create_server(lambda: SpLink(self), host, self._port)
        return f"cmpp={host}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """See ``Carrier``."""
        if self._server is not None:
            self._server.close()
        if self.disconnect(in_order=True):
            await asyncio.sleep(0.2)
        self.disconnect()
        self.journal.close()

    def forget(self) -> int:
        """Forget the reports and MO that wait for the SPs; how many."""
        return sum(account.forget() for account in self.accounts.values())

    def connected(self, link: SpLink) -> None:
        """A connection stands."""
        self.counts["connections"] += 1
        self._links.add(link)
        if not self.faults.accept_connections:
            link.cut()

    def disconnected(self, link: SpLink) -> None:
        """A connection is gone."""
        self._links.discard(link)

    async def run(self) -> None:
        """Send what is due and watch the timers, for ever."""
        while True:
            await asyncio.sleep(PUMP_S)
            now = time.monotonic()
            self.journal.flush()
            for link in list(self._links):
                link.tick(now)
            self._pump(now)

    def disconnect(self, *, in_order: bool = False) -> int:
        """Cut every link, or end it by TERMINATE; how many."""
        links = list(self._links)
        for link in links:
            link.end() if in_order else link.cut()
        self.counts["cut"] += len(links)
        return len(links)

    # --- what SPs do

    def act(self, link: SpLink, event: Event) -> None:
        """One event of a link."""
        match event:
            case Submitted():
                self._on_submit(link, event.sequence_id, event.submit)
            case LoginAsked():
                self._on_login(link, event.connect.source_addr)
            case DeliverAnswered():
                self._on_deliver_answered(link, event)
            case DeliverUnanswered() if link.account is not None:
                link.account.put_again(link.sent.pop(event.sequence_id), time.monotonic())
            case Asked():
                self._on_asked(link, event)
            case Closed():
                self._on_closed(link)
            case WindowFree():
                pass
            case Forgave() | Malformed():
                logger.info(log.line(None, ismg=type(event).__name__, peer=link.peer, event=event))
                self.counts[type(event).__name__.lower()] += 1
            case _:
                self.counts[type(event).__name__.lower()] += 1

    def _on_login(self, link: SpLink, sp_id: str) -> None:
        account, now = self.accounts.get(sp_id), time.monotonic()
        if self.faults.refuse_login:
            status = link.session.refuse(self.faults.refuse_login)
        elif account is None:
            status = link.session.refuse(Status.SOURCE)
        elif len(account.links) >= self.faults.max_links:
            status = link.session.refuse(Status.OTHER)
        else:
            status = link.session.admit(account.secret, now)
        self.counts["logins" if status == Status.OK else "logins_refused"] += 1
        if status == Status.OK and account is not None:
            link.account = account
            account.links.append(link)

    def _on_closed(self, link: SpLink) -> None:
        account = link.account
        if account is not None and link in account.links:
            account.links.remove(link)
            for outgoing in link.sent.values():
                account.put_again(outgoing, time.monotonic())
            link.sent.clear()

    def _on_deliver_answered(self, link: SpLink, event: DeliverAnswered) -> None:
        outgoing = link.sent.pop(event.sequence_id, None)
        if outgoing is None or link.account is None:
            return
        kind = "reports" if outgoing.report else "mos"
        self.counts[f"{kind}_{'answered' if event.result == Result.OK else 'refused'}"] += 1
        if is_retried(event.result):
            link.account.put_again(outgoing, time.monotonic())
        for used in link.account.pump(time.monotonic()):
            if used is not link:
                used.flush()

    def _on_asked(self, link: SpLink, event: Asked) -> None:
        if isinstance(event.request, Query):
            taken = self.results[0]
            answer = QueryResp(
                time=event.request.time,
                query_type=event.request.query_type,
                query_code=event.request.query_code,
                mt_tl_msg=self.counts["submits"],
                mt_tl_usr=self.counts["submits"],
                mt_scs=taken,
                mt_fl=self.counts["submits"] - taken,
                mo_scs=self.counts["mos_answered"],
            )
            link.session.respond(event.sequence_id, answer)
        else:  # what was taken is on the phone already
            link.session.respond(event.sequence_id, CancelResp(success_id=1))

    # --- SUBMIT

    def _on_submit(self, link: SpLink, sequence_id: int, submit: Submit) -> None:
        account, faults = link.account, self.faults
        if account is None or link.is_cut:
            return
        link.submits += 1
        link.unanswered += 1
        self.counts["submits"] += 1
        earlier = link.answers.get(sequence_id)
        if earlier is not None and earlier[0] == submit:
            answer = earlier[1]
            self._write(link, sequence_id, submit, answer, repeated=True)
        else:
            answer = self._taken(link, account, sequence_id, submit)
        if self._is_cut(link):
            link.cut()
        elif random.random() < faults.drop_answers:  # noqa: S311  # chance, not secrecy
            link.unanswered -= 1
            self.counts["answers_dropped"] += 1
        else:
            self._answer(link, sequence_id, answer)

    def _taken(self, link: SpLink, account: Account, sequence_id: int, submit: Submit) -> SubmitResp:
        """Decide on a new SUBMIT and do what follows from it; its answer."""
        now = time.monotonic()
        result = self._result(link, account, submit, now)
        msg_id = self._new_msg_id(len(submit.dest_terminal_ids)) if result == Result.OK else 0
        answer = SubmitResp(msg_id=msg_id, result=result)
        self.results[result] += 1
        link.remember(sequence_id, submit, answer)
        self._write(link, sequence_id, submit, answer, repeated=False)
        if result == Result.OK:
            account.service_codes.add(submit.src_id)
            self._show(submit, datetime.now(UTC))
            self._put_reports(link, account, submit, msg_id, now)
        return answer

    def _answer(self, link: SpLink, sequence_id: int, answer: SubmitResp) -> None:
        faults = self.faults
        delay_s = faults.answer_delay_s
        if faults.report_before_answer and answer.result == Result.OK:
            delay_s = max(delay_s, faults.report_delay_s + faults.report_jitter_s + LATE_ANSWER_S)
        if not delay_s:
            link.answer(sequence_id, answer)
            return

        def later() -> None:
            link.answer(sequence_id, answer)
            link.flush()

        asyncio.get_running_loop().call_later(delay_s, later)

    def _is_cut(self, link: SpLink) -> bool:
        faults = self.faults
        nth_submit = bool(faults.disconnect_after) and link.submits >= faults.disconnect_after
        return nth_submit or random.random() < faults.disconnect_share  # noqa: S311

    def _result(self, link: SpLink, account: Account, submit: Submit, now: float) -> int:
        too_many = account.over_rate(now, self.faults.max_per_s, len(submit.dest_terminal_ids))
        if too_many or link.unanswered > WINDOW:
            return Result.FLOW_CONTROL
        return result_of(submit, account.sp_id, self.faults)

    def _new_msg_id(self, count: int) -> int:
        """An id for ``count`` numbers."""
        second = int(time.time())
        if second != self._clock[0]:
            at = datetime.fromtimestamp(second, CHINA)
            self._clock = second, int(MsgId.made(at, ISMG_ID, 0)), at.strftime("%y%m%d%H%M")
        msg_id = nth(self._clock[1], self._msg_sequence)
        self._msg_sequence += count
        return msg_id

    def _write(self, link: SpLink, sequence_id: int, submit: Submit, answer: SubmitResp, *, repeated: bool) -> None:
        """Put an attempt into the journal."""
        where = {"sp_id": link.account.sp_id if link.account else "", "link": link.peer, "sequence_id": sequence_id}
        self.journal.add(where | record_of(submit, answer) | {"repeated": repeated})
        self.counts["submits_repeated"] += repeated

    def _show(self, submit: Submit, at: datetime) -> None:
        for number in submit.dest_terminal_ids:
            self.phones.take(
                number_or_empty(number),
                submit.src_id,
                submit.tp_udhi,
                submit.msg_fmt,
                submit.msg_content,
                at,
                self.name,
            )

    def _replay(self) -> None:
        """Show again what was taken before this start."""
        for record in self.journal.last(REPLAYED):
            if record["result"] != Result.OK or record["repeated"]:
                continue
            content, at = bytes.fromhex(record["content"]), datetime.fromisoformat(record["at"])
            for number in record["to"]:
                self.phones.take(number, record["src_id"], record["tp_udhi"], record["msg_fmt"], content, at, self.name)

    # --- DELIVER

    def _put_reports(self, link: SpLink, account: Account, submit: Submit, msg_id: int, now: float) -> None:
        for delay_s, report in reports_of(submit, msg_id, self.faults, self._clock[2]):
            deliver = Deliver(
                msg_id=report.msg_id,
                dest_id=submit.src_id,
                service_id=submit.service_id,
                src_terminal_id=report.dest_terminal_id,
                registered_delivery=1,
                msg_content=b"",
            )
            account.put(Outgoing(deliver, report, link, self.faults.report_link), now, delay_s)

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """A handset sends ``text`` to the service code ``to``. Raises InputError, NotFound."""
        if not (to.isascii() and to.isdigit() and len(to) <= 21):
            raise InputError("to: the service code is 1-21 digits")
        if not text or len(text) > 1000:
            raise InputError("text: 1-1000 characters are needed")
        account = self._account_of(to)
        now, faults = time.monotonic(), self.faults
        self._reference = (self._reference + 1) & 0xFF
        parts = parts_of(text, self._reference, faults.mo_part_characters)
        for msg_fmt, has_header, content in parts:
            deliver = Deliver(
                msg_id=self._new_msg_id(1),
                dest_id=to,
                tp_udhi=faults.mo_udhi if has_header else 0,
                msg_fmt=msg_fmt,
                src_terminal_id=number,
                msg_content=content,
            )
            for _ in range(faults.mo_copies):
                account.put(Outgoing(deliver, None, None, "any"), now)
        self.phones.show(
            number,
            Message(
                sender=number, to=to, text=text, parts=len(parts), at=datetime.now(UTC), sent=True, carrier=self.name
            ),
        )
        self._pump(now)
        return {"parts": len(parts), "sp_id": account.sp_id, "links": len(account.links)}

    def _account_of(self, to: str) -> Account:
        """The SP whose service code ``to`` is, or begins with; the only SP where there is one."""
        found = [
            (len(code), account)
            for account in self.accounts.values()
            for code in account.service_codes
            if to.startswith(code)
        ]
        if found:
            return max(found, key=lambda pair: pair[0])[1]
        if len(self.accounts) == 1:
            return next(iter(self.accounts.values()))
        raise NotFound(f"to: no SP has used the service code {to}")

    def _pump(self, now: float) -> None:
        for account in self.accounts.values():
            for link in account.pump(now):
                link.flush()

    # --- for people and programs

    def status(self) -> dict[str, Any]:
        """As ``/ismg/status`` answers it."""
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "accounts": [account.status() for account in self.accounts.values()],
            "counts": dict(self.counts),
            "results": {str(result): count for result, count in sorted(self.results.items())},
            "submits_last": len(self.journal),
            "open_parts": self.phones.open_parts,
        }
