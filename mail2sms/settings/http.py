"""Settings of an HTTP link: how a provider wants to be asked, and how its answers read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, JsonValue, ValidationInfo, field_validator, model_validator

from caiyou.settings import Table, WrongAt
from mail2sms.provider import pick, template
from mail2sms.provider.presets import PRESETS, merged
from mail2sms.provider.sign import Algorithm, Encoding
from mail2sms.settings.http_callback import HttpCallback, charset_known
from mail2sms.settings.link import LinkTable

BRINGS_PARTS = frozenset({"udh", "udh_hex", "part"})


class Verdict(StrEnum):
    """What an answer of the provider means for the part, and for the link."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good
    ELSEWHERE = "elsewhere"  # refused for a fault of the account, such as no credit: another link may take it
    BUSY = "busy"  # slower, and again
    UNSURE = "unsure"  # it may have been taken or not: once more, flagged as a possible repeat; counts as a failure
    LOGIN = "login"  # the credentials are refused: not taken, the link rests for refused_s
    DOWN = "down"  # nothing that takes messages is there: not taken, the link is down


STATUS: dict[str, Any] = {
    "2xx": "accepted",
    "3xx": "down",  # redirects are not followed: a message goes where the settings say
    "401": "login",
    "403": "login",
    "402": "elsewhere",
    "404": "down",
    "405": "down",
    "407": "login",
    "408": "unsure",
    "429": "busy",
    "4xx": "refused",
    "503": "busy",
    "5xx": "unsure",  # of 500, 502 and 504 nobody knows what happened behind them
    "1xx": "unsure",
}


def _request_template(text: str) -> str:
    template.check(text, template.REQUEST)
    return text


def _header_name(name: str) -> str:
    if not name or not all(c.isascii() and (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in name):
        raise ValueError("not the name of a header; expected something like X-Api-Key")
    return name


def _field(value: Any) -> Any:
    """Every text in it is a template."""
    if isinstance(value, dict):
        return {name: _field(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_field(one) for one in value]
    return _request_template(value) if isinstance(value, str) else value


def _status(key: str) -> str:
    if len(key) != 3 or key[0] not in "12345" or not (key[1:] == "xx" or key[1:].isdigit()):
        raise ValueError("not an HTTP status; expected something like 503 or 5xx")
    return key


RequestText = Annotated[str, AfterValidator(_request_template)]


class HttpSignature(Table):
    """How requests are signed with the key in ``key_file``; ``{signature}`` stands for the result."""

    algorithm: Algorithm = Algorithm.HMAC_SHA256
    encoding: Encoding = Encoding.HEX
    payload: str = Field(description='what is signed: "{method}\\n{path}\\n{timestamp}\\n{nonce}\\n{body_sha256}"')

    @field_validator("payload")
    @classmethod
    def _is_template(cls, text: str) -> str:
        template.check(text, template.SIGNED)
        return text


class HttpAnswer(Table):
    """How the provider's answer reads. A known code goes before the status; both lead to one of the same words:
    accepted; refused (for good); elsewhere (no credit: another link may take it); busy (again, slower); unsure (it may
    have been taken: once more, flagged as a possible repeat); login (credentials refused: the link rests); down (not
    taken, the link goes down).
    """

    format: Literal["json", "text"] = "json"
    charset: Annotated[str, AfterValidator(charset_known)] = Field("utf-8", description="of a text")
    id: str = Field("", description="the provider's id: a path (data.messages[0].id) or, in a text, a regular "
                    "expression (^OK ([0-9]+)); empty: reports name our own {id}")  # fmt: skip
    code: str = Field("", description="the provider's code: path or regular expression; empty: the status says it all")
    error: str = Field("", description="its words for people: path or regular expression")
    codes: dict[str, Verdict] = Field({}, description='what codes mean: {"0" = "accepted", "1008" = "busy"}')
    other_code: Verdict = Field(Verdict.REFUSED, description="what an unknown code with a status 2xx means")
    status: dict[Annotated[str, AfterValidator(_status)], Verdict] = Field(
        {key: Verdict(value) for key, value in STATUS.items()},
        description='what an HTTP status means: {503 = "unsure", 4xx = "down"} changes these two, the others stay',
    )

    @model_validator(mode="before")
    @classmethod
    def _beside_the_usual(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("status"), dict):
            return {**data, "status": merged(STATUS, data["status"])}
        return data

    @field_validator("id", "code", "error")
    @classmethod
    def _can_be_read(cls, text: str, info: ValidationInfo) -> str:
        if info.data.get("format") == "json":
            pick.steps(text)
        else:
            pick.pattern(text)
        return text

    @field_validator("codes")
    @classmethod
    def _come_from_somewhere(cls, codes: dict[str, Verdict], info: ValidationInfo) -> dict[str, Verdict]:
        if codes and not info.data.get("code"):
            raise ValueError("code is not set: nothing says where the code stands")
        return codes


class HttpLinkSettings(LinkTable):
    """An account at a provider of short messages. Places in braces are listed in docs/http.md.

    A field or header whose place has no value is left out, so "" takes away one of the preset.
    """

    type: Literal["http"] = "http"
    preset: Literal["none", "kannel", "bearer_json", "hmac"] = Field(
        "none", description="begin from this description; whatever is set beside it goes before it, key by key"
    )
    url: RequestText = Field(description="https://api.example.com/v1/messages; places only behind the host")
    method: Literal["GET", "POST", "PUT"] = "POST"
    body: Literal["json", "form", "query"] = Field("json", description="where the fields go; query: into the URL")
    charset: Annotated[str, AfterValidator(charset_known)] = Field("utf-8", description="of form and query: gbk")
    fields: dict[str, Annotated[JsonValue, AfterValidator(_field)]] = Field(
        {}, description='{mobile = "{to}", content = "{text}"}; in JSON also tables, lists and "{timestamp:number}"'
    )
    headers: dict[Annotated[str, AfterValidator(_header_name)], RequestText] = Field(
        {}, description='{Authorization = "Bearer {token}"}'
    )
    signature: HttpSignature | None = Field(None, description="where requests are signed")
    number: Literal["e164", "plus", "national"] = Field(
        "e164", description="8613800138000, +8613800138000, or 13800138000 (other countries with 00)"
    )
    src_id: str = Field("", pattern=r"^[!-~]{0,21}$", description="our number, where the provider wants one")
    username: str = Field("", description="{username}")
    password_file: Path | None = Field(None, description="{password}")
    token_file: Path | None = Field(None, description="{token}")
    key_file: Path | None = Field(None, description="the key of the signature")
    whole_messages: bool = Field(False, description="the provider cuts long texts itself: it gets them whole")
    answer: HttpAnswer = Field(default_factory=lambda: HttpAnswer.model_validate({}), description="how answers read")
    callback: HttpCallback | None = Field(None, description="how its reports and MO read; absent: it sends none")
    account: str = Field("", description="links whose reports may come on each other share one; default: the link")
    window: int = Field(16, ge=1, le=1024, description="requests at a time")
    connect_s: float = Field(10.0, gt=0, le=120)
    answer_s: float = Field(30.0, gt=0, le=600, description="no answer after so long: in doubt")
    keep_alive_s: float = Field(15.0, ge=0, le=600, description="an idle connection is kept so long")
    idle_s: float = Field(60.0, gt=0, le=3600, description="after so long without a request see if it can be reached")
    failures: int = Field(3, ge=1, le=100, description="so many in a row and the link is down")
    ca_file: Path | None = Field(None, description="PEM file of the authority of its certificate; default: the host's")

    @model_validator(mode="before")
    @classmethod
    def _begin_from_the_preset(cls, data: Any) -> Any:
        preset = PRESETS.get(str(data.get("preset"))) if isinstance(data, dict) else None
        if preset is None:
            return data
        if "callback" not in data:  # a description of callbacks alone asks for none
            preset = {key: value for key, value in preset.items() if key != "callback"}
        return merged(preset, data)

    @field_validator("url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        parts = urlsplit(text.replace("{", "_").replace("}", "_"))
        try:
            port_fits = parts.port != 0
        except ValueError:
            port_fits = False
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or not text.isascii():
            raise ValueError("expected something like https://api.example.com/v1/messages")
        if "@" in parts.netloc:
            raise ValueError("no password in the URL; write headers.Authorization and password_file")
        if "{" in text.partition("://")[2].partition("/")[0] or parts.fragment:
            raise ValueError("places stand in the path or the query only, and there is no fragment")
        if any(c <= " " for c in text):
            raise ValueError("a blank stands in it")
        return text

    @field_validator("body")
    @classmethod
    def _fits_the_method(cls, body: str, info: ValidationInfo) -> str:
        if info.data.get("method") == "GET" and body != "query":
            raise ValueError("a GET has no body; expected query")
        return body

    @field_validator("fields")
    @classmethod
    def _fit_the_body(cls, fields: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if info.data.get("body") != "json":
            for name, value in fields.items():
                if not isinstance(value, str) or template.parse(value).number:
                    raise ValueError(f"{name}: only a text without :number can stand in a form or a query")
        return fields

    @model_validator(mode="after")
    def _has_what_it_uses(self) -> Self:
        used = self.places
        for place, key in (("token", "token_file"), ("password", "password_file"), ("basic", "password_file")):
            if place in used and getattr(self, key) is None:
                raise WrongAt((key,), f"must be set, since {{{place}}} is used")
        if "signature" in used:
            self._can_sign()
        if not self.whole_messages and not used & BRINGS_PARTS:
            raise WrongAt(
                ("fields",),
                "none tells the parts of a long message: use {udh}, {udh_hex} or {part}, or set whole_messages",
            )
        signed = self.callback.signature if self.callback is not None else None
        if signed is not None and signed.key_file is None and self.key_file is None:
            raise WrongAt(("key_file",), "must be set, since callbacks are signed")
        return self

    def _can_sign(self) -> None:
        if self.signature is None:
            raise WrongAt(("signature",), "must be set, since {signature} is used")
        if self.key_file is None:
            raise WrongAt(("key_file",), "must be set, since requests are signed")
        signed = template.parse(self.signature.payload).names
        in_fields = "signature" in _places(list(self.fields.values())) | template.parse(self.url).names
        if in_fields and signed & {"body", "body_sha256", "query"}:
            raise WrongAt(
                ("signature", "payload"), "holds what the signature itself stands in; use {sorted_fields} instead"
            )

    @property
    def places(self) -> frozenset[str]:
        """Every place that the request uses."""
        signed = self.signature.payload if self.signature is not None else ""
        return _places([self.url, signed, list(self.fields.values()), list(self.headers.values())])


def _places(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return template.parse(value).names
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return frozenset().union(*(_places(one) for one in inner))
