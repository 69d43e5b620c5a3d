"""A simulated carrier where SPs log in over TCP and keep the link: what CMPP's and SMGP's do alike.

Strict where a carrier is: wrong secret, impossible number, too long content, more unanswered SUBMITs than the window
are refused. Everything it can do wrong is in ``faults``. A SUBMIT that comes again on the same link with the same
sequence and content is answered as before and not delivered twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

from caiyou import log
from caiyou.errors import InputError, NotFound
from mail2sms.session.base import Limits
from mail2sms.session.events import Closed, DeliverUnanswered, Forgave, Malformed, WindowFree
from sandbox.carriers.account import Account, Outgoing, Same
from sandbox.carriers.faults import Faults
from sandbox.carriers.journal import Journal
from sandbox.carriers.link import SpLink
from sandbox.carriers.phones import Message, Phones, number_or_empty

logger = logging.getLogger("caiyou.carriers")

CHINA = timezone(timedelta(hours=8))
PUMP_S = 0.02
REPLAYED = 20_000  # records of the journal that are shown on the phones again after a start
WINDOW = 16
LATE_ANSWER_S = 0.2  # behind the report, when the fault asks for it
MAX_CODE_DIGITS = 21


class LoginCarrier(ABC):
    """The carrier with its accounts; ``secrets`` is the SPs' names to shared secrets; ``port`` 0 is any free one."""

    name: str
    PROTOCOL: ClassVar[str]
    UNKNOWN_SP: ClassVar[int]  # statuses and results, as the protocol numbers them; 0 is always good
    TOO_MANY_LINKS: ClassVar[int]
    FLOW_CONTROL: ClassVar[int]

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
        self._reference = 0
        self._replay()

    # --- the protocol's part

    @abstractmethod
    def new_session(self, limits: Limits) -> Any:
        """A server session."""

    @abstractmethod
    def speaks(self, session: Any) -> str:
        """The version that a link speaks."""

    @abstractmethod
    def _on(self, link: SpLink, event: Any) -> None:
        """An event of the protocol's own; others go to ``_on_other``."""

    @abstractmethod
    def _result(self, link: SpLink, account: Account, submit: Any) -> int:
        """The result of a SUBMIT by its fields and the faults; flow control aside."""

    @abstractmethod
    def _answer_to(self, submit: Any, result: int) -> Any:
        """The answer, with a new id where it is good."""

    @abstractmethod
    def _record(self, submit: Any, answer: Any) -> dict[str, Any]:
        """What the journal says of a SUBMIT and its answer: see ``journal.record_of``."""

    @abstractmethod
    def _reports(self, link: SpLink, submit: Any, answer: Any) -> list[tuple[float, Outgoing]]:
        """Seconds from now and report, for each number and each copy."""

    @abstractmethod
    def _mo_parts(self, number: str, to: str, text: str) -> list[Any]:
        """The DELIVERs of a message from a handset. Raises InputError."""

    # --- see ``Carrier``

    async def start(self, host: str) -> str:
        """See ``Carrier``."""
        self._server = await asyncio.get_running_loop().create_server(lambda: SpLink(self), host, self._port)
        return f"{self.PROTOCOL}={host}:{self._server.sockets[0].getsockname()[1]}"

    async def run(self) -> None:
        """Send what is due and watch the timers, for ever."""
        while True:
            await asyncio.sleep(PUMP_S)
            now = time.monotonic()
            self.journal.flush()
            for link in list(self._links):
                link.tick(now)
            self._pump(now)

    async def stop(self) -> None:
        """See ``Carrier``."""
        if self._server is not None:
            self._server.close()
        if self.disconnect(in_order=True):
            await asyncio.sleep(0.2)
        self.disconnect()
        self.journal.close()

    def set_faults(self, faults: Any) -> None:
        """From now on do wrong what ``faults`` says."""
        self.faults = faults
        for link in list(self._links):
            link.be_silent(silent=faults.silent)

    def forget(self) -> int:
        """Forget the reports and MO that wait for the SPs; how many."""
        return sum(account.forget() for account in self.accounts.values())

    def disconnect(self, *, in_order: bool = False) -> int:
        """Cut every link, or end it as the protocol does; how many."""
        links = list(self._links)
        for link in links:
            link.end() if in_order else link.cut()
        self.counts["cut"] += len(links)
        return len(links)

    def mo(self, number: str, to: str, text: str) -> dict[str, Any]:
        """A handset sends ``text`` to the service code ``to``. Raises InputError, NotFound."""
        if not (to.isascii() and to.isdigit() and len(to) <= MAX_CODE_DIGITS):
            raise InputError(f"to: the service code is 1-{MAX_CODE_DIGITS} digits")
        if not text or len(text) > 1000:
            raise InputError("text: 1-1000 characters are needed")
        account = self._account_of(to)
        now = time.monotonic()
        self._reference = (self._reference + 1) & 0xFF
        parts = self._mo_parts(number, to, text)
        for deliver in parts:
            for _ in range(self.faults.mo_copies):
                account.put(Outgoing(Same(deliver), "mo", None, "any"), now)
        sent = datetime.now(UTC)
        message = Message(sender=number, to=to, text=text, parts=len(parts), at=sent, sent=True, carrier=self.name)
        self.phones.show(number, message)
        self._pump(now)
        return {"parts": len(parts), "sp_id": account.sp_id, "links": len(account.links)}

    def status(self) -> dict[str, Any]:
        """As ``/<name>/status`` answers it."""
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "accounts": [account.status() for account in self.accounts.values()],
            "counts": dict(self.counts),
            "results": {str(result): count for result, count in sorted(self.results.items())},
            "submits_last": len(self.journal),
            "open_parts": self.phones.open_parts,
        }

    # --- links call these

    def connected(self, link: SpLink) -> None:
        """A connection stands."""
        self.counts["connections"] += 1
        self._links.add(link)
        if not self.faults.accept_connections:
            link.cut()

    def disconnected(self, link: SpLink) -> None:
        """A connection is gone."""
        self._links.discard(link)

    def act(self, link: SpLink, event: Any) -> None:
        """One event of a link."""
        self._on(link, event)

    # --- for the protocols

    def _on_other(self, link: SpLink, event: Any) -> None:
        match event:
            case DeliverUnanswered() if link.account is not None:
                link.account.put_again(link.sent.pop(event.sequence_id), time.monotonic())
            case Closed():
                self._on_closed(link)
            case WindowFree():
                pass
            case Forgave() | Malformed():
                logger.info(log.line(None, carrier=self.name, found=type(event).__name__, peer=link.peer, event=event))
                self.counts[type(event).__name__.lower()] += 1
            case _:
                self.counts[type(event).__name__.lower()] += 1

    def _on_login(self, link: SpLink, sp_id: str) -> None:
        account, now = self.accounts.get(sp_id), time.monotonic()
        if self.faults.refuse_login:
            status = link.session.refuse(self.faults.refuse_login)
        elif account is None:
            status = link.session.refuse(self.UNKNOWN_SP)
        elif len(account.links) >= self.faults.max_links:
            status = link.session.refuse(self.TOO_MANY_LINKS)
        else:
            status = link.session.admit(account.secret, now)
        self.counts["logins_refused" if status else "logins"] += 1
        if not status and account is not None:
            link.account = account
            account.links.append(link)

    def _on_closed(self, link: SpLink) -> None:
        account = link.account
        if account is not None and link in account.links:
            account.links.remove(link)
            for outgoing in link.sent.values():
                account.put_again(outgoing, time.monotonic())
            link.sent.clear()

    def _on_deliver_answered(self, link: SpLink, sequence_id: int, result: int) -> None:
        outgoing = link.sent.pop(sequence_id, None)
        if outgoing is None or link.account is None:
            return
        self.counts[f"{outgoing.kind}s_{'refused' if result else 'answered'}"] += 1
        now = time.monotonic()
        if result == self.FLOW_CONTROL:  # the SP says that it is too much just now
            link.account.put_again(outgoing, now)
        for used in link.account.pump(now):
            if used is not link:
                used.flush()

    def _on_submit(self, link: SpLink, sequence_id: int, submit: Any) -> None:
        account, faults = link.account, self.faults
        if account is None or link.is_cut:
            return
        link.submits += 1
        link.unanswered += 1
        self.counts["submits"] += 1
        earlier = link.answers.get(sequence_id)
        if earlier is not None and earlier[0] == submit:
            answer, is_good = earlier[1]
            self._write(link, sequence_id, submit, answer, repeated=True)
        else:
            answer, is_good = self._taken(link, account, sequence_id, submit)
        if self._is_cut(link):
            link.cut()
        elif random.random() < faults.drop_answers:  # noqa: S311  # chance, not secrecy
            link.unanswered -= 1
            self.counts["answers_dropped"] += 1
        else:
            self._answer(link, sequence_id, answer, is_good=is_good)

    def _taken(self, link: SpLink, account: Account, sequence_id: int, submit: Any) -> tuple[Any, bool]:
        """Decide on a new SUBMIT and do what follows from it; its answer, and whether that is a good one."""
        now = time.monotonic()
        too_many = account.over_rate(now, self.faults.max_per_s, self._count(submit))
        is_over = too_many or link.unanswered > WINDOW
        result = self.FLOW_CONTROL if is_over else self._result(link, account, submit)
        answer = self._answer_to(submit, result)
        self.results[result] += 1
        link.remember(sequence_id, submit, (answer, not result))
        record = self._write(link, sequence_id, submit, answer, repeated=False)
        if not result:
            account.service_codes.add(record["src_id"])
            self._arrive(link, account, submit, answer, record)
        return answer, not result

    def _arrive(self, link: SpLink, account: Account, submit: Any, answer: Any, record: dict[str, Any]) -> None:
        """It reaches the phones, and reports follow."""
        self._show(record, datetime.now(UTC))
        if self.faults.reports:
            for delay_s, outgoing in self._reports(link, submit, answer):
                account.put(outgoing, time.monotonic(), delay_s)

    def _count(self, submit: Any) -> int:
        """How many numbers it goes to."""
        return 1

    def _answer(self, link: SpLink, sequence_id: int, answer: Any, *, is_good: bool) -> None:
        faults = self.faults
        delay_s = faults.answer_delay_s
        if faults.report_before_answer and is_good:
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

    def _write(self, link: SpLink, sequence_id: int, submit: Any, answer: Any, *, repeated: bool) -> dict[str, Any]:
        """Put an attempt into the journal; what it says of it."""
        where = {"sp_id": link.account.sp_id if link.account else "", "link": link.peer, "sequence_id": sequence_id}
        record = self._record(submit, answer)
        self.journal.add(where | record | {"repeated": repeated})
        self.counts["submits_repeated"] += repeated
        return record

    def _show(self, record: dict[str, Any], at: datetime) -> None:
        """Hand what was taken to the phones."""
        content = bytes.fromhex(record["content"])
        for number in record["to"]:
            self.phones.take(
                number_or_empty(number),
                record["src_id"],
                record["tp_udhi"],
                record["msg_fmt"],
                content,
                at,
                self.name,
            )

    def _replay(self) -> None:
        """Show again what was taken before this start."""
        for record in self.journal.last(REPLAYED):
            if not record["result"] and not record["repeated"]:
                self._show(record, datetime.fromisoformat(record["at"]))

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
