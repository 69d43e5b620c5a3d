"""The first mail: from outside to alice, and what becomes of it."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, localtime, make_msgid

from sqlalchemy import Engine

from caiyou.events import Event, Kind
from caiyou.ledger.database import connect
from caiyou.ledger.history import Ids, events_of
from sandbox import site
from sandbox.layout import Layout
from sandbox.running import RunningSandbox, Sent

SENDER = "zhangwei@world.test"
WAIT_S = 30.0


def send_and_tell(layout: Layout, say: Callable[[str], None]) -> bool:
    """Send it through the MX and say what happens, step by step; False when a step did not come in time."""
    sandbox = RunningSandbox(layout)
    alice = site.ACCOUNTS[0]
    before = len(sandbox.phone_messages(alice.mobile))
    try:
        sent = sandbox.send(SENDER, [alice.address], _message(alice.address))
    except smtplib.SMTPException as error:
        say(f"Refused   {error}")
        return False
    say(f"Accepted  by Postfix, queue id {sent.queue_id}, from {SENDER} to {alice.address}")
    engine = connect(sandbox.settings.ledger, reads=True)
    try:
        steps = (
            ("Scanned", lambda: _event(engine, sent, Kind.MAIL_ACCEPTED)),
            ("Delivered", lambda: _event(engine, sent, Kind.MAIL_DELIVERED)),
            ("SMS", lambda: _sms(sandbox, alice.mobile, before)),
        )
        for name, step in steps:
            try:
                say(f"{name:9} {sandbox.eventually(step, WAIT_S)}")
            except AssertionError:
                say(f"{name:9} nothing within {WAIT_S:g} s; see `caiyou trace {sent.queue_id}` and {layout.log}")
                return False
    finally:
        engine.dispose()
        sandbox.close()
    return True


def _message(to: str) -> bytes:
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = f"张伟 <{SENDER}>"
    message["To"] = to
    message["Subject"] = "第一封信"
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain="world.test")
    message.set_content("你好！这封信经过了 Postfix、病毒扫描和 Dovecot，也到了你的手机上。\n")
    return message.as_bytes()


def _event(engine: Engine, sent: Sent, kind: Kind) -> str:
    events = [e for e in events_of(engine, Ids(queue_ids=frozenset([sent.queue_id]))) if e.kind == kind]
    return _told(events[0]) if events else ""


def _told(event: Event) -> str:
    if event.kind == Kind.MAIL_ACCEPTED:
        return f"by clamd: {event.result}"
    return f"to mailbox {event.subscriber}: {event.result}"


def _sms(sandbox: RunningSandbox, number: str, before: int) -> str:
    messages = sandbox.phone_messages(number)[before:]
    return f"on phone {number}: {messages[-1]['text']}" if messages else ""
