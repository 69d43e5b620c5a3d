"""The error tree.

CaiyouError
├── SettingsError        a settings file is wrong; the text names the file, the key and what would be right
├── InputError           what a person or a program gave us is wrong; the text may be shown to them
│   ├── NotFound         the thing named does not exist
│   └── AlreadyExists    the thing named exists
├── DirectoryDown        no LDAP server answered
├── ServiceDown          Redis or the ledger did not answer a person's command; the text says which and why
├── OutboxDown           neither Redis nor the spool file took a record
├── ProtocolError        a peer sent octets that its protocol does not allow
└── DeliveryError        a message or recipient is refused, with a Reply
    ├── TempFail         4yz: try again
    └── PermFail         5yz: never
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP or LMTP reply (RFC 5321 4.2, RFC 3463): code 200-299 or 400-599, enhanced code "x.y.z" of the same class.

    The text holds no control character; raises ValueError.
    """

    code: int
    enhanced: str
    text: str

    def __post_init__(self) -> None:
        if self.code // 100 not in (2, 4, 5):
            raise ValueError(f"reply code {self.code} is not in 200-299 or 400-599")
        if not _ENHANCED.fullmatch(self.enhanced) or self.enhanced[0] != str(self.code)[0]:
            raise ValueError(f"enhanced code {self.enhanced!r} does not belong to {self.code}")
        if not self.text.isprintable() and any(c < " " or c == "\x7f" for c in self.text):
            raise ValueError("reply text holds a control character")

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


class CaiyouError(Exception):
    """Every error of ours."""


class SettingsError(CaiyouError):
    """A settings file is wrong."""


class InputError(CaiyouError):
    """What a person or a program gave us is wrong."""


class NotFound(InputError):
    """The thing named does not exist."""


class AlreadyExists(InputError):
    """The thing named exists."""


class DirectoryDown(CaiyouError):
    """No LDAP server answered."""


class ServiceDown(CaiyouError):
    """Redis or the ledger did not answer a person's command."""


class ProtocolError(CaiyouError):
    """A peer sent octets that its protocol does not allow."""


class OutboxDown(CaiyouError):
    """Neither Redis nor the spool file took a record: it is not kept anywhere."""


class DeliveryError(CaiyouError):
    """A message or a recipient is refused."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class TempFail(DeliveryError):
    """Refused for now: the peer keeps it and tries again."""


class PermFail(DeliveryError):
    """Refused for good."""
