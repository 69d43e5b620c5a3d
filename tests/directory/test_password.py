"""One-way passwords."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from caiyou.directory.password import MAX_CHARACTERS, SCHEME, hashed, hashed_secret
from caiyou.errors import InputError

CONFIG = Path(__file__).parents[2] / "openldap-conf" / "config.ldif"


def test_a_password_is_kept_one_way_and_never_twice_the_same() -> None:
    first, second = hashed("秘密 secret"), hashed("秘密 secret")
    assert first != second
    assert "secret" not in first
    assert PasswordHasher().verify(first.removeprefix(SCHEME), "秘密 secret")


def test_the_cost_is_the_one_slapd_takes() -> None:
    loaded = re.search(r"^olcModuleLoad: argon2 (m=\d+) (t=\d+) (p=\d+)$", CONFIG.read_text(encoding="utf-8"), re.M)
    assert loaded is not None
    assert f"${','.join(loaded.groups())}$" in hashed("x")


@pytest.mark.parametrize("text", ["", "a\0b", "a\nb", "x" * (MAX_CHARACTERS + 1), "\udc80"])
def test_what_nobody_can_type_is_no_password(text: str) -> None:
    with pytest.raises(InputError):
        hashed(text)


def test_a_services_secret_is_kept_one_way_too_but_must_be_a_real_secret() -> None:
    secret = "x7Zq0T3mB9aLr5Vw2KpD"
    assert PasswordHasher().verify(hashed_secret(secret).removeprefix(SCHEME), secret)
    with pytest.raises(InputError):
        hashed_secret("short")
