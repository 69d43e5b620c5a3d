from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from caiyou.log import MAX_VALUE, line
from caiyou.msisdn import Msisdn


def test_queue_id_first_then_fields_without_those_that_are_none() -> None:
    assert line("4Zab12", to="alice@example.test", size=12, why=None) == "4Zab12: to=alice@example.test, size=12"
    assert line(None, status="up") == "-: status=up"


def test_a_number_is_masked() -> None:
    assert line(None, to=Msisdn("8613800138000")) == "-: to=86138****8000"


def test_a_value_cannot_add_a_field_or_a_line() -> None:
    assert line("Q", subject="a, status=sent") == 'Q: subject="a, status=sent"'
    assert line("Q", subject='a", status="sent') == r'Q: subject="a\", status=\"sent"'
    assert line("Q", subject="a\\") == r"Q: subject=a\\"
    assert line("Q", subject="a\r\nQ: status=sent") == r'Q: subject="a\r\nQ: status=sent"'
    assert line("Q\nX", a=1) == r"Q\nX: a=1"
    assert line("Q", empty="") == 'Q: empty=""'


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert line(None, v="\x1b[31m") == r"-: v=\x1b[31m"
    assert line(None, v="\u202etxt.exe") == r"-: v=\u202etxt.exe"
    assert line(None, v="\ud800") == r"-: v=\ud800"
    assert line(None, v="张三") == "-: v=张三"


def test_a_long_value_is_cut() -> None:
    assert len(line(None, v="x" * 10_000)) == len("-: v=") + MAX_VALUE + 1


_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|((?:[^\s,"\\]|\\.)*))')


@given(st.text(max_size=50), st.text(max_size=50))
def test_fields_can_always_be_told_apart(one: str, two: str) -> None:
    written = line("Q", one=one, two=two)
    assert "\n" not in written
    assert written.isprintable()
    assert written.encode("utf-8")
    assert re.fullmatch(f"Q: one={_FIELD.pattern}, two={_FIELD.pattern}", written), written
