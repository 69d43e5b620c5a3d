"""Passwords: one-way, in the form slapd's argon2 module reads (slapd-pw-argon2, PHC string format)."""

from __future__ import annotations

from gettext import gettext as _

from argon2 import PasswordHasher

from caiyou.errors import InputError

SCHEME = "{ARGON2}"
MAX_CHARACTERS = 256
MIN_SECRET_CHARACTERS = 20  # of base64: 120 bits

# The same cost as openldap-conf/config.ldif gives slapd for passwords that it hashes itself.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_SECRET_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hashed(password: str) -> str:
    """The value of userPassword: ``{ARGON2}$argon2id$...``; raises InputError on a password nobody could type."""
    if not password:
        raise InputError(_("the password is empty"))
    if len(password) > MAX_CHARACTERS:
        raise InputError(_("the password is longer than {limit} characters").format(limit=MAX_CHARACTERS))
    if any(ord(c) < 32 or ord(c) == 127 for c in password):
        raise InputError(_("the password holds a control character"))
    try:
        return SCHEME + _HASHER.hash(password)
    except UnicodeEncodeError:
        raise InputError(_("the password is not valid text")) from None


def hashed_secret(secret: str) -> str:
    """The same for a service's random secret: one-way too, but cheap to check.

    Nobody guesses 120 random bits, so a slow hash would only slow the services down, which bind often (Dovecot again
    after each login). Raises InputError on a secret too short to be one.
    """
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise InputError(
            _("a service's secret has {least} random characters or more").format(least=MIN_SECRET_CHARACTERS)
        )
    return SCHEME + _SECRET_HASHER.hash(secret)
