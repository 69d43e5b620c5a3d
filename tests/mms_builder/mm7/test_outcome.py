"""What answers, status codes and states mean."""

from __future__ import annotations

import pytest

from mms_builder.mm7 import codec, outcome
from mms_builder.mm7.codes import (
    READINGS,
    ChargedParty,
    Meaning,
    MMStatus,
    Priority,
    Reading,
    StatusCode,
    reading_of,
    word_of,
)
from mms_builder.mm7.dialect import DIALECTS
from mms_builder.mm7.messages import Fault, Message, RSErrorRsp, Status, SubmitReq, SubmitRsp, VASPErrorRsp

REL6 = DIALECTS["rel6-4"]
OK = SubmitRsp(status=Status(code=1000, text="Success"), message_id="m1")


def read(message: Message, http_status: int = 200) -> outcome.Outcome:
    encoded = codec.encode(message, transaction_id="t", dialect=REL6)
    return outcome.read(http_status, encoded.headers["Content-Type"], encoded.body, REL6)


def rsp(code: int) -> SubmitRsp:
    return SubmitRsp(status=Status(code=code), message_id="m1")


def fault(code: int) -> Fault:
    return Fault(text="no", detail=RSErrorRsp(status=Status(code=code, text="why", details="because")))


TABLE = """
1000 done | 1001 partial | 1100 partial | 1103 partial | 1999 done
2000 permanent | 2001 permanent alarm | 2002 permanent | 2003 permanent fallback | 2004 permanent | 2005 permanent
2006 permanent | 2007 permanent | 2101 permanent | 3000 temporary | 3001 permanent | 3002 permanent | 3003 split
3099 temporary | 4000 temporary | 4001 permanent alarm | 4002 permanent alarm | 4003 permanent | 4004 permanent
4005 permanent | 4006 temporary | 4007 permanent alarm | 4999 permanent | 6102 temporary
-101 temporary | -104 temporary | -113 permanent | -100 temporary | 0 temporary
"""
ROWS = [row.split() for row in TABLE.replace("\n", "|").split("|") if row.strip()]


@pytest.mark.parametrize("code, meaning, marks", [(int(row[0]), row[1], row[2:]) for row in ROWS])
def test_status_codes(code: int, meaning: str, marks: list[str]) -> None:
    assert reading_of(code) == Reading(Meaning(meaning), alarm="alarm" in marks, fallback="fallback" in marks)


def test_every_code_of_the_standard_is_in_the_table() -> None:
    assert set(StatusCode) <= set(READINGS)
    assert {int(row[0]) for row in ROWS} >= {int(code) for code in StatusCode}


@pytest.mark.parametrize(
    "found, meaning, alarm, code",
    [
        (read(OK), Meaning.DONE, False, 1000),
        (read(rsp(1001)), Meaning.PARTIAL, False, 1001),
        (read(rsp(3003)), Meaning.SPLIT, False, 3003),
        (read(rsp(4006)), Meaning.TEMPORARY, False, 4006),
        (read(rsp(2003)), Meaning.PERMANENT, False, 2003),
        (read(fault(4004)), Meaning.PERMANENT, False, 4004),
        (read(fault(4004), 500), Meaning.PERMANENT, False, 4004),
        (read(fault(3000), 500), Meaning.TEMPORARY, False, 3000),
        (read(fault(2001), 500), Meaning.PERMANENT, True, 2001),
        (read(fault(1000)), Meaning.TEMPORARY, False, 1000),
        (read(RSErrorRsp(status=Status(code=1000))), Meaning.TEMPORARY, False, 1000),
        (read(VASPErrorRsp(status=Status(code=4007))), Meaning.PERMANENT, True, 4007),
        (read(Fault(code="Client", text="no")), Meaning.PERMANENT, False, 2000),
        (read(Fault(code="Server", text="no"), 500), Meaning.TEMPORARY, False, 3000),
        (read(OK, 500), Meaning.TEMPORARY, False, 1000),
        (read(OK, 503), Meaning.TEMPORARY, False, 1000),
        (read(OK, 401), Meaning.TEMPORARY, True, 1000),
        (read(fault(4001), 401), Meaning.TEMPORARY, True, 4001),
        (outcome.read(401, "", b"", REL6), Meaning.TEMPORARY, True, 0),
        (outcome.read(403, "text/html", b"<html/>", REL6), Meaning.TEMPORARY, True, 0),
        (outcome.read(404, "text/html", b"<html/>", REL6), Meaning.TEMPORARY, True, 0),
        (outcome.read(413, "", b"", REL6), Meaning.PERMANENT, False, 0),
        (outcome.read(415, "", b"", REL6), Meaning.PERMANENT, True, 0),
        (outcome.read(400, "", b"", REL6), Meaning.PERMANENT, False, 0),
        (outcome.read(429, "", b"", REL6), Meaning.TEMPORARY, False, 0),
        (outcome.read(302, "", b"", REL6), Meaning.TEMPORARY, True, 0),
        (outcome.read(502, "text/html", b"<html>Bad gateway</html>", REL6), Meaning.TEMPORARY, False, 0),
        (outcome.read(200, "", b"", REL6), Meaning.UNSURE, False, 0),
        (outcome.read(200, "text/html", b"<html>welcome</html>", REL6), Meaning.UNSURE, False, 0),
        (outcome.read(200, "text/xml", b"<torn", REL6), Meaning.UNSURE, False, 0),
    ],
)
def test_answers(found: outcome.Outcome, meaning: Meaning, alarm: bool, code: int) -> None:
    assert (found.meaning, found.reading.alarm, found.code) == (meaning, alarm, code)


def test_an_answer_s_words() -> None:
    assert read(OK).message_id == "m1"
    assert read(fault(4004)).text == "why because"
    assert outcome.read(200, "", b"", REL6).text == "an empty answer"


def test_a_request_is_no_answer() -> None:
    encoded = codec.encode(OK, transaction_id="t", dialect=REL6)
    body = encoded.body.replace(b"SubmitRsp", b"SubmitReq")
    assert isinstance(codec.decode(body, "text/xml", REL6).message, SubmitReq)
    assert outcome.read(200, "text/xml", body, REL6).meaning is Meaning.UNSURE


def test_a_response_without_status_leaves_us_unsure() -> None:
    body = codec.encode(OK, transaction_id="t", dialect=REL6).body
    empty = body.replace(b"<StatusCode>1000</StatusCode>", b"")
    assert outcome.read(200, "text/xml", empty, REL6).meaning is Meaning.UNSURE
    assert outcome.read(500, "text/xml", empty, REL6).meaning is Meaning.TEMPORARY


@pytest.mark.parametrize(
    "status, final, fallback",
    [
        (MMStatus.EXPIRED, True, True),
        (MMStatus.RETRIEVED, True, False),
        (MMStatus.REJECTED, True, False),
        (MMStatus.INDETERMINATE, False, False),
        (MMStatus.FORWARDED, False, False),
        (MMStatus.DEFERRED, False, False),
        (MMStatus.UNRECOGNISED, True, True),
        (MMStatus.UNREACHABLE, True, True),
        (MMStatus.NOT_SUPPORTED, True, True),
    ],
)
def test_states(status: MMStatus, final: bool, fallback: bool) -> None:
    assert (status.final, status.fallback) == (final, fallback)


def test_numbers_of_china_mobile() -> None:
    assert [word_of(Priority, str(i)) for i in range(4)] == ["Low", "Normal", "High", None]
    assert [word_of(ChargedParty, str(i)) for i in range(5)] == ["Sender", "Recipient", "Both", "Neither", "ThirdParty"]
    assert word_of(Priority, "٢") is None
