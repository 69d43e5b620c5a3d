"""Every port of the sandbox, in one place. ``base`` moves them all: SMTP is base + 25, IMAP base + 143, and so on."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_BASE = 10_000
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1. ``base`` is 1024-56000 so that every port fits."""

    base: int = DEFAULT_BASE

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 56_000:
            raise ValueError(f"port base {self.base} is not in 1024-56000")

    @property
    def smtp(self) -> int:
        """MX, for the world."""
        return self.base + 25

    @property
    def inject(self) -> int:
        """For the site's own software: notices, Sieve redirects."""
        return self.base + 26

    @property
    def submission(self) -> int:
        """For subscribers: STARTTLS, AUTH."""
        return self.base + 587

    @property
    def imap(self) -> int:
        return self.base + 143

    @property
    def imaps(self) -> int:
        return self.base + 993

    @property
    def pop3(self) -> int:
        return self.base + 110

    @property
    def sieve(self) -> int:
        """ManageSieve."""
        return self.base + 419

    @property
    def ldap(self) -> int:
        return self.base + 389

    @property
    def redis(self) -> int:
        return self.base + 379

    @property
    def ismg(self) -> int:
        """The simulated carrier's CMPP server."""
        return self.base + 7890

    @property
    def smg(self) -> int:
        """The simulated carrier's SGIP server."""
        return self.base + 8801

    @property
    def sgip(self) -> int:
        """Our own SGIP listener, which the SMG binds to."""
        return self.base + 8802

    @property
    def smgw(self) -> int:
        """The simulated carrier's SMGP server."""
        return self.base + 889

    @property
    def smsc(self) -> int:
        """The simulated carrier's SMPP server."""
        return self.base + 2775

    @property
    def provider(self) -> int:
        """HTTP: the simulated provider of short messages."""
        return self.base + 8181

    @property
    def callback(self) -> int:
        """HTTP: what providers call us back at."""
        return self.base + 8182

    @property
    def metrics(self) -> int:
        """HTTP: the gateway's figures for Prometheus."""
        return self.base + 909

    @property
    def phones(self) -> int:
        """HTTP: the simulated phones."""
        return self.base + 81

    @property
    def doveadm(self) -> int:
        """HTTP: Dovecot's administration, with a key."""
        return self.base + 808

    @property
    def world(self) -> int:
        """SMTP: stands for every mail server outside, and keeps what it gets."""
        return self.base + 2525

    def by_name(self) -> dict[str, int]:
        """Name to port, for people and programs."""
        mail = ("smtp", "inject", "submission", "imap", "imaps", "pop3", "sieve")
        carriers = ("ismg", "smg", "smgw", "smsc", "provider", "phones")
        ours = ("sgip", "callback", "metrics")
        return {name: getattr(self, name) for name in (*mail, "ldap", "redis", "doveadm", *carriers, *ours, "world")}
