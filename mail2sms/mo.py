"""Messages from handsets (MO): one normal form whatever link they came by, the parts of long ones joined.

The normal form is the event SMS_RECEIVED (``number`` the handset, E.164 where it can be read so; detail ``to`` our
number, ``link``, ``ref`` the carrier's id, ``parts``, and ``missing`` where parts did not come in time), and, beside
it, the message itself in the list ``mo:inbox:<number>``, which ``mail2sms.dialog`` answers. What a person wrote stands
there alone, until it is answered. Joining happens in Redis (journal.lua, ``mo``), since the parts of one message may
come by different links and survive a crash between them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from hashlib import sha1
from secrets import token_hex
from typing import Any

from caiyou import log
from caiyou.errors import InputError
from caiyou.events import Event, Kind, fit
from caiyou.msisdn import Msisdn
from mail2sms.journal import Journal
from mail2sms.links import Mo

logger = logging.getLogger("mail2sms.mo")

MAX_NUMBER = 32  # characters, as an event keeps them
MAX_REF = 128
MAX_TEXT = 4000  # characters of one part: no handset sends more, a provider over HTTP might
MAX_PARTS = 255


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
            sender = Msisdn(fit(mo.sender, MAX_NUMBER))
        to = fit(mo.to, MAX_NUMBER)
        number, total = self._place(link, mo)
        if len(mo.text) > MAX_TEXT:
            logger.warning(log.line(None, link=link, forgave=f"a text of {len(mo.text)} characters, cut"))
        # The same id with other content is no repeat: some carriers' ids come round again after a restart. Without an
        # id nothing is known to be one.
        ref = mo.ref or token_hex(16)
        digest = sha1(
            "\0".join((account, ref, sender, mo.to, str(number), mo.text)).encode("utf-8", "replace"),
            usedforsecurity=False,
        ).hexdigest()
        event = Event(
            kind=Kind.SMS_RECEIVED,
            id=f"mo-{digest}",
            number=sender,
            detail={"to": to, "link": link, "ref": fit(mo.ref, MAX_REF), "parts": total},
        )
        record = {
            "event": json.loads(event.to_json()),
            "mo": {"id": event.id, "number": str(sender), "to": to, "link": link},
        }

        def recorded(became: Any) -> None:
            logger.info(log.line(None, sms="received", sender=sender.masked, link=link, became=became))
            done()

        self._journal.write(
            [
                "mo",
                digest,
                token_hex(8),
                f"mo:join:{account}:{sender}:{to}:{mo.reference}:{total}",
                number,
                total,
                mo.text[:MAX_TEXT].encode("utf-16-be", "surrogatepass").hex(),
                time.time() + self._wait_s,
                json.dumps(record, ensure_ascii=False),
            ],
            recorded,
        )

    def _place(self, link: str, mo: Mo) -> tuple[int, int]:
        """Which part of how many; what cannot be stands alone."""
        if 1 <= mo.number <= mo.total <= MAX_PARTS:
            return mo.number, mo.total
        logger.warning(log.line(None, link=link, forgave=f"part {mo.number} of {mo.total}"))
        return 1, 1
