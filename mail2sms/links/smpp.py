"""An SMPP link: client sessions of ``mail2sms.smpp`` on one TCP connection, or on a pair (transmitter and receiver)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from datetime import UTC, datetime
from typing import Any

from caiyou import log
from mail2sms.links import LinkState, MtPart, Sink
from mail2sms.links.redelivered import Redelivered
from mail2sms.links.smpp_pdus import answer_of, mo_of, report_of, submit_of
from mail2sms.links.stream import StreamLink
from mail2sms.links.wire import Wire
from mail2sms.session.base import Limits
from mail2sms.settings.smpp import SmppLinkSettings
from mail2sms.smpp import events
from mail2sms.smpp.codes import Status, name_of
from mail2sms.smpp.link import limits
from mail2sms.smpp.session import ClientSession, Login, Mode

logger = logging.getLogger("mail2sms.links.smpp")

LAWFUL_PASSWORD_OCTETS = 8
PASSING = {Status.RALYBND, Status.RSYSERR, Status.RMSGQFUL, Status.RTHROTTLED, Status.RX_T_APPN}


class Bind(StreamLink[ClientSession]):
    """One connection and its login."""

    def __init__(self, name: str, settings: SmppLinkSettings, mode: Mode) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings
        self._mode = mode
        self._token = ""  # of this connection: no id of an MO is the same on the next one
        self._served = False  # a submit was answered on this connection
        self._redelivered = Redelivered()

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
        self._token, self._served = secrets.token_hex(4), False
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
                self._answered(event)
            case events.Reported():
                self._sink.reported(report_of(event, self._settings), self._done(event))
            case events.Delivered():
                self._received(event)
            case events.Bound():
                self._up(f"SMPP 3.4 {self._mode}{f' at {event.system_id}' if event.system_id.isprintable() else ''}")
            case _:
                super()._on(event)

    def _is_lasting(self, status: int) -> bool:
        # A login too many and a busy SMSC pass; what is wrong with the credentials does not.
        return status not in PASSING

    def _forget(self) -> None:
        super()._forget()
        self._redelivered.ended(asyncio.get_running_loop().time())

    def _answered(self, event: events.SubmitAnswered) -> None:
        self._answer(event.sequence_id, answer_of(event, self._settings))
        if event.status != Status.RINVBNDSTS:
            self._served = True
        elif self._wire is not None:
            # It lost our login: a new one helps. If it never took a submit on this one, the account may not send.
            self._ended.refused, self._ended.why = not self._served, name_of(event.status)
            self._wire.abort()

    def _received(self, event: events.Delivered) -> None:
        now, sequence_id = asyncio.get_running_loop().time(), event.sequence_id
        ref = self._redelivered.came(sequence_id, event.message, f"{self._token}:{sequence_id}", now)
        acknowledge = self._done(event)

        def done() -> None:
            acknowledge()
            self._redelivered.acknowledged(sequence_id, ref)

        self._sink.received(mo_of(event.message, self._settings, ref), done)


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
