import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.dialog.message import Field
from mail2sms.dialog.parse import MAX_CHARACTERS, flat, is_done, parse, tidy

WHOLE = {1: "3", 2: "彩邮公司", 3: "经理", 4: "张三", 5: "13800138000"}


def read(text: str) -> tuple[dict[int, str], bool]:
    parsed = parse(text)
    return {int(name): tidy(name, value) for name, value in parsed.values}, parsed.done


@pytest.mark.parametrize(
    "text",
    [
        "1 3 2 彩邮公司 3 经理 4 张三 5 13800138000 OK",
        "1 3 2 彩邮公司 3 经理 4 张三 5 13800138000 ok。",
        "1#3#2#彩邮公司#3#经理#4#张三#5#13800138000#OK",
        "1*3*2*彩邮公司*3*经理*4*张三*5*13800138000*OK#",
        "1 3;2 彩邮公司;3 经理;4 张三;5 13800138000;确认",
        "1 3,2 彩邮公司,3 经理,4 张三,5 13800138000,OK",
        "1、3，2、彩邮公司，3、经理，4、张三，5、13800138000，完成",
        "１：３；２：彩邮公司；３：经理；４：张三；５：１３８００１３８０００；ＯＫ",
        "1.3 2.彩邮公司 3.经理 4.张三 5.13800138000 OK!",
        "1) 3\n2) 彩邮公司\n3) 经理\n4) 张三\n5) 13800138000\nOK",
        "1\r\n3\r\n2\r\n彩邮公司\r\n3\r\n经理\r\n4\r\n张三\r\n5\r\n13800138000\r\nOK",
        "1=3 2=彩邮公司 3=经理 4=张三 5=13800138000 确定",
        "①3号 ②彩邮公司 ③经理 ④张三 ⑤13800138000 OK",
        "1\ufe0f\u20e33 2\ufe0f\u20e3彩邮公司 3\ufe0f\u20e3经理 4\ufe0f\u20e3张三 5\ufe0f\u20e313800138000 OK",
        "５ １３８００１３８０００　４　张三　３　经理　２　彩邮公司　１　３　ＯＫ",
        "2彩邮公司 3经理 4张三 5 13800138000 1 3 OK",
        "你好，1 3 2 彩邮公司 3 经理 4 张三 5 13800138000 ok",
    ],
)
def test_a_whole_card(text: str) -> None:
    assert read(text) == (WHOLE, True)


@pytest.mark.parametrize(
    "text, values",
    [
        ("1 3", {1: "3"}),
        ("1 03号模板", {1: "3"}),
        ("1 0", {1: "0"}),
        ("1 abc", {1: "abc"}),
        ("1", {1: ""}),
        ("２", {2: ""}),
        ("1 3 2", {1: "3", 2: ""}),
        ("2 OK", {2: "OK"}),
        ("2 360 公司", {2: "360 公司"}),
        ("2 3M 公司", {2: "3M 公司"}),
        ("2 Acme Ltd. 3 Vice President", {2: "Acme Ltd.", 3: "Vice President"}),
        ("3 2级技师", {3: "2级技师"}),
        ("5 138 0013 8000", {5: "138 0013 8000"}),
        ("5 010-12345678 转 8, zhang@例子.test", {5: "010-12345678 转 8, zhang@例子.test"}),
        ("2 第 2 建筑公司", {2: "第 2 建筑公司"}),
        ("2#第 3 建筑公司#3#经理", {2: "第 3 建筑公司", 3: "经理"}),
        ("2 第 3 建筑公司;3 经理", {2: "第 3 建筑公司", 3: "经理"}),
        ("2 （北京）彩邮　公司", {2: "（北京）彩邮 公司"}),
        ("5 １３８－００１３", {5: "138-0013"}),
        ("4 张\u202e三\x00", {4: "张 三"}),
        ("4 👨‍👩‍👧 家", {4: "👨‍👩‍👧 家"}),
        ("4 𠮷野", {4: "𠮷野"}),
        ("6 什么", {}),
        ("13800138000", {}),
        ("hello 2you", {}),
        ("", {}),
        (" \n;#", {}),
    ],
)
def test_steps(text: str, values: dict[int, str]) -> None:
    assert read(text) == (values, False)


@pytest.mark.parametrize("text", ["OK", "ok", "ＯＫ。", " Ok! ", "o.k.", "好", "好的。", "确认", "完成", "YES"])
def test_ok(text: str) -> None:
    assert is_done(text)


@pytest.mark.parametrize("text", ["OKAYISH", "不OK", "好吃", "1 3 OK", ""])
def test_not_ok(text: str) -> None:
    assert not is_done(text)


WORD = st.text("彩邮公司经理abc（）.-0123456789", min_size=1, max_size=12).filter(lambda w: w.strip(".").strip() == w)


@given(
    st.permutations(list(Field)),
    st.lists(WORD, min_size=5, max_size=5),
    st.integers(1, 999),
    st.sampled_from(["#", "\n", ";", "；", "｜"]),
    st.sampled_from([" ", "：", ".", "=", "　"]),
    st.booleans(),
)
def test_whatever_the_order_and_the_separator(
    order: list[Field], words: list[str], template: int, between: str, after: str, done: bool
) -> None:
    values = {name: str(template) if name is Field.TEMPLATE else word for name, word in zip(Field, words, strict=True)}
    text = between.join(f"{int(name)}{after}{values[name]}" for name in order) + (f"{between}OK" if done else "")
    parsed = parse(text)
    expected = {name: values[name] for name in order}
    assert (dict(parsed.values), parsed.done) == (expected, done)


@given(st.text(max_size=200) | st.text("12345 OKok#;\n,.彩", max_size=200))
def test_anything_can_be_read(text: str) -> None:
    parsed = parse(text)
    assert len({name for name, _ in parsed.values}) == len(parsed.values)
    for name, value in parsed.values:
        shown = tidy(name, value)
        assert "\n" not in shown
        assert shown == shown.strip()
    assert len(flat(text)) == len(text)


@pytest.mark.parametrize("text", ["1 " * 50_000, "#1" * 50_000, "2 x;3" * 50_000, " " * 100_000, "x " * 50_000])
def test_a_long_text_is_no_burden(text: str) -> None:
    start = time.perf_counter()
    parse(text)
    assert time.perf_counter() - start < 0.5
    assert parse(text) == parse(text[:MAX_CHARACTERS])
