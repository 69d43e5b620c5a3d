"""Real mail through the real chain: in by SMTP, out by IMAP unharmed, and as an SMS that says who and what."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from sandbox.running import RunningSandbox

pytestmark = pytest.mark.live

POSTFIX_HEADER_OCTETS = 60_000
LONG_CHARACTERS = 4 * 67  # what a subscriber who allows long SMS gets at most, in UCS-2


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def as_sent(raw: bytes) -> bytes:
    """The message as an SMTP client sends it: CRLF line ends, no mbox envelope line."""
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    raw = raw.split(b"\r\n", 1)[1] if raw.startswith(b"From ") else raw
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def unharmed(raw: bytes, stored: bytes) -> bool:
    """Whether it was stored as sent, as far as Postfix and Dovecot can.

    Trace headers come before it; a Return-Path of another's making goes (RFC 5321 4.4); Postfix cuts one header at
    60,000 octets; Dovecot stores NUL, which no mail may hold (RFC 5322 2.2), as 80h.
    """
    head, blank, body = raw.replace(b"\0", b"\x80").partition(b"\r\n\r\n")
    headers = re.split(rb"\r\n(?![ \t])", head)
    kept = [header for header in headers if not header.lower().startswith(b"return-path:")]
    if all(len(header) < POSTFIX_HEADER_OCTETS for header in kept):
        return stored.endswith(b"\r\n" + b"\r\n".join(kept) + blank + body)
    return stored.endswith(blank + body) and all(header[:50_000] in stored for header in kept)


def test_every_message_arrives_unharmed_and_is_told_of(sandbox: RunningSandbox, corpus: Path) -> None:
    """Every `must` row is right in the mailbox and in the SMS; `best` rows arrive unharmed and are told of."""
    wrong: list[str] = []
    for number, row in enumerate(rows(corpus)):
        raw = as_sent((corpus / row["file"]).read_bytes())
        mailbox = f"corpus{number}@example.test"
        phone = f"1370000{number:04d}"
        sandbox.add_user(mailbox, mobile=phone, rule="all", long_sms=True)
        sandbox.send("sender@outside.test", [mailbox], raw)
        stored = sandbox.wait_for_mail(mailbox, 1)[0]
        if not unharmed(raw, stored):
            wrong.append(f"{row['file']}: stored mail differs from what was sent")
        texts = sandbox.phone_messages(phone, wait=1)
        if len(texts) != 1:
            wrong.append(f"{row['file']}: {len(texts)} SMS")
            continue
        if row["level"] == "must":
            wrong += [f"{row['file']}: {why}" for why in missing(row, texts[0]["text"])]
    assert not wrong, "\n".join(wrong)


def missing(row: dict[str, str], text: str) -> list[str]:
    """What the index expects and the SMS does not say, as far as its length allows."""
    said = squeeze(text)
    found = []
    if row["expected_subject"] != "-" and squeeze(row["expected_subject"])[:20] not in said:
        found.append(f"subject {row['expected_subject']!r} not in {text!r}")
    sender = row["expected_from"].split("<")[0].strip() or row["expected_from"].strip("<>")
    if sender != "-" and squeeze(sender)[:8] not in said:
        found.append(f"sender {sender!r} not in {text!r}")
    full = len(text) >= LONG_CHARACTERS - 10  # a very long subject leaves no room for the text
    if not full and row["expected_text20"] != "-" and row["expected_text20"][:20] not in said:
        found.append(f"text {row['expected_text20']!r} not in {text!r}")
    return found
