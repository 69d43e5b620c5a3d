"""An SMPP link: client sessions of ``mail2sms.smpp`` on one TCP connection, or on a pair (transmitter and receiver)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from caiyou import log
from mail2sms.links import LinkState, Mo, MtPart, Sink
from mail2sms.links.smpp_pdus import answer_of, mo_of, report_of, submit_of
from mail2sms.links.stream import StreamLink
from mail2sms.links.wire import Wire
from mail2sms.session.base import Limits
from mail2sms.settings.smpp import SmppLinkSettings
from mail2sms.smpp import events
from mail2sms.smpp.codes import Status
from mail2sms.smpp.link import limits
from mail2sms.smpp.pdu import Incoming
from mail2sms.smpp.session import ClientSession, Login, Mode

logger = logging.getLogger("mail2sms.links.smpp")

LAWFUL_PASSWORD_OCTETS = 8
PASSING = {Status.RALYBND, Status.RSYSERR, Status.RMSGQFUL, Status.RTHROTTLED, Status.RX_T_APPN}
REDELIVERED_S = 600.0  # so long after a cut an SMSC brings again what was not acknowledged
MAX_REDELIVERED = 1000


class Bind(StreamLink[ClientSession]):
    """One connection and its login."""

    def __init__(self, name: str, settings: SmppLinkSettings, mode: Mode) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings
        self._mode = mode
        self._token = ""  # of this connection: no id of an MO is the same on the next one
        self._unacknowledged: dict[int, tuple[Incoming, str]] = {}  # MO and its ref, by sequence_number
        self._redelivered: dict[Incoming, tuple[str, float]] = {}  # the same, of connections that are gone

    # --- what StreamLink asks

    def _log_in(self, password: str, now: float) -> ClientSession:
        settings = self._settings
        if len(password) > LAWFUL_PASSWORD_OCTETS and not self._token:  # once is enough
            why = f"the password is longer than SMPP's {LAWFUL_PASSWORD_OCTETS} octets"
            logger.warning(log.line(None, link=self._name, why=why))
        login = Login(
            system_id=settings.system_id,
            password=password,
            mode=self._mode,
            system_type=settings.system_type,
            address_range=settings.address_range,
        )
        session = ClientSession(login, self._limits())
        session.bind(now)
        self._token = secrets.token_hex(4)
        return session

    def _limits(self) -> Limits:
        settings = self._settings
        return limits(settings.window, settings.answer_s, settings.tries, settings.idle_s)

    async def _connected(self) -> Wire[ClientSession]:
        settings = self._settings
        if not settings.tls:
            return await super()._connected()
        context = await asyncio.to_thread(ssl.create_default_context, cafile=settings.tls_ca_file)
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(
            lambda: Wire[ClientSession](), settings.host, settings.port, ssl=context, server_hostname=settings.host
        )
        return wire

    def _send(self, session: ClientSession, part: MtPart, now: float) -> int:
        return session.submit(submit_of(part, self._settings, datetime.now(UTC)), now)

    def _on(self, event: Any) -> None:
        match event:
            case events.SubmitAnswered():
                self._answer(event.sequence_id, answer_of(event, self._settings))
                if event.status == Status.RINVBNDSTS and self._wire is not None:
                    self._wire.abort()
            case events.Reported():
                self._sink.reported(report_of(event, self._settings), self._done(event))
            case events.Delivered():
                self._sink.received(*self._mo(event))
            case events.Bound():
                self._up(f"SMPP 3.4 {self._mode}{f' at {event.system_id}' if event.system_id.isprintable() else ''}")
            case _:
                super()._on(event)

    def _is_lasting(self, status: int) -> bool:
        # A login too many and a busy SMSC pass; what is wrong with the credentials does not.
        return status not in PASSING

    def _forget(self) -> None:
        super()._forget()
        now = asyncio.get_running_loop().time()
        found = self._redelivered | {message: (ref, now) for message, ref in self._unacknowledged.values()}
        self._redelivered = {message: kept for message, kept in found.items() if now < kept[1] + REDELIVERED_S}
        while len(self._redelivered) > MAX_REDELIVERED:
            del self._redelivered[next(iter(self._redelivered))]
        self._unacknowledged.clear()

    def _mo(self, event: events.Delivered) -> tuple[Mo, Callable[[], None]]:
        """SMPP gives messages from handsets no id: one that comes again after a cut keeps the ref it had."""
        message, sequence_id = event.message, event.sequence_id
        ref, _ = self._redelivered.pop(message, (f"{self._token}:{sequence_id}", 0.0))
        self._unacknowledged[sequence_id] = (message, ref)
        acknowledge, unacknowledged = self._done(event), self._unacknowledged

        def done() -> None:
            acknowledge()
            if unacknowledged.get(sequence_id, ("", ""))[1] == ref:
                del unacknowledged[sequence_id]

        return mo_of(message, self._settings, ref), done


class SmppLink(Bind):
    """One login at an SMSC."""

    def __init__(self, name: str, settings: SmppLinkSettings) -> None:
        is_pair = settings.bind == "pair"
        super().__init__(name, settings, Mode.TRANSMITTER if is_pair else Mode.TRANSCEIVER)
        self.whole = settings.long == "payload"
        self._receiver = Bind(name, settings, Mode.RECEIVER) if is_pair else None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        if self._receiver is None:
            await super().run(sink, stop_s)
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receiver.run(_ReceiverSink(sink, self.notes), stop_s))
            tasks.create_task(super().run(sink, stop_s))


class _ReceiverSink:
    """What the receiver of a pair says: how it stands is a note beside the transmitter's state."""

    def __init__(self, sink: Sink, notes: dict[str, str]) -> None:
        self._notes = notes
        self.answered = sink.answered
        self.reported = sink.reported
        self.received = sink.received

    def changed(self, state: LinkState, why: str) -> None:
        """See ``Sink``."""
        self._notes["receiver"] = f"{state}: {why}"
