"""What becomes of one recipient: pure decisions, no I/O. Texts for people are in Chinese and English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from caiyou.address import domain_to_ascii
from caiyou.directory.model import Resolution, State, Subscriber
from caiyou.directory.reject import rejects
from caiyou.errors import InputError, Reply

UNKNOWN = Reply(550, "5.1.1", "No such mailbox here 没有这个邮箱")
SUSPENDED = Reply(550, "5.2.1", "Mailbox suspended, not accepting mail 邮箱已停用，不接收邮件")
REJECTED = Reply(550, "5.7.1", "The recipient does not accept mail from this sender 收件人拒收此发件人的邮件")
MALFORMED = Reply(553, "5.1.3", "Malformed recipient address 收件人地址格式错误")
UNEXPANDED = Reply(451, "4.3.5", "Address stands for several, expected expanded 别名尚未展开，请稍后再试")
DIRECTORY_DOWN = Reply(451, "4.4.3", "Directory not available, try again later 目录服务暂不可用，请稍后再试")
STORAGE_DOWN = Reply(451, "4.4.1", "Mailbox store not available, try again later 邮箱存储暂不可用，请稍后再试")
IN_DOUBT = Reply(451, "4.4.2", "Mailbox store did not confirm, try again later 邮箱存储未确认，请稍后再试")
UNDER_WAY = Reply(451, "4.4.5", "An earlier delivery is still under way, try again later 投递正在进行，请稍后再试")
DISAGREEMENT = Reply(451, "4.3.5", "Mailbox store does not know the mailbox yet 邮箱存储尚无此邮箱，请稍后再试")
TOO_MANY = Reply(452, "4.5.3", "Too many recipients, send the rest again 收件人过多，其余请重发")
TOO_BIG = Reply(552, "5.3.4", "Message too big for the system 邮件超过系统大小限制")
BARE_LF = Reply(554, "5.6.0", "Bare line feed in message, lines end in CR LF 邮件含有不合规的换行符")
INTERNAL = Reply(451, "4.3.0", "Internal error, try again later 系统内部错误，请稍后再试")
FULL = "Mailbox is full 邮箱已满"

_REPLY_LINE = re.compile(rb"(\d{3})([ -])(?:(\d\.\d{1,3}\.\d{1,3}) ?)?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The mailbox that one recipient means. ``address`` is the recipient as the peer wrote it."""

    address: str
    subscriber: Subscriber

    @property
    def mailbox(self) -> str:
        """The Dovecot user."""
        return self.subscriber.mailbox


def decide(
    address: str, subscriber: Subscriber | None, resolution: Resolution | None, mail_from: str
) -> Destination | Reply:
    """Where mail for ``address`` goes. ``subscriber`` is whose own address it is; else ``resolution`` follows aliases.

    Postfix expands aliases, so an alias arrives here only unexpanded; one that means a single mailbox is clear, of
    several no single reply would be true: that is a wrong set-up, and temporary.
    """
    if subscriber is None:
        if resolution is None or not resolution.known:
            return UNKNOWN
        if resolution.dynamic or resolution.outside or len(resolution.subscribers) != 1:
            return UNEXPANDED
        subscriber = resolution.subscribers[0]
    if subscriber.state is State.CLOSED:
        return UNKNOWN
    if subscriber.state is State.SUSPENDED:
        return SUSPENDED
    if rejects(subscriber, mail_from):  # one of several behind an alias: the milter took the mail for the others
        return REJECTED
    return Destination(address=address, subscriber=subscriber)


def ascii_sender(mail_from: str) -> str | None:
    """The envelope sender as a server without SMTPUTF8 takes it, None where there is no such form (RFC 6531 3.2)."""
    if mail_from.isascii():
        return mail_from
    local, _, domain = mail_from.rpartition("@")
    if not local.isascii():
        return None
    try:
        return f"{local}@{domain_to_ascii(domain)}"
    except InputError:
        return None


def parse_reply(lines: list[bytes]) -> Reply:
    """Dovecot's reply, its lines without CR LF; raises ValueError on what is none."""
    text = []
    code = enhanced = b""
    for line in lines:
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (code and match[1] != code):
            raise ValueError(f"not an LMTP reply: {line[:80]!r}")
        code, enhanced = match[1], enhanced or match[3] or b""
        words = match[4].decode("utf-8", "replace")
        text.append(words if words.isprintable() else "".join(c if c.isprintable() else "?" for c in words))
    if not enhanced.startswith(code[:1]):
        enhanced = code[:1] + b".0.0"
    return Reply(int(code), enhanced.decode("ascii"), " ".join(text).strip())


def is_full(reply: Reply) -> bool:
    """Whether Dovecot refused for want of room (RFC 3463 X.2.2)."""
    return reply.code >= 400 and reply.enhanced.endswith(".2.2")


def for_peer(reply: Reply) -> Reply:
    """Dovecot's reply as Postfix gets it.

    Full is said in both languages. A mailbox that the directory knows and Dovecot does not is a copy of the directory
    that lags, so the mail waits.
    """
    if is_full(reply):
        return Reply(reply.code, reply.enhanced, FULL)
    if reply.code >= 500 and reply.enhanced.startswith("5.1."):
        return DISAGREEMENT
    if not 400 <= reply.code <= 599 and reply.code != 250:
        return INTERNAL
    return reply
