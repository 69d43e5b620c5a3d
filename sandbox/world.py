"""Every mail server outside, in one process: takes mail for any address and keeps it as ``<n>.eml`` and ``<n>.json``.

``refuse@...`` is answered 550 and ``busy@...`` 451 at RCPT, to see what the sender is told.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import signal
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from caiyou import log
from sandbox.ports import HOST

logger = logging.getLogger("sandbox.world")


class Keeper:
    """aiosmtpd handler: one file for the mail, one for its envelope."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        last = max((int(path.stem) for path in folder.glob("*.json")), default=0)
        self._numbers = itertools.count(last + 1)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        local = address.rpartition("@")[0]
        if local == "refuse":
            return "550 5.1.1 no such user"
        if local == "busy":
            return "451 4.3.0 try again"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        number = next(self._numbers)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        (self._folder / f"{number}.eml").write_bytes(content)
        mail_from = envelope.mail_from if envelope.mail_from != "<>" else ""
        record = {"mail_from": mail_from, "rcpt_tos": envelope.rcpt_tos, "smtputf8": envelope.smtp_utf8}
        draft = self._folder / f"{number}.new"
        draft.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.rename(self._folder / f"{number}.json")
        logger.info(log.line(None, world="kept", number=number, bytes=len(content)))
        return f"250 2.0.0 kept as {number}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.world", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    log.setup()
    controller = Controller(
        Keeper(arguments.folder),
        hostname=HOST,
        port=arguments.port,
        enable_SMTPUTF8=True,
        data_size_limit=100 << 20,
        decode_data=False,
    )
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    controller.start()
    signal.sigwait(stop)
    controller.stop()


if __name__ == "__main__":
    main()
