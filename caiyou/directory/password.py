"""Passwords: one-way, in the form slapd's argon2 module reads (slapd-pw-argon2, PHC string format)."""

from __future__ import annotations

from argon2 import PasswordHasher

from caiyou.errors import InputError

SCHEME = "{ARGON2}"
MAX_CHARACTERS = 256

# The same cost as openldap-conf/config.ldif gives slapd for passwords that it hashes itself.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hashed(password: str) -> str:
    """The value of userPassword: ``{ARGON2}$argon2id$...``; raises InputError on a password nobody could type."""
    if not password:
        raise InputError("the password is empty")
    if len(password) > MAX_CHARACTERS:
        raise InputError(f"the password is longer than {MAX_CHARACTERS} characters")
    if any(ord(c) < 32 or ord(c) == 127 for c in password):
        raise InputError("the password holds a control character")
    try:
        return SCHEME + _HASHER.hash(password)
    except UnicodeEncodeError:
        raise InputError("the password is not valid text") from None
