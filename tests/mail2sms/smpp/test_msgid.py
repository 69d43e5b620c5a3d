"""One id, written one way in the answer and another way in the receipt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail2sms.smpp.msgid import IdForm, answered, reported


@pytest.mark.parametrize(
    ("form", "answer", "text_id", "tlv_id"),
    [
        (IdForm.AS_IS, "0A1f-x", "0A1f-x", ""),
        (IdForm.AS_IS, "0A1f-x", "", "0A1f-x"),
        (IdForm.AS_IS, "7 ", "7", ""),
        (IdForm.FOLDED, "0A1F", "0a1f", ""),
        (IdForm.FOLDED, "A1F", "000000a1f", ""),
        (IdForm.FOLDED, "00123", "", "123"),
        (IdForm.FOLDED, "000", "0", ""),
        (IdForm.HEX_TO_DEC, "1A", "26", ""),
        (IdForm.HEX_TO_DEC, "0000001a", "0000000026", ""),
        (IdForm.HEX_TO_DEC, "33E95179", "870928761", ""),  # opentelecoms-org/jsmpp, issue 56
        (IdForm.HEX_TO_DEC, "1A", "26", "1A"),  # the TLV repeats the answer
        (IdForm.HEX_TO_DEC, "1A", "", "1a"),
        (IdForm.HEX_TO_DEC, "1A", "26", "26"),  # the TLV repeats the text
        (IdForm.HEX_TO_DEC, "6ba7b810-9dad", "6BA7B810-9dad", ""),  # no number at all
        (IdForm.HEX_TO_DEC, "x1", "X1", ""),
        (IdForm.DEC_TO_HEX, "26", "1A", ""),
        (IdForm.DEC_TO_HEX, "26", "0000001a", "26"),
        (IdForm.DEC_TO_HEX, "870928761", "33E95179", "33e95179"),
    ],
)
def test_the_same(form: IdForm, answer: str, text_id: str, tlv_id: str) -> None:
    assert answered(answer, form) == reported(text_id, tlv_id, form) != ""


@pytest.mark.parametrize(
    ("form", "answer", "text_id"),
    [
        (IdForm.AS_IS, "1A", "1a"),
        (IdForm.AS_IS, "01", "1"),
        (IdForm.FOLDED, "1A", "26"),
        (IdForm.HEX_TO_DEC, "26", "26"),
    ],
)
def test_not_the_same(form: IdForm, answer: str, text_id: str) -> None:
    assert answered(answer, form) != reported(text_id, "", form)


@pytest.mark.parametrize("form", IdForm)
def test_no_id(form: IdForm) -> None:
    assert answered("", form) == reported("", "", form) == ""


@given(st.integers(0, 2**128), st.integers(0, 40), st.booleans())
def test_every_number(number: int, width: int, upper: bool) -> None:
    digits = f"{number:0{width}X}" if upper else f"{number:0{width}x}"
    assert answered(digits, IdForm.HEX_TO_DEC) == reported(f"{number:0{width}d}", "", IdForm.HEX_TO_DEC)
    assert answered(str(number), IdForm.DEC_TO_HEX) == reported(digits, digits, IdForm.DEC_TO_HEX)
    assert answered(digits, IdForm.FOLDED) == reported(f"{number:x}", "", IdForm.FOLDED)


@given(st.text(max_size=70), st.text(max_size=70))
def test_any_text(text_id: str, tlv_id: str) -> None:
    for form in IdForm:
        assert isinstance(reported(text_id, tlv_id, form), str)
        assert isinstance(answered(text_id, form), str)
