"""Settings of an HTTP link: what is given goes before the preset, and what is wrong is named with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caiyou.errors import SettingsError
from caiyou.settings import load
from mail2sms.provider.template import ACCOUNT, BOUND, MESSAGE, SIGNATURE, SIGNED_CALLBACK
from mail2sms.settings import SmsSettings
from mail2sms.settings.http import HttpLinkSettings, Verdict

LINK = """
[sms.links.web]
type = "http"
preset = "bearer_json"
url = "https://api.example.test/v1/messages"
token_file = "/nowhere"
"""
OWN = """
[sms.links.web]
type = "http"
url = "https://api.example.test/send"
fields = { mobile = "{to}", content = "{text}", part = "{part}" }
"""


def _link(tmp_path: Path, text: str) -> HttpLinkSettings:
    path = tmp_path / "caiyou.toml"
    path.write_text(text)
    link = load(path).table(SmsSettings).links["web"]
    assert isinstance(link, HttpLinkSettings)
    return link


def test_presets_are_whole(tmp_path: Path) -> None:
    link = _link(tmp_path, LINK)
    assert (link.method, link.number, link.whole_messages, link.window) == ("POST", "plus", True, 16)
    assert link.callback is None
    assert link.answer.status["503"] is Verdict.BUSY


def test_what_is_given_goes_before_the_preset_key_by_key(tmp_path: Path) -> None:
    link = _link(
        tmp_path,
        f"""{LINK}
number = "national"
fields.to = ""
fields.mobile = "{{to}}"
answer.id = "data[0].id"
answer.codes.quota = "elsewhere"
answer.status.500 = "busy"
callback.token_file = "/t"
callback.report.states.OK = "delivered"
""",
    )
    assert (link.number, link.fields["to"], link.fields["mobile"], link.fields["text"]) == (
        "national", "", "{to}", "{text}",
    )  # fmt: skip
    assert (link.answer.id, link.answer.codes["quota"], link.answer.codes["busy"]) == (
        "data[0].id", Verdict.ELSEWHERE, Verdict.BUSY,
    )  # fmt: skip
    assert (link.answer.status["500"], link.answer.status["5xx"]) == (Verdict.BUSY, Verdict.UNSURE)
    assert link.callback is not None
    assert link.callback.report is not None
    assert (link.callback.report.states["OK"], link.callback.report.id) == ("delivered", "id")
    assert link.callback.mo is not None


@pytest.mark.parametrize(
    "text, says",
    [
        (LINK.replace("bearer_json", "bearer"), ":4: sms.links.web.preset: "),
        (LINK + "headrs = 1\n", ":7: sms.links.web.headrs: unknown setting; did you mean headers?"),
        (LINK.replace("https:", "ftp:"), ":5: sms.links.web.url: expected something like https://"),
        (LINK.replace("api.", "{to}."), ":5: sms.links.web.url: places stand in the path or the query only"),
        (LINK.replace("https://", "https://u:p@"), ":5: sms.links.web.url: no password in the URL"),
        (LINK.replace("/v1", "/v 1"), ":5: sms.links.web.url: a blank stands in it"),
        (LINK.replace("/v1", "/v1#x"), ":5: sms.links.web.url: places stand in"),
        (LINK.replace("example.test", "example.test:99999"), ":5: sms.links.web.url: expected"),
        (LINK.replace("/v1", "/{nubmer}"), ":5: sms.links.web.url: {nubmer} is not known here"),
        (LINK.replace("token_file", "key_file"), "sms.links.web.token_file: must be set, since {token} is used"),
        (
            LINK + 'fields.text = "{txt}"\n',
            ":7: sms.links.web.fields.text: {txt} is not known here; did you mean {text}?",
        ),
        (LINK + 'fields.a = { b = ["{to}", "{"] }\n', ":7: sms.links.web.fields.a: '{' at 1 stands alone"),
        (LINK + 'fields.a = "{body}"\n', ":7: sms.links.web.fields.a: {body} is not known here"),
        (LINK + 'headers.X-A = "{signature}"\n', "sms.links.web.signature: must be set"),
        (LINK + 'headers."X A" = "1"\n', "sms.links.web.headers"),
        (LINK + 'body = "form"\nfields.a = 7\n', "sms.links.web.fields: a: only a text"),
        (LINK + 'method = "GET"\n', "sms.links.web.body: a GET has no body; expected query"),
        (LINK + 'charset = "gb"\n', ":7: sms.links.web.charset: not a charset"),
        (LINK + 'charset = "utf-16"\n', ":7: sms.links.web.charset: not a charset"),
        (LINK + 'answer.id = "a..b"\n', ":7: sms.links.web.answer.id: 'a..b' is not a path"),
        (LINK + 'answer.format = "text"\nanswer.id = "("\n', ":8: sms.links.web.answer.id: '(' is not a regular"),
        (LINK + 'answer.status.5x = "busy"\n', "not an HTTP status; expected something like 503 or 5xx"),
        (LINK + 'answer.codes.x = "bsy"\n', ":7: sms.links.web.answer.codes.x: "),
        (LINK + 'answer.code = ""\n', "sms.links.web.answer.codes: code is not set"),
        (LINK + 'callback.reply = "x"\n', "sms.links.web.callback.token_file: this or signature must be set"),
        (
            LINK + 'callback.report.id = ".x"\ncallback.token_file = "/t"\n',
            ":7: sms.links.web.callback.report.id: '.x' is",
        ),
        (LINK + "window = 0\n", ":7: sms.links.web.window"),
        (OWN.replace(', part = "{part}"', ""), ":5: sms.links.web.fields: none tells the parts of a long message"),
        (
            OWN + 'callback = { signature = { at = "s", timestamp_at = "t", payload = "{timestamp}" }, report = '
            '{ id = "i", status = "s", states = {} } }\n',
            ":6: sms.links.web.callback.signature.payload: it does not cover the message",
        ),
        (
            OWN + 'callback = { signature = { at = "s", timestamp_at = "t", payload = "{body}" }, report = '
            '{ id = "i", status = "s", states = {} } }\n',
            "sms.links.web.callback.signature.payload: it does not cover the time",
        ),
        (OWN + 'callback = { token_file = "/t" }\n', "sms.links.web.callback.report: this or mo must be set"),
        ('[sms]\ncallback_listen = "8080"\n' + OWN, ":2: sms.callback_listen"),
    ],
)
def test_wrong_settings_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as error:
        _link(tmp_path, text)
    assert says in str(error.value)


def test_a_signature_does_not_sign_itself(tmp_path: Path) -> None:
    text = OWN.replace("part =", 'sign = "{signature}", part =') + 'key_file = "/k"\n'
    with pytest.raises(SettingsError, match=r"signature.payload: holds what the signature itself stands in"):
        _link(tmp_path, text + 'signature.payload = "{body}"\n')
    assert _link(tmp_path, text + 'signature.payload = "{sorted_fields}"\n').signature is not None


GUIDE = Path(__file__).parents[2] / "docs" / "http.md"


def test_the_examples_of_the_guide_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "caiyou.toml"
    path.write_text("\n".join(re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)))
    assert set(load(path).table(SmsSettings).links) == {"kannel", "aggregator", "signed", "other"}


def test_the_guide_names_every_place() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for name in (*MESSAGE, *ACCOUNT, *SIGNATURE, *BOUND, *SIGNED_CALLBACK):
        assert f"`{{{name}}}`" in guide
