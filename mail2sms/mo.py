"""Messages from handsets (MO): one normal form whatever link they came by, the parts of long ones joined.

The normal form is the event SMS_RECEIVED: ``number`` the handset (E.164 where it can be read so), detail ``to`` (our
number), ``text``, ``link``, ``parts``, and ``missing`` where parts did not come in time. Joining happens in Redis
(journal.lua, ``mo``), since the parts of one message may come by different links and survive a crash between them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from hashlib import sha1
from secrets import token_hex
from typing import Any

from caiyou import log
from caiyou.errors import InputError
from caiyou.events import Event, Kind
from caiyou.msisdn import Msisdn
from mail2sms.journal import Journal
from mail2sms.links import Mo

logger = logging.getLogger("mail2sms.mo")


class MoRecorder:
    """Writes them to the journal. ``wait_s``: how long a part waits for the others."""

    def __init__(self, journal: Journal, wait_s: float, region: str) -> None:
        self._journal = journal
        self._wait_s = wait_s
        self._region = region

    def record(self, link: str, account: str, mo: Mo, done: Callable[[], None]) -> None:
        """Record one message or part; ``done`` once it is, a repeat too."""
        try:
            sender = Msisdn.parse(mo.sender, self._region)
        except InputError:
            sender = Msisdn(mo.sender)
        # The same id with other content is no repeat: some carriers' ids come round again after a restart.
        digest = sha1(
            "\0".join((account, mo.ref, sender, mo.to, str(mo.number), mo.text)).encode("utf-8", "replace"),
            usedforsecurity=False,
        ).hexdigest()
        key = f"mo:{account}:{sender}:{mo.to}:{mo.reference}:{mo.total}"
        event = Event(
            kind=Kind.SMS_RECEIVED,
            id=f"mo-{digest}",
            number=sender,
            detail={"to": mo.to, "text": mo.text, "link": link, "ref": mo.ref, "parts": mo.total},
        )

        def recorded(became: Any) -> None:
            logger.info(log.line(None, sms="received", sender=sender.masked, link=link, became=became))
            done()

        self._journal.write(
            [
                "mo",
                digest,
                token_hex(8),
                key,
                mo.number,
                mo.total,
                mo.text,
                time.time() + self._wait_s,
                event.to_json(),
            ],
            recorded,
        )
