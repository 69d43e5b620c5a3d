"""What is answered, in Chinese (70 characters) and English (140 letters): one SMS each, but for a whole card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mail2sms.dialog.keywords import CHINESE, ENGLISH
from mail2sms.dialog.message import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of one language; what stands in braces is filled in."""

    fields: Mapping[Field, str]
    comma: str
    stopped: str
    started: str
    desk_help: str
    card_help: str
    begun: str
    noted: str
    ask: str
    complete: str
    not_complete: str
    not_understood: str
    no_template: str
    too_long: str
    nothing: str
    cancelled: str
    reminder: str
    ended: str
    ordered: str
    parts_missing: str


_CHINESE = Texts(
    fields={
        Field.TEMPLATE: "模板",
        Field.COMPANY: "公司",
        Field.TITLE: "职务",
        Field.NAME: "姓名",
        Field.CONTACT: "联系方式",
    },
    comma="、",
    stopped="您已退订，不再收到通知短信。回复KT恢复。",
    started="您已恢复接收通知短信。回复TD退订。",
    desk_help="本号码发送邮件通知。回复TD退订，KT恢复。",
    card_help="回复“做名片”制作名片，如：1 3 2 彩邮公司 3 经理 4 张三 5 13800138000 OK。取消：放弃；TD：退订。",
    begun="做名片：1模板 2公司 3职务 4姓名 5联系方式。一次或分次发送，如“1 3”，再“2 彩邮公司”，最后OK。",
    noted="已记下。还缺：{missing}。如：{example}",
    ask="请回复{field}。",
    complete="已齐全。回复OK确认，“查看”查看，或重发一项更正，如“3 经理”。",
    not_complete="还不能确认，缺：{missing}。如：{example}",
    not_understood="没有看懂。还缺：{missing}。如：{example}。回复“取消”放弃。",
    no_template="没有这个模板，请发1和模板号1-{templates}，如“1 3”。",
    too_long="{field}太长，最多{most}字，请重发。",
    nothing="没有正在制作的名片。回复“做名片”开始。",
    cancelled="已取消，名片未保存。",
    reminder="名片还没有做完，{minutes}分钟后将取消。缺：{missing}。",
    ended="太久没有收到您的回复，名片已取消。回复“做名片”重新开始。",
    ordered="名片已收齐：{values}",
    parts_missing="短信没有收全，请重发。",
)

_ENGLISH = Texts(
    fields={
        Field.TEMPLATE: "template",
        Field.COMPANY: "company",
        Field.TITLE: "title",
        Field.NAME: "name",
        Field.CONTACT: "contact",
    },
    comma=", ",
    stopped="You are unsubscribed and get no more notifications. Reply START to get them again.",
    started="You get notifications again. Reply STOP to unsubscribe.",
    desk_help="This number sends mail notifications. Reply STOP to unsubscribe, START to get them again.",
    card_help=(
        "Reply NEW to make a card, or all at once: 1 3 2 Acme Ltd 3 Manager 4 Li Wei 5 13800138000 OK."
        " CANCEL leaves, STOP unsubscribes."
    ),
    begun=(
        "New card: 1 template 2 company 3 title 4 name 5 contact, all at once or in steps: 1 3, then 2 Acme Ltd ..."
        " At the end: OK"
    ),
    noted="Noted. Missing: {missing}. E.g. {example}",
    ask="Please reply with the {field}.",
    complete="Complete. Reply OK to confirm, SHOW to see it, or send one field again, e.g. 3 Manager",
    not_complete="Not complete yet. Missing: {missing}. E.g. {example}",
    not_understood="Not understood. Missing: {missing}. E.g. {example}. CANCEL: leave.",
    no_template="There is no such template. Send 1 and its number, 1-{templates}, e.g. 1 3",
    too_long="The {field} is too long: {most} letters at most. Please send it again.",
    nothing="You are not making a card. Reply NEW to begin.",
    cancelled="Cancelled. The card was not kept.",
    reminder="Your card is not complete. It is dropped in {minutes} minutes. Missing: {missing}",
    ended="We have not heard from you for long: the card was dropped. Reply NEW to begin again.",
    ordered="Your card: {values}",
    parts_missing="Your message did not come whole. Please send it again.",
)

_ALL = {CHINESE: _CHINESE, ENGLISH: _ENGLISH}
EXAMPLES: Mapping[str, Mapping[Field, str]] = {
    CHINESE: {
        Field.TEMPLATE: "1 3",
        Field.COMPANY: "2 彩邮公司",
        Field.TITLE: "3 经理",
        Field.NAME: "4 张三",
        Field.CONTACT: "5 13800138000",
    },
    ENGLISH: {
        Field.TEMPLATE: "1 3",
        Field.COMPANY: "2 Acme Ltd",
        Field.TITLE: "3 Manager",
        Field.NAME: "4 Li Wei",
        Field.CONTACT: "5 13800138000",
    },
}


def texts_of(language: str) -> Texts:
    """The texts of a language, Chinese where there are none."""
    return _ALL.get(language, _CHINESE)


def numbered(language: str, fields: tuple[Field, ...]) -> str:
    """``2公司、5联系方式``, with the digits to send."""
    texts = texts_of(language)
    gap = "" if language == CHINESE else " "
    return texts.comma.join(f"{int(name)}{gap}{texts.fields[name]}" for name in fields)


def example(language: str, name: Field) -> str:
    """How to send a field."""
    return EXAMPLES.get(language, EXAMPLES[CHINESE])[name]
