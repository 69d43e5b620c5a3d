from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.links import Outcome
from mail2sms.provider.answer import Reading, pause_s, read
from mail2sms.provider.presets import BEARER_JSON, HMAC, KANNEL
from mail2sms.settings.http import HttpAnswer, Verdict

HOWS = {name: HttpAnswer.model_validate(preset["answer"]) for name, preset in
        (("kannel", KANNEL), ("bearer_json", BEARER_JSON), ("hmac", HMAC))}  # fmt: skip


def _read(preset: str, status: int, body: Any, **more: Any) -> Reading:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode() if isinstance(body, dict) else body.encode()
    return read(HOWS[preset], status, octets, "own", **more)


@pytest.mark.parametrize(
    "preset, status, body, verdict, ref",
    [
        # Kannel: the words of smsbox 1.4.5
        ("kannel", 202, "0: Accepted for delivery", "accepted", "own"),
        ("kannel", 202, "3: Queued for later delivery", "accepted", "own"),
        ("kannel", 202, "Sent.", "accepted", "own"),
        ("kannel", 403, "Authorization failed for sendsms", "login", ""),
        ("kannel", 403, "Not routable. Do not try again.", "refused", ""),
        ("kannel", 503, "Temporal failure, try again later.", "busy", ""),
        ("kannel", 400, "Empty receiver number not allowed, rejected", "refused", ""),
        ("kannel", 404, "Unknown request.", "down", ""),
        ("kannel", 403, "", "login", ""),
        ("kannel", 200, "<html>Under maintenance</html>", "unsure", ""),
        ("kannel", 202, "", "unsure", ""),
        ("kannel", 202, "7: something new", "refused", ""),
        # a code with errors only
        ("bearer_json", 201, {"id": "m1"}, "accepted", "m1"),
        ("bearer_json", 200, {"id": 17}, "accepted", "17"),
        ("bearer_json", 200, {"error": {"code": "no_sender"}}, "refused", ""),
        ("bearer_json", 429, {"error": {"code": "busy"}}, "busy", ""),
        ("bearer_json", 400, {"error": {"code": "invalid"}}, "refused", ""),
        ("bearer_json", 402, {"error": {"code": "no_credit"}}, "elsewhere", ""),
        ("bearer_json", 401, "", "login", ""),
        ("bearer_json", 200, {}, "unsure", ""),
        ("bearer_json", 200, b"\xff\xfe", "unsure", ""),
        ("bearer_json", 200, b"[" * 50_000, "unsure", ""),
        ("bearer_json", 200, "<html>", "unsure", ""),
        # a status that is always 200
        ("hmac", 200, {"code": "0", "data": {"id": "x"}}, "accepted", "x"),
        ("hmac", 200, {"code": 0, "data": {"id": 12345678901234567890}}, "accepted", "12345678901234567890"),
        ("hmac", 200, {"code": "0"}, "unsure", ""),
        ("hmac", 200, {"code": "1008"}, "busy", ""),
        ("hmac", 200, {"code": "1001"}, "login", ""),
        ("hmac", 200, {"code": "1005"}, "refused", ""),
        # what stands behind a proxy
        ("hmac", 500, "", "unsure", ""),
        ("hmac", 502, "<html>", "unsure", ""),
        ("hmac", 504, "", "unsure", ""),
        ("hmac", 503, "", "busy", ""),
        ("hmac", 500, {"code": "1008"}, "busy", ""),
        ("hmac", 301, "", "down", ""),
        ("hmac", 404, "", "down", ""),
        ("hmac", 405, "", "down", ""),
        ("hmac", 413, "", "refused", ""),
        ("hmac", 408, "", "unsure", ""),
        ("hmac", 100, "", "unsure", ""),
        ("hmac", 999, "", "unsure", ""),
    ],
)
def test_what_answers_mean(preset: str, status: int, body: Any, verdict: str, ref: str) -> None:
    reading = _read(preset, status, body)
    assert (reading.verdict, reading.answer.ref) == (Verdict(verdict), ref)
    assert (reading.answer.outcome is Outcome.ACCEPTED) == bool(ref)
    assert reading.answer.elsewhere == (verdict == "elsewhere")
    assert bool(reading.answer.result) == (verdict != "accepted")


def test_a_status_is_changed_alone() -> None:
    how = HttpAnswer.model_validate({"status": {"503": "unsure", "5xx": "busy"}})
    assert read(how, 503, b"", "own").verdict is Verdict.UNSURE
    assert read(how, 500, b"", "own").verdict is Verdict.BUSY
    assert read(how, 401, b"", "own").verdict is Verdict.LOGIN
    assert read(how, 200, b"whatever", "own").answer.ref == "own"


def test_what_people_see_holds_no_secret() -> None:
    body = {"error": {"code": "x", "message": "bad key s3cret for +8613800138000:\r\n 您有新邮件"}}
    result = _read("bearer_json", 400, body, hide=("s3cret", "您有新邮件")).answer.result
    assert result == "HTTP 400 x bad key … for ****8000: …"
    assert len(_read("kannel", 400, "x" * 10_000).answer.result) <= 120


@given(
    st.sampled_from(sorted(HOWS)), st.integers(100, 599), st.binary() | st.text().map(lambda t: json.dumps(t).encode())
)
def test_any_answer_can_be_read(preset: str, status: int, body: bytes) -> None:
    reading = _read(preset, status, body)
    assert reading.answer.outcome is not Outcome.ACCEPTED or reading.answer.ref


@pytest.mark.parametrize(
    "text, seconds",
    [(None, 0), ("", 0), ("7", 7), (" 12 ", 12), ("99999", 3600), ("-1", 0), ("1.5", 0), ("x", 0), ("٣", 0),
     ("Mon, 23 Nov 2026 08:00:30 GMT", 30), ("Mon, 23 Nov 2026 07:00:00 GMT", 0), ("Mon, 23 Nov 2026 08:00:30", 0),
     ("9" * 40, 0)],
)  # fmt: skip
def test_retry_after(text: str | None, seconds: float) -> None:
    assert pause_s(text, datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)) == seconds
