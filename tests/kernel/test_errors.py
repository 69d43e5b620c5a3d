from __future__ import annotations

import pytest

from caiyou.errors import PermFail, Reply, TempFail


def test_a_reply_reads_as_smtp_writes_it() -> None:
    assert str(Reply(452, "4.2.2", "mailbox is full 邮箱已满")) == "452 4.2.2 mailbox is full 邮箱已满"


@pytest.mark.parametrize(
    "code, enhanced, text",
    [
        (199, "1.0.0", "x"),
        (354, "3.0.0", "x"),
        (600, "6.0.0", "x"),
        (450, "5.1.1", "class differs"),
        (550, "5.1", "two numbers"),
        (550, "5.1.1.1", "four"),
        (550, "5.1.1111", "too long"),
        (550, "5.x.1", "no number"),
        (550, "", "none"),
        (550, "5.1.1\n", "line end"),
        (550, "5.1.1", "two\r\n250 lines"),
        (550, "5.1.1", "nul\0"),
        (550, "5.1.1", "\x1b[31m"),
    ],
)
def test_what_is_no_reply_is_refused(code: int, enhanced: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"reply|code"):
        Reply(code, enhanced, text)


def test_delivery_errors_carry_their_reply() -> None:
    reply = Reply(451, "4.3.0", "try again")
    assert TempFail(reply).reply is reply
    assert str(PermFail(Reply(550, "5.1.1", "unknown"))) == "550 5.1.1 unknown"
