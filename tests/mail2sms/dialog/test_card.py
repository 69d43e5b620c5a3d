"""The dialogue without Redis: each message's answer, and what is known behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.dialog import card
from mail2sms.dialog.card import MOST, CardRules
from mail2sms.dialog.desk import Desk, is_a_phone
from mail2sms.dialog.keywords import CHINESE, ENGLISH, Keywords
from mail2sms.dialog.message import Draft, Field, Known, Received, Turn
from mail2sms.dialog.texts import example, numbered, texts_of
from mail2sms.segment import Coding, coding_of

NUMBER, CARD, NOTICES = "8613800138000", "106588878", "10658"
RULES = CardRules(keywords=Keywords({}), templates=8, remind_s=600, end_s=300)
DESK = Desk(numbers={"8878": "card", "008878": "notices"}, rules=RULES)
ZH, EN = texts_of(CHINESE), texts_of(ENGLISH)
WHOLE = "1 3 2 彩邮公司 3 经理 4 张三 5 13800138000 OK"


class Phone:
    """One number in a dialogue."""

    def __init__(self, number: str = NUMBER, to: str = CARD) -> None:
        self.known = Known(now=1_000.0)
        self.number, self.to = number, to
        self.last = Turn(did="")

    def says(self, text: str, *, to: str = "", missing: int = 0) -> list[str]:
        message = Received(id="mo-1", number=self.number, to=to or self.to, text=text, missing=missing)
        return self._take(DESK.answer(message, self.known))

    def is_silent(self, seconds: float) -> list[str]:
        self.known = replace(self.known, now=self.known.now + seconds)
        draft = self.known.draft
        assert draft is not None
        assert draft.due <= self.known.now
        return self._take(card.times_out(draft, self.known, RULES))

    def _take(self, turn: Turn) -> list[str]:
        self.last = turn
        stopped = self.known.stopped if turn.stopped is None else turn.stopped
        draft = Draft.from_json(turn.draft.to_json()) if turn.draft else None  # as it goes through Redis
        self.known = replace(self.known, draft=draft, stopped=stopped)
        return [reply.text for reply in turn.replies]

    @property
    def values(self) -> dict[int, str]:
        return {int(name): value for name, value in self.known.draft.values.items()} if self.known.draft else {}


def test_a_card_in_one_message() -> None:
    phone = Phone()
    (answer,) = phone.says(WHOLE)
    assert answer == "名片已收齐：\n1 模板: 3\n2 公司: 彩邮公司\n3 职务: 经理\n4 姓名: 张三\n5 联系方式: 13800138000"
    assert phone.known.draft is None
    assert phone.last.ordered is not None
    assert phone.last.ordered.values[Field.COMPANY] == "彩邮公司"


def test_a_card_in_steps() -> None:
    phone = Phone()
    assert phone.says("做名片") == [ZH.begun]
    assert phone.says("1 3") == ["已记下。还缺：2公司、3职务、4姓名、5联系方式。如：2 彩邮公司"]
    assert phone.says("４　张三") == ["已记下。还缺：2公司、3职务、5联系方式。如：2 彩邮公司"]
    assert phone.says("OK") == ["还不能确认，缺：2公司、3职务、5联系方式。如：2 彩邮公司"]
    assert phone.says("2") == ["请回复公司。"]
    assert phone.says("彩邮 公司") == ["已记下。还缺：3职务、5联系方式。如：3 经理"]
    assert phone.says("3：经理，5：13800138000") == [ZH.complete]
    assert phone.says("4 李四") == [ZH.complete]  # one field again
    assert phone.values == {1: "3", 2: "彩邮 公司", 3: "经理", 4: "李四", 5: "13800138000"}
    assert "4 姓名: 李四" in phone.says("查看")[0]
    (answer,) = phone.says("好的")
    assert answer.startswith("名片已收齐")
    assert phone.last.ordered is not None
    assert phone.known.draft is None


def test_a_word_for_new_may_be_followed_by_fields_and_drops_what_was() -> None:
    phone = Phone()
    phone.says("2 旧公司")
    phone.says("做名片 1 3")
    assert phone.values == {1: "3"}
    phone.says("做名片")
    assert phone.values == {}


@pytest.mark.parametrize(
    "text, answer",
    [
        ("1 9", "没有这个模板，请发1和模板号1-8，如“1 3”。"),
        ("1 0", "没有这个模板，请发1和模板号1-8，如“1 3”。"),
        ("1 彩邮", "没有这个模板，请发1和模板号1-8，如“1 3”。"),
        (f"2 {'彩' * 61}", "公司太长，最多60字，请重发。"),
    ],
)
def test_a_value_that_cannot_be(text: str, answer: str) -> None:
    phone = Phone()
    phone.says("4 张三")
    assert phone.says(f"{text};3 经理") == [answer]
    assert phone.values == {4: "张三", 3: "经理"}  # the good one is kept
    phone.says("1 3;2 彩邮;5 1")
    assert phone.says(f"{text} OK") == [answer]  # and a wrong correction is not taken for consent
    assert phone.last.ordered is None


@pytest.mark.parametrize("digit", "12345")
@pytest.mark.parametrize("text", ["9" * 6000, "彩" * 100_000, "\ufdfa" * 5000, "\u202e \u202e"])
def test_a_value_without_measure(digit: str, text: str) -> None:
    phone = Phone()
    phone.says(digit)
    (answer,) = phone.says(text)
    assert len(answer) <= 70
    assert phone.values == {}


def test_cancel() -> None:
    phone = Phone()
    assert phone.says("取消") == [ZH.nothing]
    phone.says("1 3")
    assert phone.says("取消。") == [ZH.cancelled]
    assert phone.known.draft is None


def test_silence_is_reminded_of_once_and_then_ends_it() -> None:
    phone = Phone()
    phone.says("1 3")
    assert phone.is_silent(600) == ["名片还没有做完，5分钟后将取消。缺：2公司、3职务、4姓名、5联系方式。"]
    phone.says("2 彩邮")
    assert phone.known.draft is not None
    assert phone.known.draft.due == phone.known.now + 600
    phone.is_silent(600)
    assert phone.is_silent(300) == [ZH.ended]
    assert phone.known.draft is None


def test_unknown_text_gets_help_now_and_then_and_a_stopped_number_none() -> None:
    phone = Phone()
    assert phone.says("你好") == [ZH.card_help]
    assert phone.last.replies[0].limited
    assert phone.says("你好", to=NOTICES) == [ZH.desk_help]
    assert phone.last.replies[0].limited
    phone.says("TD")
    assert phone.says("你好") == []
    assert phone.says("OK") == []
    assert phone.says("你好", to=NOTICES) == []
    assert phone.says("帮助") == [ZH.card_help]
    assert not phone.last.replies[0].limited


def test_unknown_text_in_a_dialogue_says_what_is_missing() -> None:
    phone = Phone()
    phone.says("1 3 2 彩邮 3 经理 4 张三")
    assert phone.says("在吗") == ["没有看懂。还缺：5联系方式。如：5 13800138000。回复“取消”放弃。"]
    assert not phone.last.replies[0].limited


@pytest.mark.parametrize(
    "word", ["STOP", "stop.", "TD", "ｔｄ", "退订", "“退订”", "TT", "N", "T", "0000", "Unsubscribe"]
)
@pytest.mark.parametrize("to", [CARD, NOTICES])
def test_stop(word: str, to: str) -> None:
    phone = Phone(to=to)
    phone.says("1 3", to=CARD)
    (answer,) = phone.says(word)
    assert answer in (ZH.stopped, EN.stopped)
    assert not phone.last.replies[0].limited
    assert phone.known.stopped
    assert phone.known.draft is None
    phone.says(word)
    assert phone.last.replies[0].limited


@pytest.mark.parametrize("word", ["START", "KT", "kt", "开通", "恢复"])
def test_start(word: str) -> None:
    phone = Phone(to=NOTICES)
    phone.says("TD")
    (answer,) = phone.says(word)
    assert answer in (ZH.started, EN.started)
    assert not phone.known.stopped


@pytest.mark.parametrize("word", ["HELP", "help?", "帮助", "?", "？", "BZ", "帮助！"])
def test_help(word: str) -> None:
    phone = Phone()
    phone.says("1 3")
    assert phone.says(word)[0] in (ZH.card_help, EN.card_help)
    assert phone.values == {1: "3"}


@pytest.mark.parametrize("text", ["我要退订业务", "stop it now", "开通什么", "不"])
def test_words_within_a_text_are_no_commands(text: str) -> None:
    phone = Phone(to=NOTICES)
    phone.says(text)
    assert phone.last.stopped is None


def test_a_sites_own_words() -> None:
    keywords = Keywords({"stop": ["不 要"]})  # type: ignore[dict-item]
    found = keywords.command("不要！")
    assert found is not None
    assert found[0] == "stop"


def test_english() -> None:
    phone = Phone()
    assert phone.says("New") == [EN.begun]
    assert phone.says("1 3") == ["Noted. Missing: 2 company, 3 title, 4 name, 5 contact. E.g. 2 Acme Ltd"]
    phone.says("2 Acme Ltd 3 Manager 4 张三")
    assert phone.says("5 zhang@example.test OK")[0].startswith("Your card:")
    assert Phone().says("1 3 2 Acme 3 CEO 4 Bob 5 1")[0] == EN.complete
    assert Phone(number="447700900123").says("?") == [EN.card_help]
    assert Phone().says("help") == [EN.card_help]
    phone = Phone()
    phone.says("1 3")
    assert phone.says("5 zhang@example.test")[0].startswith("已记下")  # it goes on in the language it began in


def test_parts_that_never_came() -> None:
    phone = Phone()
    assert phone.says(WHOLE, missing=1) == [ZH.parts_missing]
    assert phone.last.ordered is None


def test_the_longest_ending_decides_who_answers() -> None:
    assert [DESK.handler(to) for to in ("106588878", "8878", "10658008878", "10658", "88780", "")] == [
        *("card", "card", "notices", "notices", "notices", "notices")
    ]


@pytest.mark.parametrize("number", [NUMBER, "8619912345678", "447700900123", "85291234567", "12025550123"])
def test_phones_of_people(number: str) -> None:
    assert is_a_phone(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        *[
            "10086",
            "8610658888",
            "861065888812345",
            "95588",
            "8695588",
            "86106588",
            "4008",
            "CAIYOU",
            "+8613800138000",
            "862112345678",
        ],
        *["861380013800", "86138001380001", "00447700900123", "999999999999999", "１３８００１３８０００"],
    ],
)
def test_machines_are_not_answered(number: str) -> None:
    """An automatic sender answers an answer, and that never ends."""
    assert not is_a_phone(number)
    phone = Phone(number=number)
    for text in ("你好", "STOP", "1 3", "帮助"):
        assert phone.says(text) == []
        assert phone.last.stopped is None


def test_a_number_that_writes_to_itself() -> None:
    assert Phone(to=NUMBER).says("你好") == []


@pytest.mark.parametrize("texts, language", [(ZH, CHINESE), (EN, ENGLISH)])
def test_each_answer_fits_one_message(texts: object, language: str) -> None:
    worst = numbered(language, tuple(Field))
    filled = {
        "missing": worst, "example": example(language, Field.CONTACT), "templates": 9999, "minutes": 1440,
        "field": "联系方式" if language == CHINESE else "company", "most": 100, "values": "",
    }  # fmt: skip
    for name in texts.__slots__:  # type: ignore[attr-defined]
        text = getattr(texts, name)
        if not isinstance(text, str):
            continue
        said = text.format(**filled)
        coding = coding_of(said)
        assert coding is Coding.LATIN or language == CHINESE
        assert coding.units(said) <= coding.single, f"{name}: {coding.units(said)}"


@given(st.lists(st.text(max_size=60) | st.text("12345 OKok#;\n,.彩张", max_size=40), max_size=12))
def test_whatever_is_written_the_state_stays_sound(texts: list[str]) -> None:
    phone = Phone()
    for text in texts:
        answers = phone.says(text)
        assert len(answers) <= 1
        assert all(answers)
        if phone.known.draft:
            for name, value in phone.known.draft.values.items():
                assert 0 < len(value) <= MOST[name]
        if phone.last.ordered:
            assert not phone.last.ordered.missing


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"to": 1}', '{"to":"","language":"","values":{"9":""}}'])
def test_what_is_no_draft(text: str) -> None:
    with pytest.raises(ValueError, match=r"draft|Expecting|9 is not a valid Field"):
        Draft.from_json(text)
