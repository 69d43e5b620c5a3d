"""A whole domain that receives nothing now, its aliases included."""

from __future__ import annotations

from caiyou.directory.model import Domain, Resolution, State
from caiyou.errors import Reply
from caiyou_milter import replies

name = "domain_suspended"
description = "the domain is suspended, or closed"


def check(domain: Domain, resolution: Resolution) -> Reply | None:
    """550 5.2.1 for suspended; a closed domain answers as if nobody were there."""
    if domain.state is State.ACTIVE:
        return None
    return replies.DOMAIN_SUSPENDED if domain.state is State.SUSPENDED else replies.UNKNOWN
