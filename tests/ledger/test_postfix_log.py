from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from caiyou.ledger import postfix_log
from caiyou.ledger.history import Ids
from caiyou.ledger.postfix_log import Line, lines_of

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)

# As Postfix 3.7 writes it: a mail in, re-sent by submission, and its bounce.
LOG = """\
Feb 28 09:00:01 mx postfix/smtpd[24716]: connect from unknown[192.0.2.7]
Feb 28 09:00:01 mx postfix/smtpd[24716]: 4B6871AE0F7: client=unknown[192.0.2.7]
Feb 28 09:00:01 mx postfix/cleanup[24747]: 4B6871AE0F7: message-id=<1.2@world.test>
Feb 28 09:00:01 mx postfix/qmgr[24714]: 4B6871AE0F7: from=<zhangwei@world.test>, size=627, nrcpt=1 (queue active)
Feb 28 09:00:02 mx postfix/smtp[2]: 4B6871AE0F7: to=<x@far.test>, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5C1)
Feb 28 09:00:02 mx postfix/smtp[2]: 4B6871AE0F7: to=<y@far.test>, dsn=5.1.1, status=bounced (said: 550 5.1.1)
Feb 28 09:00:02 mx postfix/bounce[24750]: 4B6871AE0F7: sender non-delivery notification: 6D1E71AE0F8
Feb 28 09:00:02 mx postfix/qmgr[24714]: 4B6871AE0F7: removed
Feb 28 09:00:03 mx postfix/cleanup[24747]: 6D1E71AE0F8: message-id=<20250228090002.6D1E71AE0F8@mx>
Feb 28 09:00:04 mx postfix/submission/smtpd[24719]: 7AA0000: client=c[192.0.2.8], sasl_username=alice@example.test
Feb 28 09:00:04 mx postfix/cleanup[24747]: 7AA0000: message-id=<1.2@world.test>
Feb 28 09:00:05 mx postfix/smtpd[24716]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <4B6871AE0F7: x>
Feb 28 09:00:05 mx postfix/cleanup[2]: 4B6871AE0F70: milter-reject: END-OF-MESSAGE from x[192.0.2.7]: 5.7.1 no
"""


def ids(*queue_ids: str, message_ids: tuple[str, ...] = ()) -> Ids:
    return Ids(queue_ids=frozenset(queue_ids), message_ids=frozenset(message_ids))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(LOG)
    return path


def test_the_lines_of_a_queue_id_and_no_other(log: Path) -> None:
    found = list(lines_of(log, ids("4B6871AE0F7"), now=NOW))
    assert [line.service for line in found] == [
        f"postfix/{name}" for name in ("smtpd", "cleanup", "qmgr", "smtp", "smtp", "bounce", "qmgr")
    ]
    assert found[0] == Line(
        at=datetime(2025, 2, 28, 9, 0, 1).astimezone(),
        service="postfix/smtpd",
        queue_id="4B6871AE0F7",
        text="client=unknown[192.0.2.7]",
    )
    assert found[-1].text == "removed"


def test_a_message_id_leads_to_its_queue_ids(log: Path) -> None:
    found = list(lines_of(log, ids(message_ids=("<1.2@world.test>",)), now=NOW))
    assert [line.queue_id for line in found] == ["4B6871AE0F7", "7AA0000"]
    assert list(lines_of(log, ids(message_ids=("<1.2@world",)), now=NOW)) == []


def test_lines_name_what_comes_next(log: Path) -> None:
    named = Ids()
    for line in lines_of(log, ids("4B6871AE0F7"), now=NOW):
        named |= line.ids
    assert named.queue_ids == {"4B6871AE0F7", "6D1E71AE0F8"}
    assert named.message_ids == {"<1.2@world.test>"}


def test_since(log: Path) -> None:
    since = datetime(2025, 2, 28, 9, 0, 2).astimezone()
    assert [line.text[:7] for line in lines_of(log, ids("4B6871AE0F7"), since, NOW)][:1] == ["to=<x@f"]


@pytest.mark.parametrize(
    "stamp, now, expected",
    [
        ("2025-02-28T17:00:01.123456+08:00", NOW, datetime(2025, 2, 28, 9, 0, 1, 123456, UTC)),
        ("2025-02-28T09:00:01Z", NOW, datetime(2025, 2, 28, 9, 0, 1, 0, UTC)),
        (
            "Dec 31 23:59:59",
            datetime(2025, 1, 1, 0, 0, 1).astimezone(),
            datetime(2024, 12, 31, 23, 59, 59).astimezone(),
        ),
        ("Jan  1 00:00:01", datetime(2025, 1, 1, 0, 0, 2).astimezone(), datetime(2025, 1, 1, 0, 0, 1).astimezone()),
        ("Feb 29 12:00:00", datetime(2025, 1, 10).astimezone(), datetime(2024, 2, 29, 12).astimezone()),
    ],
)
def test_stamps(tmp_path: Path, stamp: str, now: datetime, expected: datetime) -> None:
    path = tmp_path / "mail.log"
    path.write_text(f"{stamp} mx postfix/qmgr[1]: ABC123: removed\n")
    (line,) = lines_of(path, ids("ABC123"), now=now)
    assert line.at == expected


def test_hostile_lines(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(
        b"ABC123: \n"
        b"Feb 31 09:00:01 mx postfix/qmgr[1]: ABC123: no such day\n"
        b"Feb 28 09:00:01 mx postfix/qmgr[1]: ABC123: \x1b[31m\xff\xe5\xbc\xa0\n"
        b"Feb 28 09:00:01 mx postfix/qmgr[1]: ABC123: " + b"x" * 1_000_000 + b"\n"
        b"\0\0\0\n"
        b"Feb 28 09:00:01 mx postfix/qmgr[1]: ABC123: cut off"
    )
    found = [line.text for line in lines_of(path, ids("ABC123"), now=NOW)]
    assert found[0] == "\ufffd[31m\\xff张"
    assert max(map(len, found)) < 70_000
    assert found[-1] == "cut off"


def test_only_the_end_of_a_large_log_is_read_and_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postfix_log, "TAIL_BYTES", 1000)
    path, older = tmp_path / "mail.log", tmp_path / "mail.log.1"

    def lines(first: int, last: int) -> str:
        return "".join(f"Feb 28 09:00:01 mx postfix/qmgr[1]: ABC123: n={n:04}\n" for n in range(first, last))

    path.write_text(lines(100, 200))
    assert [line.text for line in lines_of(path, ids("ABC123"), now=NOW)] == [f"n={n:04}" for n in range(181, 200)]
    older.write_text(lines(0, 100))
    assert len(list(lines_of(path, ids("ABC123"), now=NOW))) == 19  # enough in the newer one
    path.write_text(lines(100, 105))
    found = [line.text for line in lines_of(path, ids("ABC123"), now=NOW)]
    assert found == [f"n={n:04}" for n in range(86, 105)]


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list(lines_of(tmp_path / "none", ids("ABC123")))


def test_mails_without_a_message_id_have_nothing_in_common(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text("".join(f"Feb 28 09:00:0{n} mx postfix/cleanup[2]: 4B6871AE0F{n}: message-id=<>\n" for n in "123"))
    (line,) = lines_of(log, ids("4B6871AE0F2"), now=NOW)
    assert line.ids == ids("4B6871AE0F2")
    assert list(lines_of(log, ids(message_ids=("<>",)), now=NOW)) == []
