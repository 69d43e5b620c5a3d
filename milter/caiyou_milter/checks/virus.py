"""V1: body and attachments of all mail in and out are scanned."""

from __future__ import annotations

from collections.abc import Iterable

from caiyou.directory.model import Domain, WhenScanDown
from caiyou.errors import Reply
from caiyou_milter import replies
from caiyou_milter.clamd import Scan

name = "virus"
description = "a signature was found, or nobody can say and a domain concerned wants such mail held"


def check(scan: Scan, domains: Iterable[Domain]) -> Reply | None:
    """554 5.7.0 for a find.

    Not scanned: the strictest domain decides (the sender's on submission, the recipients' of ours), and with no domain
    of ours it is held. Held is 451; too large is 552, since no later attempt would go better.
    """
    if scan.signature:
        return replies.infected(scan.signature)
    if scan.clean or {domain.when_scan_down for domain in domains} == {WhenScanDown.PASS}:
        return None
    return replies.TOO_LARGE_TO_SCAN if scan.too_large else replies.SCAN_DOWN
