"""An SMGP link: the client session of ``mail2sms.smgp`` on a TCP connection."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from caiyou import log
from mail2sms.links import Answer, MtPart, Outcome
from mail2sms.links.smgp_pdus import mo_of, ref_of, report_of, status_of, submit_of
from mail2sms.links.stream import StreamLink
from mail2sms.settings.smgp import SmgpLinkSettings
from mail2sms.smgp import events
from mail2sms.smgp.codes import ACCOUNT_FAULTS, LoginMode, Status
from mail2sms.smgp.session import ClientSession, Credentials

logger = logging.getLogger("mail2sms.links.smgp")


class SmgpLink(StreamLink[ClientSession]):
    """One login at an SMGW."""

    def __init__(self, name: str, settings: SmgpLinkSettings) -> None:
        super().__init__(name, settings, settings.account_name)
        self._settings = settings

    def _log_in(self, password: str, now: float) -> ClientSession:
        settings = self._settings
        credentials = Credentials(
            client_id=settings.client_id,
            secret=password,
            mode=LoginMode(settings.login_mode),
            require_proof=settings.strict_auth,
        )
        session = ClientSession(credentials, self._limits())
        session.login(now, datetime.now())  # noqa: DTZ005  the text wants the local clock's digits
        return session

    def _send(self, session: ClientSession, part: MtPart, now: float) -> int:
        return session.submit(submit_of(part, self._settings, datetime.now(UTC)), now)

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
                    logger.warning(log.line(None, link=self._name, forgave="AuthenticatorServer is wrong"))
                self._up("SMGP 3.0", sends=self._settings.login_mode != LoginMode.RECEIVE)
            case _:
                super()._on(event)

    def _is_lasting(self, status: int) -> bool:
        # A full or busy SMGW has room again soon; what is wrong with the credentials stays so.
        return status not in (Status.BUSY, Status.TOO_MANY_LINKS)


def _answer(event: events.SubmitAnswered) -> Answer:
    if event.status == Status.OK:
        return Answer(outcome=Outcome.ACCEPTED, ref=ref_of(event.msg_id))
    outcome = Outcome.BUSY if event.status == Status.BUSY else Outcome.REFUSED
    return Answer(outcome=outcome, result=status_of(event.status), elsewhere=event.status in ACCOUNT_FAULTS)
