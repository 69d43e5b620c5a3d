"""Mails to messages of MM4 and back."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from email.message import Message as Mail
from email.policy import compat32
from typing import Any

from caiyou.errors import ProtocolError
from caiyou.mime import addresses, decode_header
from mms_builder import multipart
from mms_builder.mm4.fields import Way, declared, mailbox, one_line
from mms_builder.mm4.messages import BY_NAME, ForwardReq, Message, Req, plain_name

VERSION = "5.5.0"
MAX_OCTETS = multipart.MAX_OCTETS
MAX_HEADER_OCTETS = 256 << 10  # trace lines and some thousand recipients
MAX_RECIPIENTS = 1000
_BLANK = re.compile(rb"\r?\n\r?\n")
_TYPE = re.compile(rb"^x-mms-message-type[ \t]*:[ \t]*mm4[._-]", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What SMTP wants: envelope and octets, 7-bit, with CRLF, its dots not yet doubled."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as it came. ``forgave`` names the peer's slips, for the log; ``quoted``: its ids were in quotes.

    ``reply_to`` is where the answer goes, if one is asked for: X-Mms-Originator-System, else Sender, else From.
    """

    message: Message
    version: str = ""
    reply_to: str = ""
    quoted: bool = False
    forgave: tuple[str, ...] = ()

    @property
    def wants_answer(self) -> bool:
        """Without the answer Mbuni sends the request again with every back-off."""
        return isinstance(self.message, Req) and bool(self.message.ack_request)


def is_mm4(octets: bytes) -> bool:
    """Whether a mail is MM4, from its header alone."""
    blank = _BLANK.search(octets, 0, MAX_HEADER_OCTETS)
    return _TYPE.search(octets, 0, blank.start() if blank else min(len(octets), MAX_HEADER_OCTETS)) is not None


def encode(
    message: Message, *, system: str, peer: str, version: str = VERSION, quote: bool = True, to: str = ""
) -> Encoded:
    """A mail. ``system`` is our system address (system-user@host), ``peer`` the domain of the other MMSC.

    A RES goes ``to`` the address in ``Received.reply_to``. Raises ValueError for what is missing or unfit.
    """
    way = Way(from_domain=system.rpartition("@")[2], to_domain=peer, quote=quote)
    header = [("X-Mms-3GPP-MMS-Version", one_line(version)), ("X-Mms-Message-Type", message.NAME)]
    for name, kind in declared(type(message)).items():
        value = getattr(message, name)
        if value is None or value == "" or value == ():
            if name == "originator_system":
                header.append((kind.name, one_line(system)))
            elif kind.required:
                raise ValueError(f"{message.NAME} without {kind.name}")
        else:
            header.append((kind.name, kind.text(value, way)))
    if isinstance(message, Req):
        everyone = [*message.to, *(message.cc if isinstance(message, ForwardReq) else ())]
        rcpt_to = tuple(dict.fromkeys(mailbox(address, peer) for address in everyone))
    else:
        if "@" not in to:
            raise ValueError(f"{message.NAME} without an address to go to")
        rcpt_to = (one_line(to),)
        header += [("From", one_line(system)), ("To", one_line(to))]
    header += [
        ("Sender", one_line(system)),
        ("Message-ID", f"<{secrets.token_hex(12)}@{way.from_domain}>"),
        ("MIME-Version", "1.0"),
    ]
    content = message.content if isinstance(message, ForwardReq) else None
    if isinstance(message, ForwardReq) and content is None:
        raise ValueError(f"{message.NAME} without content")
    pieces: list[bytes | memoryview] = []
    if content is not None:
        fields, pieces = multipart.write(content, transfer_encoding=multipart.BASE64)
        header += fields
    octets = b"".join([multipart.header_octets(header), *pieces])
    return Encoded(mail_from=one_line(system), rcpt_to=rcpt_to, octets=octets)


def decode(octets: bytes) -> Received:
    """The message in a mail; raises ProtocolError for what is no MM4, or too large."""
    if len(octets) > MAX_OCTETS:
        raise ProtocolError(f"a mail of {len(octets)} octets; at most {MAX_OCTETS}")
    blank = _BLANK.search(octets)
    head = octets[: blank.start()] if blank else octets
    header = multipart.header_of(head[: MAX_HEADER_OCTETS + 1], MAX_HEADER_OCTETS)
    cls = BY_NAME.get(plain_name(decode_header(header.get("x-mms-message-type", b""))))
    if cls is None:
        raise ProtocolError("a mail that is none of MM4's messages")
    forgave: list[str] = []
    found: dict[str, Any] = {}
    for name, kind in declared(cls).items():
        raw = next((header[one.lower()] for one in (kind.name, *kind.also) if one.lower() in header), None)
        value = kind.value(raw, forgave) if raw else None
        if value is not None:
            found[name] = value[:MAX_RECIPIENTS] if isinstance(value, tuple) else value
        elif kind.required:
            forgave.append(f"no {kind.name}")
    if cls is ForwardReq:
        body = octets[blank.end() :] if blank else b""
        content, slips = multipart.parse(
            body,
            header.get("content-type", b"text/plain").decode("utf-8", "surrogateescape"),
            transfer_encoding=header.get("content-transfer-encoding", b"").decode("ascii", "replace"),
        )
        found["content"] = content
        forgave += slips
    version = decode_header(header.get("x-mms-3gpp-mms-version", b"") or header.get("x-mms-mms-version", b""))
    return Received(
        message=cls(**found),
        version=version,
        reply_to=_reply_to(header),
        quoted=header.get("x-mms-transaction-id", b"").startswith(b'"'),
        forgave=tuple(dict.fromkeys(forgave)),
    )


def read(mail: Mail) -> Received:
    """The same for a mail that the standard library has parsed."""
    return decode(mail.as_bytes(policy=compat32))


def _reply_to(header: dict[str, bytes]) -> str:
    """The first of the fields that holds an address; some peers write ``system=host;party=number`` in one."""
    for name in ("x-mms-originator-system", "sender", "from"):
        for _, address in addresses(header.get(name, b"")):
            if re.fullmatch(r"[^@\s;]{1,64}@[A-Za-z0-9.\-]{1,253}", address):
                return address
    return ""
