"""Warning level and what is deleted to make room."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from caiyou.directory.model import Subscriber
from lmtp_delivery.doveadm import Mail
from lmtp_delivery.quota import level_bytes, to_delete, warning


def subscriber(quota_bytes: int, warn_percent: int = 90) -> Subscriber:
    return Subscriber(
        mailbox="alice@example.test", domain="example.test", quota_bytes=quota_bytes, warn_percent=warn_percent
    )


@pytest.mark.parametrize(
    "quota_bytes, warn_percent, expected",
    [(1000, 90, 900), (1000, 1, 10), (0, 90, None), (1000, 0, None), (1000, 100, None)],
)
def test_level(quota_bytes: int, warn_percent: int, expected: int | None) -> None:
    assert level_bytes(subscriber(quota_bytes, warn_percent)) == expected


MAILS = [Mail("Trash", 1, 100), Mail("Trash", 2, 200), Mail("Sent", 7, 300)]


@pytest.mark.parametrize(
    "missing, uids", [(1, [1]), (100, [1]), (101, [1, 2]), (300, [1, 2]), (301, [1, 2, 7]), (600, [1, 2, 7]), (601, [])]
)
def test_oldest_go_until_it_fits_and_none_in_vain(missing: int, uids: list[int]) -> None:
    assert [mail.uid for mail in to_delete(MAILS, missing)] == uids


def test_nothing_goes_where_there_is_room() -> None:
    assert to_delete(MAILS, 0) == []
    assert to_delete([], 5) == []


def test_warning_is_a_sound_mail_in_both_languages() -> None:
    now = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
    raw = warning(subscriber(300_000_000), 271_000_000, "postmaster@example.test", "mx.example.test", now)
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["To"] == "alice@example.test"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "90%" in mail["Subject"]
    assert "邮箱空间提醒" in mail["Subject"]
    text = mail.get_content()
    assert "上限 286.1 MB，90%" in text
    assert "now uses 258.4 MB of 286.1 MB (90%)" in text
