"""Real mail through the real chain: in by SMTP, out by IMAP unharmed, and as an SMS that says who and what."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.live

NUMBER = "13800138000"


def squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def as_sent(raw: bytes) -> bytes:
    """The message as an SMTP client sends it: CRLF line ends, no mbox envelope line."""
    raw = re.sub(rb"\r?\n", b"\r\n", raw)
    return raw.split(b"\r\n", 1)[1] if raw.startswith(b"From ") else raw


def test_every_message_arrives_unharmed_and_is_told_of(sandbox: Any, corpus: Path) -> None:
    """Every `must` row is right in the mailbox and in the SMS; `best` rows arrive unharmed and are told of."""
    wrong: list[str] = []
    for number, row in enumerate(rows(corpus)):
        raw = as_sent((corpus / row["file"]).read_bytes())
        mailbox = f"corpus{number}@example.test"
        phone = f"1370000{number:04d}"
        sandbox.add_user(mailbox, mobile=phone, rule="all", long_sms=True)
        sandbox.send("sender@outside.test", [mailbox], raw)
        stored = sandbox.wait_for_mail(mailbox, 1)[0]
        if not stored.endswith(raw.rstrip(b"\r\n") + b"\r\n"):
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
    if row["expected_text20"] != "-" and row["expected_text20"][:20] not in said:
        found.append(f"text {row['expected_text20']!r} not in {text!r}")
    return found
