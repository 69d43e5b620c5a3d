"""Where the SMG binds to us: its connections, their login, their bounds.

Any machine that reaches the port may try. A connection must bind within ``LOGIN_S``; while it has not, it is one of at
most ``MOST_UNBOUND``, and the oldest of them goes when there is one more, so nobody can keep the SMG out by sitting
there. Bound ones are at most ``listen_most``. What is wrong is logged at most once a minute of each kind.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import secret
from mail2sms.links.wire import Wire
from mail2sms.session.base import Limits
from mail2sms.session.events import Closed, Forgave, Malformed
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.sgip.codes import LoginType, Result, words_of
from mail2sms.sgip.events import BindAsked, Requested
from mail2sms.sgip.pdu import Bind
from mail2sms.sgip.sequence import Sequencer
from mail2sms.sgip.session import BY_SMG, ServerSession
from mail2sms.sgip.taken import Taken

logger = logging.getLogger("mail2sms.links.sgip")

LOGIN_S = 10.0
IDLE_S = 180.0  # SMGs end theirs after 60 s at most; this ends those whose peer is gone
MOST_UNBOUND = 16
COMPLAIN_S = 60.0
RETRY_S = 5.0  # before an address that cannot be listened on is tried again

OnMessage = Callable[[Requested, Callable[[], None]], None]


class Listener:
    """Listens for one link. ``on_message`` gets each message with its ``done``."""

    def __init__(
        self,
        name: str,
        settings: SgipLinkSettings,
        sequencer: Sequencer,
        taken: Taken,
        on_message: OnMessage,
        notes: MutableMapping[str, str],
    ) -> None:
        self._name = name
        self._settings = settings
        self._sequencer = sequencer
        self._taken = taken
        self._on_message = on_message
        self._notes = notes
        self._unbound: dict[_Call, None] = {}  # oldest first
        self._bound: set[_Call] = set()
        self._complained: dict[str, tuple[float, int]] = {}  # kind: when last, how often since

    async def run(self, host: str, port: int) -> None:
        """Listen until cancelled."""
        where = f"{host}:{port}"
        while True:
            try:
                server = await asyncio.get_running_loop().create_server(lambda: _Call(self), host, port)
                break
            except OSError as error:
                self._notes["listener"] = f"{where}: {error.strerror or error}"
                self._complain("cannot listen", where, str(error))
                await asyncio.sleep(RETRY_S)
        self._note(where)
        logger.info(log.line(None, link=self._name, listens=where))
        try:
            while True:
                await asyncio.sleep(1.0)
                self._note(where)
        finally:
            server.close()
            for call in [*self._unbound, *self._bound]:
                call.abort()
            self._notes["listener"] = "closed"

    # --- connections

    def connected(self, call: _Call) -> None:
        """A connection stands."""
        limits = Limits(window=32, answer_s=self._settings.answer_s, idle_s=IDLE_S)
        session = ServerSession(limits, self._sequencer, BY_SMG, self._taken)
        session.waits_for_login(call.now(), LOGIN_S)
        if len(self._unbound) >= MOST_UNBOUND:
            self._complain("too many connections without a login", call.peer, "the oldest is closed")
            next(iter(self._unbound)).abort()
        self._unbound[call] = None
        call.begin(session, partial(self._on, call))

    def gone(self, call: _Call) -> None:
        """A connection is gone."""
        self._unbound.pop(call, None)
        self._bound.discard(call)

    def _on(self, call: _Call, event: Any) -> None:
        match event:
            case Requested():
                self._on_message(event, call.owe(event))
            case BindAsked():
                self._on_bind(call, event.bind)
            case Forgave():
                logger.warning(log.line(None, link=self._name, listener=call.peer, forgave=event.what))
            case Malformed():
                self._complain("malformed", call.peer, event.why)
            case Closed() if not event.clean and call in self._unbound:
                self._complain("no login", call.peer, event.why)
            case _:
                pass

    def _on_bind(self, call: _Call, bind: Bind) -> None:
        result = self._check(bind)
        if result != Result.OK:
            self._complain("login refused", call.peer, words_of(result))
            self._unbound.pop(call, None)  # said already
            call.session.refuse(result)
            return
        del self._unbound[call]
        self._bound.add(call)
        call.session.admit(call.now())
        logger.info(log.line(None, link=self._name, listener=call.peer, bound=bind.login_name))

    def _check(self, bind: Bind) -> Result:
        settings = self._settings
        try:
            password = secret(settings.listen_secret_file) if settings.listen_secret_file else ""
        except SettingsError as error:
            self._complain("no password to compare with", "", str(error))
            return Result.BUSY
        given, ours = (bind.login_name, bind.login_password), (settings.listen_name, password)
        same = [hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(given, ours, strict=True)]
        if not all(same) or not password:
            return Result.LOGIN
        if bind.login_type != LoginType.SMG_TO_SP:
            return Result.LOGIN_TYPE
        return Result.TOO_MANY_LINKS if len(self._bound) >= settings.listen_most else Result.OK

    # --- for people

    def _note(self, where: str) -> None:
        self._notes["listener"] = f"{where}, {len(self._bound)} bound"

    def _complain(self, kind: str, peer: str, why: str) -> None:
        """One line a minute of each kind: whoever hammers the port shall not fill the log."""
        now = asyncio.get_running_loop().time()
        last, unsaid = self._complained.get(kind, (-COMPLAIN_S, 0))
        if now - last < COMPLAIN_S:
            self._complained[kind] = last, unsaid + 1
            return
        self._complained[kind] = now, 0
        logger.warning(log.line(None, link=self._name, listener=peer, problem=kind, why=why, more=unsaid or None))


class _Call(Wire[ServerSession]):
    """One connection to the listener."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.peer = f"{peer[0]}:{peer[1]}" if peer else "gone"
        self._listener.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._listener.gone(self)
