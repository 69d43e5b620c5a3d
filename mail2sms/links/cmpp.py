"""A CMPP link: the client session of ``mail2sms.cmpp`` on a TCP connection."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from caiyou import log
from mail2sms.cmpp import events
from mail2sms.cmpp.codes import Result, Status, Version
from mail2sms.cmpp.session import ClientSession, Login
from mail2sms.links import Answer, MtPart, Outcome
from mail2sms.links.cmpp_pdus import mo_of, ref_of, report_of, result_of, submit_of
from mail2sms.links.stream import StreamLink
from mail2sms.settings.cmpp import CmppLinkSettings

logger = logging.getLogger("mail2sms.links.cmpp")

VERSIONS = {"2.0": Version.V20, "2.1": Version.V21, "3.0": Version.V30}


class CmppLink(StreamLink[ClientSession]):
    """One login at an ISMG."""

    def __init__(self, name: str, settings: CmppLinkSettings) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings

    def _log_in(self, password: str, now: float) -> ClientSession:
        settings = self._settings
        login = Login(
            sp_id=settings.sp_id,
            secret=password,
            version=VERSIONS[settings.version],
            require_proof=settings.strict_auth,
            pad_sp_id=settings.pad_sp_id,
        )
        session = ClientSession(login, self._limits())
        session.connect(now, datetime.now())  # noqa: DTZ005  the text wants the local clock's digits
        return session

    def _send(self, session: ClientSession, part: MtPart, now: float) -> int:
        return session.submit(submit_of(part, self._settings), now)

    def _on(self, event: Any) -> None:
        match event:
            case events.SubmitAnswered():
                self._answer(event.sequence_id, _answer(event))
            case events.Reported():
                self._sink.reported(report_of(event), self._done(event))
            case events.Delivered():
                self._sink.received(mo_of(event), self._done(event))
            case events.Connected():
                if not event.authentic:
                    logger.warning(log.line(None, link=self._name, forgave="AuthenticatorISMG is wrong"))
                self._up(f"CMPP {event.layout >> 4}.{event.layout & 15}")
            case _:
                super()._on(event)

    def _is_lasting(self, status: int) -> bool:
        # Too many links and the like pass; what is wrong with the credentials does not.
        return status < Status.OTHER


def _answer(event: events.SubmitAnswered) -> Answer:
    if event.result == Result.OK:
        return Answer(outcome=Outcome.ACCEPTED, ref=ref_of(event.msg_id))
    outcome = Outcome.BUSY if event.result == Result.FLOW_CONTROL else Outcome.REFUSED
    return Answer(outcome=outcome, result=result_of(event.result))
