"""Settings of what a provider sends us: delivery reports and messages from handsets."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from caiyou.settings import Table, WrongAt
from mail2sms.provider import pick, template
from mail2sms.provider.sign import Algorithm, Encoding

State = Literal["delivered", "failed", "expired", "pending"]


def charset_known(name: str) -> str:
    """A charset in which texts can be put together from pieces: none with a byte order mark; raises ValueError."""
    try:
        if "".encode(name) == b"":
            return codecs.lookup(name).name
    except LookupError:  # also of what is no charset of texts, such as base64
        pass
    raise ValueError("not a charset; expected something like utf-8, gbk or utf-16-be")


def _path(text: str) -> str:
    pick.steps(text.removeprefix("header:"))
    return text


Path_ = Annotated[str, AfterValidator(_path)]


class HttpCallbackSignature(Table):
    """How callbacks are signed. The signature must cover the message and the time."""

    at: Path_ = Field(description="where it stands: header:X-Signature, or the name of a field")
    timestamp_at: Path_ = Field(description="where its time stands, in seconds, milliseconds or ISO 8601")
    payload: str = Field(description='what is signed: "{timestamp}\\n{body}", "{sorted_fields}{key}"')
    algorithm: Algorithm = Algorithm.HMAC_SHA256
    encoding: Encoding = Encoding.HEX
    key_file: Path | None = Field(None, description="its key; default: the link's key_file")
    window_s: float = Field(300.0, gt=0, le=86_400, description="how far its time may be from ours")

    @field_validator("payload")
    @classmethod
    def _covers_the_message(cls, text: str) -> str:
        names = template.check(text, template.SIGNED_CALLBACK).names
        if not names & {"body", "body_sha256", "query", "sorted_fields"}:
            raise ValueError("it does not cover the message: use {body}, {body_sha256}, {query} or {sorted_fields}")
        if "timestamp" not in names and "sorted_fields" not in names:
            raise ValueError("it does not cover the time: use {timestamp}")
        return text


class HttpReport(Table):
    """How a delivery report reads. Paths go into JSON; in a form or a query they are names."""

    when: dict[Path_, str] = Field({}, description='only what holds these is a report: {type = "dlr"}')
    list: Path_ = Field("", description="where a list of several stands; what holds none is one report")
    id: Path_ = Field(description="the id of the answer, or our own {id}")
    status: Path_ = Field(description="the provider's status word")
    stat: Path_ = Field("", description="what people are shown; default: the status")
    to: Path_ = Field("", description="the handset's number")
    states: dict[str, State] = Field(
        description='what words mean, in upper or lower case: {DELIVRD = "delivered", "2" = "failed"}'
    )
    other: State = Field("failed", description="what any other word means")


class HttpMo(Table):
    """How a message from a handset reads."""

    when: dict[Path_, str] = Field({}, description='only what holds these is one: {type = "mo"}')
    list: Path_ = Field("", description="where a list of several stands; what holds none is one message")
    id: Path_ = Field("", description="the provider's id, by which repeats are known")
    sender: Path_ = Field(description="the handset's number")
    to: Path_ = Field("", description="our number; default: src_id")
    text: Path_ = Field(description="the text")
    text_charset: Path_ = Field("", description="where the name of the text's charset stands, in a form or query")
    udh: Path_ = Field("", description="user data header, octets or hexadecimal digits, where long texts come in parts")


class HttpCallback(Table):
    """What the provider calls us with, at /callback/<link> of ``sms.callback_listen``; it is always checked."""

    url: str = Field("", pattern=r"^(https?://[!-~]+)?$", description="{callback_url}: how the provider reaches us, "
                     "https://sms.example.com/callback/LINK")  # fmt: skip
    token_file: Path | None = Field(None, description="a token (16 or more of A-Z a-z 0-9 . _ ~ -) that it must show")
    token_header: str = Field("", description="the header it stands in, `Bearer ` before it or not; empty: it is the "
                              "last part of the path, /callback/LINK/TOKEN")  # fmt: skip
    signature: HttpCallbackSignature | None = Field(None, description="how callbacks are signed")
    charset: Annotated[str, AfterValidator(charset_known)] = Field("utf-8", description="of form and query")
    reply: str = Field("OK", max_length=4096, description="what is answered once everything is recorded")
    reply_type: str = Field("text/plain", pattern=r"^[\w.+-]+/[\w.+-]+$", description="its Content-Type")
    report: HttpReport | None = Field(None, description="how delivery reports read")
    mo: HttpMo | None = Field(None, description="how messages from handsets read")

    @model_validator(mode="after")
    def _is_checked(self) -> Self:
        if self.token_file is None and self.signature is None:
            raise WrongAt(("token_file",), "this or signature must be set: else anybody could report")
        if self.report is None and self.mo is None:
            raise WrongAt(("report",), "this or mo must be set: else there is nothing to read")
        return self
