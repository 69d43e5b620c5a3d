"""What the seam says, as CMPP writes it."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mail2sms.cmpp.pdu import Query, QueryResp
from mail2sms.links.cmpp_pdus import counts_of, query_of, submit_of, terminal_of, time_of
from mail2sms.segment import split
from mail2sms.settings.cmpp import CmppLinkSettings
from tests.mail2sms.links.cmpp_peer import part

REQUIRED: dict[str, Any] = {"host": "h", "secret_file": Path("s"), "sp_id": "901234", "src_id": "10658"}


def settings(**more: Any) -> CmppLinkSettings:
    return CmppLinkSettings(**(REQUIRED | more))


def test_plain_message() -> None:
    submit = submit_of(part("hello"), settings())
    assert (submit.pk_total, submit.pk_number, submit.tp_udhi, submit.msg_fmt) == (1, 1, 0, 0)
    assert (submit.msg_content, submit.dest_terminal_ids) == (b"hello", ("13800138000",))
    assert (submit.src_id, submit.msg_src, submit.registered_delivery, submit.msg_level) == ("10658", "901234", 1, 0)
    assert (submit.fee_user_type, submit.fee_terminal_id, submit.fee_type, submit.fee_code) == (2, "", "01", "000000")
    assert (submit.valid_time, submit.at_time, submit.tp_pid) == ("", "", 0)


def test_what_the_settings_and_the_part_say() -> None:
    valid = datetime(2026, 11, 23, 4, 0, 0, tzinfo=UTC)
    submit = submit_of(
        part("hello", valid_until=valid, src="106588780001", urgent=True),
        settings(
            service_id="MAIL",
            fee_user_type=3,
            fee_terminal_id="13900139000",
            fee_terminal_type=1,
            fee_type="02",
            fee_code="000010",
            urgent_level=3,
            tp_pid=64,
        ),
    )
    assert (submit.valid_time, submit.src_id, submit.msg_level) == ("261123120000032+", "106588780001", 3)
    assert (submit.service_id, submit.tp_pid) == ("MAIL", 64)
    assert (submit.fee_user_type, submit.fee_terminal_id, submit.fee_terminal_type) == (3, "13900139000", 1)
    assert (submit.fee_type, submit.fee_code) == ("02", "000010")
    submit.check()


def test_parts_of_a_long_message_begin_with_their_header() -> None:
    submits = [submit_of(part(segment=segment), settings()) for segment in split("彩邮" * 80, reference=42)]
    assert [(s.pk_total, s.pk_number, s.tp_udhi, s.msg_fmt) for s in submits] == [(3, n, 1, 8) for n in (1, 2, 3)]
    assert [s.msg_content[:6] for s in submits] == [bytes((5, 0, 3, 42, 3, n)) for n in (1, 2, 3)]
    assert b"".join(s.msg_content[6:] for s in submits).decode("utf-16-be") == "彩邮" * 80
    assert [len(s.msg_content) for s in submits] == [140, 140, 6 + 26 * 2]


@pytest.mark.parametrize(
    "at, written",
    [
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), "261123235959032+"),
        (datetime(2026, 11, 23, 16, 0, 0, 999_999, tzinfo=UTC), "261124000000032+"),
        (datetime(2026, 12, 31, 12, 0, tzinfo=timezone(timedelta(hours=-5))), "270101010000032+"),
    ],
)
def test_validity_is_written_in_chinas_time(at: datetime, written: str) -> None:
    assert time_of(at) == written


@pytest.mark.parametrize(
    "number, written",
    [("8613800138000", "13800138000"), ("85291234567", "0085291234567"), ("14155550100", "0014155550100")],
)
def test_numbers(number: str, written: str) -> None:
    assert terminal_of(number) == written


def test_questions_and_counts() -> None:
    assert query_of(date(2026, 11, 3), "") == Query(time="20261103")
    assert query_of(date(2026, 11, 3), "MAIL") == Query(time="20261103", query_type=1, query_code="MAIL")
    assert counts_of(QueryResp(time="20261103", mt_tl_msg=1, mt_fl=5, mo_fl=8)) == {
        "mt_tl_msg": 1,
        "mt_tl_usr": 0,
        "mt_scs": 0,
        "mt_wt": 0,
        "mt_fl": 5,
        "mo_scs": 0,
        "mo_wt": 0,
        "mo_fl": 8,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"fee_user_type": 3},
        {"fee_user_type": 4},
        {"fee_terminal_id": "alice"},
        {"version": "4.0"},
        {"urgent_level": 10},
        {"tp_pid": 256},
        {"sp_id": "1234567"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
