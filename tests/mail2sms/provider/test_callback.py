from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from mail2sms.links import Mo, Report, ReportState
from mail2sms.provider.callback import Called, Found, Unauthorized, read
from mail2sms.provider.request import Secrets
from mail2sms.settings.http import HttpLinkSettings
from tests.mail2sms.provider.test_request import BEARER, HMAC, KANNEL

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-provider"
KNOWN = Secrets(callback_token=TOKEN, callback_key="k3y")
SETTINGS = {
    "kannel": HttpLinkSettings.model_validate(KANNEL),
    "bearer_json": HttpLinkSettings.model_validate({**BEARER, "callback": {"token_file": "/t"}}),
    "hmac": HttpLinkSettings.model_validate({**HMAC, "src_id": "10658", "callback": {}}),
}


def kannel(query: str | dict[str, str], token: str = TOKEN) -> Found:
    text = query if isinstance(query, str) else urlencode(query)
    return read(SETTINGS["kannel"], KNOWN, Called(method="GET", path="/callback/x", query=text, token=token), NOW)


def bearer(body: Any, authorization: str = f"Bearer {TOKEN}", kind: str = "application/json") -> Found:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": authorization, "content-type": kind}
    return read(SETTINGS["bearer_json"], KNOWN, Called(method="POST", path="/", headers=headers, body=octets), NOW)


def signed(body: bytes, *, key: bytes = b"k3y", at: datetime = NOW, stamp: str = "", **more: Any) -> Found:
    stamp = stamp or str(int(at.timestamp()))
    signature = more.pop("signature", hmac.new(key, stamp.encode() + b"\n" + body, "sha256").hexdigest())
    headers = {"x-timestamp": stamp, "x-signature": signature, "content-type": "application/json"}
    called = Called(method="POST", path="/callback/x", headers=headers, **{"body": body, **more})
    return read(SETTINGS["hmac"], KNOWN, called, NOW)


REPORT = {"type": "report", "id": "m1", "status": "DELIVRD", "to": "8613800138000"}
BODY = json.dumps(REPORT).encode()


# --- what is in it


@pytest.mark.parametrize(
    "status, stat, state, shown",
    [
        ("1", "", "delivered", "1 delivered"),
        ("2", "", "failed", "2 failed"),
        ("16", "NACK", "failed", "NACK"),
        ("4", "", "pending", "4 pending"),
        ("34", "", "expired", "34 expired"),
        ("99", "", "failed", "99 failed"),
    ],
)
def test_kannel_report(status: str, stat: str, state: str, shown: str) -> None:
    (report,) = kannel({"kind": "report", "id": "abc", "status": status, "stat": stat}).entries
    assert report == Report(ref="abc", state=ReportState(state), stat=shown)


def test_kannel_message_from_a_handset() -> None:
    # As smsbox 1.4.5 sends it: the octets of the text in the charset that it names.
    found = kannel("kind=mo&id=4b81209b&from=8613800138000&to=10658&text=O%60Y%7D&charset=UTF-16BE&coding=2&udh=%U")
    assert found.entries == [Mo(ref="4b81209b", sender="8613800138000", to="10658", text="你好")]
    found = kannel("kind=mo&id=1&from=13800138000&to=10658&text=a+b%26&charset=UTF-8&udh=%05%00%03%07%02%01")
    assert found.entries == [Mo(ref="1", sender="13800138000", to="10658", text="a b&", reference=7, number=1, total=2)]
    (mo,) = kannel(
        {"kind": "mo", "from": "1", "to": "2", "text": "", "charset": "no-such", "udh": "050003070202"}
    ).entries
    assert isinstance(mo, Mo)
    assert (mo.text, mo.number, mo.ref) == ("", 2, "")


def test_half_a_character_waits_for_the_next_part() -> None:
    (mo,) = kannel("kind=mo&from=1&text=%D8%3D&charset=UTF-16BE&udh=%05%00%03%07%02%01").entries
    assert isinstance(mo, Mo)
    assert mo.text == "\ud83d"
    (mo,) = kannel("kind=mo&from=1&text=%D8%3D&charset=UTF-16BE").entries
    assert isinstance(mo, Mo)
    assert mo.text == "\ufffd"


def test_json_reports_and_messages() -> None:
    assert bearer(REPORT).entries == [Report(ref="m1", state=ReportState.DELIVERED, stat="DELIVRD", to="8613800138000")]
    found = bearer({"type": "message", "id": 7, "from": "+8613800138000", "to": "10658", "text": "回复 😀"})
    assert found.entries == [Mo(ref="7", sender="+8613800138000", to="10658", text="回复 😀")]
    several = {"reports": [REPORT, {**REPORT, "id": "m2", "status": "undeliv"}, {"type": "report"}, 7, None]}
    found = bearer(several)
    assert [(entry.ref, entry.state) for entry in found.entries if isinstance(entry, Report)] == [
        ("m1", ReportState.DELIVERED),
        ("m2", ReportState.FAILED),
    ]
    assert found.unreadable == 3


def test_a_form_and_one_without_a_type() -> None:
    found = bearer(b"type=report&id=m%201&status=EXPIRED", kind="application/x-www-form-urlencoded")
    assert found.entries == [Report(ref="m 1", state=ReportState.EXPIRED, stat="EXPIRED")]
    assert bearer(BODY, kind="").entries == bearer(REPORT).entries


def test_the_first_of_two_values_counts() -> None:
    (report,) = kannel("kind=report&id=right&id=wrong&status=1").entries
    assert report.ref == "right"


@pytest.mark.parametrize(
    "query",
    ["", "kind=report", "kind=report&id=&status=1", "kind=other&id=1&status=1", "kind=mo&from=&text=x", "&" * 500],
)
def test_nothing_to_be_read(query: str) -> None:
    with pytest.raises(ProtocolError):
        kannel(query)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 50_000, b'{"reports": []}', b"x" * 100, b'"text"'])
def test_nothing_to_be_read_in_a_body(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        bearer(body)


def test_a_thousand_entries_are_enough() -> None:
    assert len(bearer({"reports": [REPORT] * 1000}).entries) == 1000
    with pytest.raises(ProtocolError, match="more than 1000 entries"):
        bearer({"reports": [REPORT] * 1001})
    with pytest.raises(ProtocolError, match="more than 200 fields"):
        kannel("a=b&" * 201)


# --- who may call


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "令牌"])
def test_a_wrong_token(token: str) -> None:
    with pytest.raises(Unauthorized):
        kannel({"kind": "report", "id": "a", "status": "1"}, token)
    with pytest.raises(Unauthorized):
        bearer(REPORT, f"Bearer {token}")


def test_the_token_alone_in_the_header() -> None:
    assert bearer(REPORT, TOKEN).entries


def test_a_signature() -> None:
    assert signed(BODY).entries
    right = hmac.new(b"k3y", f"{int(NOW.timestamp())}\n".encode() + BODY, "sha256").hexdigest()
    assert signed(BODY, signature=f"sha256={right.upper()}").entries


def test_wrong_signatures() -> None:
    for what in (
        {"key": b"other"},
        {"signature": ""},
        {"signature": "令"},
        {"signature": hashlib.sha256(BODY).hexdigest()},
        {"stamp": ""} | {"at": NOW - timedelta(seconds=301)},
        {"at": NOW + timedelta(seconds=301)},
        {"stamp": "x"},
        {"stamp": "-5"},
        {"stamp": "9" * 30},
        {"stamp": "2026-11-23T08:00:00"},  # which zone?
    ):
        with pytest.raises(Unauthorized):
            signed(BODY, **what)
    assert signed(BODY, at=NOW - timedelta(seconds=299)).entries


@pytest.mark.parametrize("stamp", ["1795420800", "1795420800000", "2026-11-23T08:00:00+00:00", "2026-11-23T08:00:00Z"])
def test_times_as_providers_write_them(stamp: str) -> None:
    assert signed(BODY, stamp=stamp).entries


def test_a_signature_holds_for_its_own_message_only() -> None:
    stamp = str(int(NOW.timestamp()))
    signature = hmac.new(b"k3y", f"{stamp}\n".encode() + BODY, "sha256").hexdigest()
    with pytest.raises(Unauthorized):
        signed(BODY.replace(b"m1", b"m2"), signature=signature)
    # What is not signed is not read: a query beside a signed body, or alone with the signature of an empty body.
    (report,) = signed(BODY, query="id=m2").entries
    assert report.ref == "m1"
    with pytest.raises(Unauthorized, match="what is in the query is not signed"):
        signed(b"", query=urlencode(REPORT))


def test_fields_signed_as_older_providers_do() -> None:
    callback = {
        "signature": {"at": "sign", "timestamp_at": "time", "payload": "{sorted_fields}{key}", "algorithm": "md5"},
    }
    settings = HttpLinkSettings.model_validate({**HMAC, "callback": callback})
    fields = {**REPORT, "time": str(int(NOW.timestamp()))}
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())) + "k3y"
    fields["sign"] = hashlib.md5(text.encode()).hexdigest()  # noqa: S324

    def call(query: str, body: bytes = b"") -> Found:
        return read(settings, KNOWN, Called(method="GET", path="/", query=query, body=body), NOW)

    assert call(urlencode(fields)).entries
    assert call("", urlencode(fields).encode()).entries
    with pytest.raises(Unauthorized):
        call(urlencode({**fields, "status": "UNDELIV"}))
    with pytest.raises(Unauthorized, match="a list or a table in it is not signed"):
        call("", json.dumps({**fields, "reports": [REPORT]}).encode())


@given(
    st.sampled_from(["kannel", "bearer_json", "hmac"]), st.binary(max_size=300), st.text(max_size=100), st.booleans()
)
def test_strangers_get_nowhere(preset: str, body: bytes, text: str, is_json: bool) -> None:
    headers = {"content-type": "application/json" if is_json else "", "authorization": text, "x-signature": text}
    called = Called(method="POST", path="/", query=text, headers=headers, body=body, token=text)
    with pytest.raises((Unauthorized, ProtocolError)):
        read(SETTINGS[preset], KNOWN, called, NOW)


NAMES = st.sampled_from(["type", "id", "status", "reports", "from", "text", "to"])
DOCUMENTS = st.recursive(st.text() | st.none() | st.integers(), lambda x: st.lists(x) | st.dictionaries(NAMES, x))


@given(st.binary(max_size=300) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_any_body_of_the_provider_is_read_or_refused(body: bytes) -> None:
    try:
        found = bearer(body)
    except ProtocolError:
        return
    for entry in found.entries:
        assert isinstance(entry, Report | Mo)


def test_without_its_secrets_nothing_is_let_in() -> None:
    for preset, called in (
        ("kannel", Called(method="GET", path="/", query="kind=report&id=a&status=1")),
        ("bearer_json", Called(method="POST", path="/", headers={"authorization": ""}, body=BODY)),
        ("hmac", Called(method="POST", path="/", headers={"x-timestamp": str(int(NOW.timestamp())), "x-signature":
                        hmac.new(b"", f"{int(NOW.timestamp())}\n".encode() + BODY, "sha256").hexdigest()}, body=BODY)),
    ):  # fmt: skip
        with pytest.raises(Unauthorized):
            read(SETTINGS[preset], Secrets(), called, NOW)
