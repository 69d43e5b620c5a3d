import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import InputError
from mail2sms.content import MsgFmt, part_of, text_of
from sandbox.carriers.handset import parts_of


@pytest.mark.parametrize(
    "text, sizes",
    [
        ("a" * 159, [159]),
        ("a" * 160, [159, 6 + 7]),
        ("短" * 70, [140]),
        ("短" * 71, [140, 6 + 8]),
        ("短" * 66 + "😀" + "短" * 9, [6 + 132, 6 + 22]),  # the pair goes whole into the next part
    ],
)
def test_text_is_cut_where_a_phone_cuts_it(text: str, sizes: list[int]) -> None:
    assert [len(content) for _, _, content in parts_of(text, 7)] == sizes


def test_headers_number_the_parts() -> None:
    assert [content[:6].hex() for _, _, content in parts_of("短" * 140, 0xAB)] == [
        "050003ab0301",
        "050003ab0302",
        "050003ab0303",
    ]


def test_small_parts_on_demand() -> None:
    parts = parts_of("YES", 1, part_characters=1)
    assert [(fmt, flag, content[6:]) for fmt, flag, content in parts] == [
        (MsgFmt.ASCII, True, b"Y"),
        (MsgFmt.ASCII, True, b"E"),
        (MsgFmt.ASCII, True, b"S"),
    ]


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(InputError, match="256 parts, 255 allowed"):
        parts_of("a" * 256, 1, part_characters=1)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400), st.integers(0, 67))
def test_parts_joined_are_the_text(text: str, part_characters: int) -> None:
    try:
        parts = parts_of(text, 1, part_characters)
    except InputError:
        return
    bodies = [part_of(flag, content) for _, flag, content in parts]
    assert [part.number for part in bodies] == list(range(1, len(parts) + 1))
    assert text_of(parts[0][0], b"".join(part.body for part in bodies)) == text
    assert all(len(content) <= 159 for _, _, content in parts)
