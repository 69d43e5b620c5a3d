from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.links import MtPart
from mail2sms.provider.request import Composer, Request, Secrets
from mail2sms.segment import Coding, Segment, coding_of, split
from mail2sms.settings.http import HttpLinkSettings

NOW = datetime(2026, 11, 23, 8, 0, 0, 500_000, tzinfo=UTC)
KNOWN = Secrets(password="p@ss&word", token="t0ken", key="k3y", callback_token="c" * 16)
HOSTILE = "a&b=c\r\nX-Evil: 1\"'}{\\<>%0d%0a;?#/../你😀\x00\x7f"
KANNEL: dict[str, Any] = {
    "preset": "kannel",
    "url": "http://127.0.0.1:13013/cgi-bin/sendsms",
    "username": "caiyou",
    "password_file": "/p",
    "src_id": "10658",
    "callback": {"token_file": "/c", "url": "https://sms.example.test/callback/kannel"},
}
BEARER: dict[str, Any] = {"preset": "bearer_json", "url": "https://api.test/v1/messages", "token_file": "/t"}
HMAC: dict[str, Any] = {"preset": "hmac", "url": "https://api.test/api/sms", "key_file": "/k", "username": "u"}


def settings(base: dict[str, Any], **more: Any) -> HttpLinkSettings:
    return HttpLinkSettings.model_validate({**base, **more})


def part(text: str = "你好", to: str = "8613800138000", **more: Any) -> MtPart:
    return MtPart(to=to, segment=Segment(text=text, coding=coding_of(text)), **more)


def composed(base: dict[str, Any], wanted: MtPart | None = None, **more: Any) -> Request:
    return Composer(settings(base, **more), KNOWN, "CN").request(wanted or part(), NOW)


def query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True, strict_parsing=True))


def document(request: Request) -> Any:
    assert request.body is not None
    return json.loads(request.body)


# --- presets


def test_kannel() -> None:
    request = composed(KANNEL, part(valid_until=NOW + timedelta(minutes=89, seconds=30), urgent=True))
    assert (request.method, request.body) == ("GET", None)
    assert request.url.startswith("http://127.0.0.1:13013/cgi-bin/sendsms?")
    assert query(request) == {
        "username": "caiyou",
        "password": "p@ss&word",
        "from": "10658",
        "to": "8613800138000",
        "text": "你好",
        "coding": "2",
        "charset": "UTF-8",
        "validity": "90",
        "priority": "1",
        "dlr-mask": "19",
        "dlr-url": f"https://sms.example.test/callback/kannel/{'c' * 16}?kind=report&id={request.id}&status=%d&stat=%A",
    }


def test_kannel_latin_and_nothing_more() -> None:
    fields = query(composed({**KANNEL, "callback": {"token_file": "/c"}}, part("hello")))
    assert fields["coding"] == "0"
    assert not fields.keys() & {"udh", "validity", "priority", "dlr-url"}


def test_kannel_parts_carry_their_header() -> None:
    for segment in split("彩邮" * 100, reference=0x26):
        request = composed(KANNEL, MtPart(to="8613800138000", segment=segment))
        octets = dict(parse_qsl(urlsplit(request.url).query, encoding="latin-1"))
        assert octets["udh"].encode("latin-1") == bytes([5, 0, 3, 0x26, 3, segment.number])
        assert query(request)["text"] == segment.text


def test_bearer_json() -> None:
    request = composed(BEARER, part("hello", src="10690", valid_until=NOW + timedelta(hours=1)))
    assert (request.method, request.url) == ("POST", "https://api.test/v1/messages")
    assert request.headers == {"Content-Type": "application/json", "Authorization": "Bearer t0ken"}
    assert document(request) == {
        "to": "+8613800138000",
        "from": "10690",
        "text": "hello",
        "reference": request.id,
        "valid_until": "2026-11-23T09:00:00Z",
    }


def test_hmac() -> None:
    request = composed(HMAC)
    headers, body = request.headers, request.body
    assert body is not None
    assert headers["X-Timestamp"] == str(int(NOW.timestamp()))
    digest = hashlib.sha256(body).hexdigest()
    payload = f"POST\n/api/sms\n{headers['X-Timestamp']}\n{headers['X-Nonce']}\n{digest}"
    assert headers["X-Signature"] == hmac.new(b"k3y", payload.encode(), "sha256").hexdigest()
    assert composed(HMAC).headers["X-Nonce"] != headers["X-Nonce"]
    assert composed(HMAC).id != request.id


def test_a_key_of_a_preset_is_replaced_or_taken_away() -> None:
    fields = {"to": ["{to}"], "from": "", "options": {"tag": "x", "at": "{timestamp:number}", "none": "{urgent}"}}
    request = composed(BEARER, fields=fields, number="national", headers={"X-Api-Key": "{token}", "Authorization": ""})
    assert document(request) == {
        "to": ["13800138000"],
        "text": "你好",
        "reference": request.id,
        "options": {"tag": "x", "at": int(NOW.timestamp())},
    }
    assert request.headers == {"Content-Type": "application/json", "X-Api-Key": "t0ken"}


# --- what else interfaces want


def test_a_form_in_gbk() -> None:
    fields = {"mobile": "{to}", "content": "【彩邮】{text}", "ext": "{udh_hex}"}
    request = composed({"url": "http://h.test/send", "fields": fields}, body="form", charset="gbk")
    assert request.headers == {"Content-Type": "application/x-www-form-urlencoded; charset=GBK"}
    assert request.body is not None
    assert dict(parse_qsl(request.body.decode(), encoding="gbk")) == {
        "mobile": "8613800138000",
        "content": "【彩邮】你好",
    }
    with pytest.raises(UnicodeEncodeError):
        composed({"url": "http://h.test/send", "fields": fields}, part("😀"), body="form", charset="gbk")


def test_basic_and_a_query_in_the_url() -> None:
    base = {"url": "http://h.test/{username}/send?v=2", "password_file": "/p", "username": "a b", "body": "query"}
    request = composed(
        base, method="GET", fields={"t": "{text}", "p": "{part}"}, headers={"Authorization": "Basic {basic}"}
    )
    assert request.url == "http://h.test/a%20b/send?v=2&t=%E4%BD%A0%E5%A5%BD&p=1"
    assert request.headers["Authorization"] == "Basic YSBiOnBAc3Mmd29yZA=="


def test_a_digest_over_sorted_fields_in_a_field() -> None:
    fields = {"b": "{to}", "a": "{text}", "sign": "{signature}", "part": "{part}"}
    signature = {"payload": "{sorted_fields}{key}", "algorithm": "md5", "encoding": "HEX"}
    request = composed({"url": "http://h.test/", "key_file": "/k"}, fields=fields, signature=signature)
    right = hashlib.md5("a=你好&b=8613800138000&part=1k3y".encode()).hexdigest().upper()  # noqa: S324
    assert document(request)["sign"] == right


@pytest.mark.parametrize(
    "number, written", [("e164", "85291234567"), ("plus", "+85291234567"), ("national", "0085291234567")]
)
def test_numbers_of_other_countries(number: str, written: str) -> None:
    assert document(composed(BEARER, part(to="85291234567"), number=number))["to"] == written


def test_a_long_text_goes_whole() -> None:
    text = "彩邮" * 500
    whole = MtPart(to="8613800138000", segment=Segment(text=text, coding=Coding.UCS2))
    assert document(composed(BEARER, whole))["text"] == text
    assert settings(BEARER).whole_messages
    assert not settings(KANNEL).whole_messages


# --- hostile values


@given(st.text() | st.just(HOSTILE))
def test_no_text_leaves_its_place(text: str) -> None:
    readable = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    hostile = part(text)
    fields = query(composed(KANNEL, hostile))
    assert fields.get("text", "") == readable
    assert set(fields) - {"text"} == {"username", "password", "from", "to", "coding", "charset", "dlr-mask", "dlr-url"}
    assert document(composed(BEARER, hostile)).get("text", "") == readable
    request = composed(BEARER, hostile, headers={"X-Text": "{text}"}, url="https://api.test/{text}/end")
    assert all(" " <= c <= "~" for value in request.headers.values() for c in value)
    assert urlsplit(request.url).netloc == "api.test"
    assert urlsplit(request.url).path.count("/") == 2


def test_nothing_secret_is_shown() -> None:
    request = composed(KANNEL)
    shown = repr(request) + repr(KNOWN)
    assert not any(secret in shown for secret in ("p@ss", "t0ken", "k3y", "cccc", "13800138000", "你好"))
