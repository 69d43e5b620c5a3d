# mypy: disallow-untyped-decorators=False, disallow-subclassing-any=False
# pymilter has no types.
"""libmilter's side: the only file that imports Milter.

Postfix waits for an answer to RCPT and to the end of a message only; the other steps go without one (SMFIP_NR_*),
HELO, DATA and the end of the headers are not sent at all. libmilter runs one thread for each SMTP connection.

Requests: connect, mail, rcpt, header, body, end, abort, close. Changes: X-Caiyou-* headers, nothing else.
Bugs of pymilter 1.0.5 lived with: ``@symlist`` fails in Python 3 (bytes for str) and with it the whole negotiation.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import Milter

from caiyou import log
from caiyou.errors import DirectoryDown, OutboxDown, Reply
from caiyou_milter import replies
from caiyou_milter.services import Services
from caiyou_milter.session import Action, Session

logger = logging.getLogger("caiyou.milter")

MilterError = Milter.error

# What each step reads, and no more is sent.
_MACROS = {
    Milter.M_CONNECT: "{daemon_name}",
    Milter.M_ENVFROM: "{mail_addr} {auth_authen}",
    Milter.M_ENVRCPT: "{rcpt_addr}",
    Milter.M_EOM: "i",
}

_PLAIN_ADDRESS = re.compile(r"<([^\s\"\\<>@:,]+@[^\s\"\\<>@:,]+)>")


@Milter.header_leading_space
class Filter(Milter.Base):
    """One SMTP connection. An error of ours in any step makes the rest of that mail a 451."""

    def __init__(self, services: Services) -> None:
        self._session = Session(services)
        self._failed = False

    def negotiate(self, opts: list[int]) -> int:
        """Ask for the macros, then for the steps as decorated below."""
        for stage, macros in _MACROS.items():
            self._ctx.setsymlist(stage, macros)
        return int(super().negotiate(opts))

    @Milter.noreply
    def connect(self, hostname: str, family: int, address: Any) -> int:
        """``address`` is (ip, port, ...) for IP clients."""
        client_ip = address[0] if family in (socket.AF_INET, socket.AF_INET6) else ""
        self._session.connect(client_ip, self._macro("{daemon_name}") or "")
        return int(Milter.CONTINUE)

    @Milter.noreply
    @Milter.decode("replace")
    def envfrom(self, mail_from: str, *parameters: str) -> int:
        """MAIL: an address that Postfix has parsed is in the macro."""
        self._failed = False
        size = next((p[5:] for p in parameters if p[:5].upper() == "SIZE="), "")
        self._try(
            self._session.mail,
            self._address("{mail_addr}", mail_from),
            int(size) if size.isascii() and size.isdigit() else 0,
            self._macro("{auth_authen}") or "",
        )
        return int(Milter.CONTINUE)

    @Milter.decode("replace")
    def envrcpt(self, rcpt_to: str, *parameters: str) -> int:
        """RCPT."""
        reply = self._try(self._session.rcpt, self._address("{rcpt_addr}", rcpt_to))
        return self._refuse(replies.TRY_LATER if self._failed else reply)

    @Milter.noreply
    @Milter.decode("bytes")
    def header(self, name: str, value: bytes) -> int:
        """One header."""
        self._try(self._session.header, name, value)
        return int(Milter.CONTINUE)

    @Milter.noreply
    def body(self, chunk: bytes) -> int:
        """A piece of the body."""
        self._try(self._session.body, chunk)
        return int(Milter.CONTINUE)

    def eom(self) -> int:
        """The end of the message."""
        verdict = self._try(self._session.end, self._macro("i") or "")
        self._try(self._session.reset)
        if self._failed or verdict is None:
            return self._refuse(replies.TRY_LATER)
        if verdict.action is Action.DISCARD:
            return int(Milter.DISCARD)
        for name, count in verdict.remove.items():
            for index in range(count, 0, -1):  # from the last: a removal does not move those before it
                self.chgheader(name, index, "")
        for name, value in verdict.add.items():
            self.addheader(name, f" {value}")
        return self._refuse(verdict.reply)

    def abort(self) -> int:
        """The mail is given up."""
        self._try(self._session.reset)
        return int(Milter.CONTINUE)

    def close(self) -> int:
        """The connection is over."""
        self._try(self._session.reset)
        return int(Milter.CONTINUE)

    def _address(self, macro: str, written: str) -> str:
        """The address as written, or Postfix's own reading of one with quotes, a route or no domain (in lower case)."""
        if plain := _PLAIN_ADDRESS.fullmatch(written):
            return plain[1]
        parsed = self._macro(macro)
        return written.strip("<>") if parsed is None else parsed

    def _macro(self, name: str) -> str | None:
        try:
            value = self.getsymval(name)
        except UnicodeDecodeError:  # pymilter decodes macros strictly
            return None
        return None if value is None else str(value)

    def _refuse(self, reply: Reply | None) -> int:
        if reply is None:
            return int(Milter.CONTINUE)
        self.setreply(str(reply.code), reply.enhanced, reply.text)
        return int(Milter.TEMPFAIL if reply.code < 500 else Milter.REJECT)

    def _try(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """The one place where everything is caught: nothing internal reaches the peer, the mail is tried again."""
        if self._failed and step != self._session.reset:
            return None
        try:
            return step(*arguments)
        except (DirectoryDown, OutboxDown) as error:
            logger.warning(log.line(self._macro("i"), status="deferred", why=error))
        except Exception:
            logger.exception(log.line(self._macro("i"), status="deferred", step=step.__name__))
        self._failed = True
        return None


def listen(services: Services) -> None:
    """Register the callbacks and open the unix socket, which must not be there. Raises MilterError."""

    def to(method: str) -> Callable[..., int]:
        return lambda context, *arguments: getattr(context.getpriv(), method)(*arguments)

    Milter.factory = partial(Filter, services)
    Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.SETSYMLIST)
    Milter.set_exception_policy(Milter.TEMPFAIL)
    Milter.set_connect_callback(Milter.connect_callback)
    Milter.set_envfrom_callback(to("envfrom_bytes"))
    Milter.set_envrcpt_callback(to("envrcpt_bytes"))
    Milter.set_header_callback(to("header"))
    Milter.set_body_callback(to("body"))
    Milter.set_eom_callback(to("eom"))
    Milter.set_abort_callback(to("abort"))
    Milter.set_close_callback(Milter.close_callback)
    Milter.setconn(f"unix:{services.settings.socket}")
    Milter.setbacklog(services.settings.backlog)
    Milter.register("caiyou-milter", negotiate=Milter.negotiate_callback)
    Milter.opensocket(False)


def serve() -> None:
    """Answer Postfix until libmilter ends. Raises MilterError when it cannot start threads."""
    Milter.main()
