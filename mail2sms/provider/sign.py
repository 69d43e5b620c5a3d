"""Signatures of requests and callbacks: an HMAC, or a plain digest over a text that holds the key itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from enum import StrEnum


class Algorithm(StrEnum):
    """How the octets of a signature are made; the plain digests are what older providers want."""

    HMAC_SHA256 = "hmac-sha256"
    HMAC_SHA512 = "hmac-sha512"
    HMAC_SHA1 = "hmac-sha1"
    HMAC_MD5 = "hmac-md5"
    SHA256 = "sha256"
    MD5 = "md5"


class Encoding(StrEnum):
    """How a signature is written."""

    HEX = "hex"
    UPPER_HEX = "HEX"
    BASE64 = "base64"


def signature(algorithm: Algorithm, encoding: Encoding, key: str, payload: bytes) -> str:
    """The signature of ``payload``; a plain digest does not use ``key``."""
    name = algorithm.value.removeprefix("hmac-")
    if algorithm.value.startswith("hmac-"):
        digest = hmac.new(key.encode(), payload, name).digest()
    else:
        digest = hashlib.new(name, payload, usedforsecurity=False).digest()
    if encoding is Encoding.BASE64:
        return base64.b64encode(digest).decode("ascii")
    return digest.hex().upper() if encoding is Encoding.UPPER_HEX else digest.hex()


def same(given: str, right: str) -> bool:
    """Compare secrets: the time it takes tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def sorted_fields(fields: Iterable[tuple[str, str]]) -> str:
    """``a=1&b=2``, sorted by name."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields))
