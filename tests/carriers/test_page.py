import base64
import hashlib
import re

import pytest
from pydantic import ValidationError

from sandbox.carriers.faults import Faults
from sandbox.carriers.page import TEXTS, page


@pytest.mark.parametrize(
    "lang, accept, title",
    [
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "模拟手机"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "Simulated phones"),
        (None, "fr,en;q=0.5,zh;q=0.4", "Simulated phones"),
        (None, "fr", "模拟手机"),
        (None, "", "模拟手机"),
        (None, "en;q=nonsense,;;,zh;q=", "模拟手机"),
        ("en", "zh", "Simulated phones"),
        ("zh", "en", "模拟手机"),
        ("<script>", "en", "Simulated phones"),
    ],
)
def test_language(lang: str | None, accept: str, title: str) -> None:
    text, _ = page(lang, accept)
    assert f"<h1>{title}</h1>" in text
    assert "{{" not in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("lang", TEXTS)
def test_policy_allows_the_inline_parts_of_the_page_and_nothing_else(lang: str) -> None:
    text, policy = page(lang, "")
    for tag in ("style", "script"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_page_offers_the_carriers_there_are() -> None:
    text, _ = page("en", "", ("ismg", "</script>"))
    assert '["ismg", "\\u003c/script>"]' in text
    assert '"CMPP"' in text


def test_both_languages_have_the_same_texts() -> None:
    assert TEXTS["zh"].keys() == TEXTS["en"].keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"drop_answers": 1.5},
        {"refuse_result": 256},
        {"report_stat": "TOO LONG"},
        {"report_link": "none"},
        {"report_copies": 0},
        {"mo_part_characters": 68},
    ],
)
def test_impossible_faults_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Faults.model_validate(wrong)
