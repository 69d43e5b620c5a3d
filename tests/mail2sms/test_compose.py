from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.mime import digest_message
from caiyou.queues import Notify
from mail2sms.compose import LONG_PARTS, compose
from mail2sms.segment import Coding, coding_of, is_latin, split

SHANGHAI = ZoneInfo("Asia/Shanghai")
CORPORA = Path(os.environ.get("CAIYOU_CORPORA") or Path(__file__).parents[2].parent / "shared" / "corpora")
INDEX = CORPORA / "mail" / "index.tsv"


def notify(sender: str = "张三", subject: str = "会议通知", text: str = "明天九点", **more: str) -> Notify:
    return Notify(
        **{  # type: ignore[arg-type]
            "queue_id": "4Z",
            "message_id": "<a@example.test>",
            "direction": "in",
            "mail_from": "zhang@example.test",
            "header_from": sender,
            "sent_at": "2024-11-23T04:05:06+00:00",
            "subject": subject,
            "text": text,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("given_notify", "text"),
    [
        (notify(), "张三 11-23 12:05 会议通知: 明天九点"),
        (notify(subject=""), "张三 11-23 12:05 明天九点"),
        (notify(text=""), "张三 11-23 12:05 会议通知"),
        (notify(subject="", text=""), "张三 11-23 12:05"),
        (notify(sender=""), "zhang@example.test 11-23 12:05 会议通知: 明天九点"),
        (notify(sender="", mail_from=""), "11-23 12:05 会议通知: 明天九点"),
        (notify(sent_at="2024-11-23T23:30:00-05:00"), "张三 11-24 12:30 会议通知: 明天九点"),
        (notify(subject=" a\r\nb\x00\u202ec ", text="1\t2\n\n\u200b3"), "张三 11-23 12:05 a bc: 1 2 3"),
        (notify(subject="全角ＡＢＣ，ｱ", text="é e\u0301"), "张三 11-23 12:05 全角ＡＢＣ，ｱ: é e\u0301"),
    ],
)
def test_compose_layout(given_notify: Notify, text: str) -> None:
    assert compose(given_notify, zone=SHANGHAI) == text


@pytest.mark.parametrize("body", ["正", "正文", "好的 ok", "正文" * 100])
def test_compose_a_chinese_text_below_a_latin_subject_is_told(body: str) -> None:
    text = compose(notify("bob@example.test", "Meeting", body), zone=SHANGHAI)
    whole = f"bob@example.test 11-23 12:05 Meeting: {body}"
    assert text == (whole if len(whole) <= 70 else f"{whole[:69]}…")


def test_compose_text_fills_the_rest() -> None:
    text = compose(notify(text="明天上午九点在三楼会议室开会" * 20), zone=SHANGHAI)
    assert len(text) == 70
    assert text.startswith("张三 11-23 12:05 会议通知: 明天上午九点")
    assert text.endswith("…")


def test_compose_sender_is_shortened_before_the_subject() -> None:
    sender, subject = "very.long.address.of.somebody@department.example.test", "二十个字的主题" * 5
    text = compose(notify(sender=sender, subject=subject, text="正文" * 100), zone=SHANGHAI)
    assert len(text) <= 70
    assert subject in text
    assert text.startswith("very.long.")


def test_compose_subject_longer_than_everything() -> None:
    text = compose(notify(sender="Mail Delivery System", subject="很长的主题" * 40), zone=SHANGHAI)
    assert len(text) == 70
    assert text.startswith("Mail Deliv… 11-23 12:05 很长的主题")
    assert text.endswith("…")


def test_compose_short_mail_keeps_a_long_sender() -> None:
    sender = "A Person With A Long Name Indeed"
    assert compose(notify(sender=sender), zone=SHANGHAI).startswith(sender + " ")


def test_compose_latin_has_140_letters() -> None:
    text = compose(notify("Bob", "Meeting", "word " * 100), zone=SHANGHAI)
    assert is_latin(text)
    assert 137 <= len(text) <= 140
    assert text.startswith("Bob 11-23 12:05 Meeting: word word")


def test_compose_curly_quote_does_not_halve_an_english_text() -> None:
    text = compose(notify("Bob", "Meeting", "word " * 22 + "it’s late " * 20), zone=SHANGHAI)
    assert is_latin(text)
    assert len(text) > 100
    assert text.endswith("word it...")
    text = compose(notify("Bob", "Meeting", "It’s late " * 20), zone=SHANGHAI)
    assert len(text) == 70
    assert "It’s late" in text


def test_compose_long_uses_more_parts_only_when_needed() -> None:
    short = notify()
    assert compose(short, zone=SHANGHAI, long=True) == compose(short, zone=SHANGHAI)
    exact = notify(text="字" * (70 - len("张三 11-23 12:05 会议通知: ")))
    assert len(split(compose(exact, zone=SHANGHAI, long=True))) == 1
    text = compose(notify(text="字" * 100), zone=SHANGHAI, long=True)
    assert "字" * 100 in text
    assert len(split(text)) == 2
    text = compose(notify(text="字" * 1000), zone=SHANGHAI, long=True)
    assert len(split(text)) == LONG_PARTS
    assert len(text) == LONG_PARTS * 67


def test_compose_refuses_a_wrong_time() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        compose(notify(sent_at="yesterday"), zone=SHANGHAI)


ANY = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="ab c[~`’", max_size=600),
    st.text(alphabet="会议 👍🏽\u200d\u0301", max_size=300),
)


@settings(deadline=None)  # the machine may be busy
@given(ANY, ANY, ANY, st.booleans())
def test_compose_always_fits(sender: str, subject: str, text: str, long: bool) -> None:
    found = compose(notify(sender, subject, text), zone=SHANGHAI, long=long)
    assert 1 <= len(split(found, long=long)) <= (LONG_PARTS if long else 1)
    assert "11-23 12:05" in found
    assert found == " ".join(found.split())
    if is_latin(sender + subject + text):
        assert coding_of(found) is Coding.LATIN


def rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.skipif(not INDEX.exists(), reason="no corpora here; set CAIYOU_CORPORA")
@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row["file"]))
def test_compose_says_what_the_mail_says(row: dict[str, str]) -> None:
    digest = digest_message((CORPORA / "mail" / row["file"]).read_bytes())
    mail = replace(notify(digest.header_from, digest.subject, digest.text), mail_from="")
    short, long = (compose(mail, zone=SHANGHAI, long=allowed) for allowed in (False, True))
    subject, sender, text = row["expected_subject"], row["expected_from"], row["expected_text20"]
    assert len(split(short, long=False)) == 1
    if subject != "-":
        assert subject[: 40 if is_latin(short) else 25].rstrip() in short
        assert subject[:100].rstrip() in long
    if sender != "-":
        name = sender.partition(" <")[0]
        assert short.startswith(name[:10])
        assert long.startswith(name)
    if text != "-" and len(subject) < 100:
        assert text in "".join(long.split())
