import pytest
from hypothesis import given
from hypothesis import strategies as st

from caiyou.errors import ProtocolError
from caiyou.wire import Reader, Writer


def test_reader_reads_integers_octets_and_strings_in_turn() -> None:
    reader = Reader(bytes.fromhex("01 0203 04050607 aabb 4d41494c0000ff"))
    assert [reader.uint(size, "n") for size in (1, 2, 4)] == [1, 0x0203, 0x04050607]
    assert reader.octets(2, "raw") == b"\xaa\xbb"
    assert reader.octet_string(7, "name") == "MAIL"  # what stands behind the first 0x00 is no text
    assert reader.left == 0
    reader.done("all")


def test_reader_names_the_field_what_it_needs_and_what_is_there() -> None:
    with pytest.raises(ProtocolError, match=r"^Msg_Id: 8 octets needed, 3 present$"):
        Reader(b"abc").uint(8, "Msg_Id")


def test_reader_stays_where_it_was_when_a_field_is_cut() -> None:
    reader = Reader(b"abc")
    with pytest.raises(ProtocolError):
        reader.octets(4, "x")
    assert reader.octets(3, "x") == b"abc"


def test_reader_refuses_what_is_left_over() -> None:
    with pytest.raises(ProtocolError, match=r"^UDH: 2 octets too many$"):
        Reader(b"ab").done("UDH")


def test_reader_refuses_a_negative_size_and_a_window_outside() -> None:
    with pytest.raises(ProtocolError):
        Reader(b"ab").octets(-1, "x")
    with pytest.raises(ValueError, match="does not lie in 2 octets"):
        Reader(b"ab", 1, 3)


def test_restrict_to_hides_what_follows_and_skips_what_was_not_read() -> None:
    reader = Reader(b"abcdef")
    with reader.restrict_to(3, "inner"):
        assert reader.octets(1, "first") == b"a"
        with pytest.raises(ProtocolError, match=r"^second: 3 octets needed, 2 present$"):
            reader.octets(3, "second")
    assert reader.rest() == b"def"


def test_restrict_to_more_than_there_is_is_refused() -> None:
    reader = Reader(b"abc")
    with pytest.raises(ProtocolError, match=r"^UDH: 4 octets needed, 3 present$"), reader.restrict_to(4, "UDH"):
        pass
    assert reader.rest() == b"abc"


def test_restrict_to_nests_and_ends_restored_after_an_error() -> None:
    reader = Reader(b"abcdef")
    with pytest.raises(ProtocolError), reader.restrict_to(4, "outer"), reader.restrict_to(2, "inner"):
        reader.octets(3, "x")
    assert reader.left == 6


def test_writer_writes_what_reader_reads() -> None:
    writer = Writer()
    writer.uint(0x0102, 2, "n")
    writer.octet_string("MAIL", 6, "s")
    writer.octets(b"\xff")
    assert bytes(writer) == bytes.fromhex("0102 4d41494c0000 ff")
    assert len(writer) == 9


@pytest.mark.parametrize("value, size", [(-1, 1), (256, 1), (1 << 64, 8)])
def test_writer_refuses_integers_that_do_not_fit(value: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"^Pk_total: "):
        Writer().uint(value, size, "Pk_total")


@pytest.mark.parametrize("value", ["12345678901", "短信", "a\0b"])
def test_writer_refuses_strings_that_do_not_fit(value: str) -> None:
    with pytest.raises(ValueError, match=r"^Service_Id: "):
        Writer().octet_string(value, 10, "Service_Id")


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.text(st.characters(min_codepoint=1, max_codepoint=127)))))
def test_whatever_is_written_is_read_back(values: list[int | str]) -> None:
    writer = Writer()
    for value in values:
        if isinstance(value, int):
            writer.uint(value, 8, "n")
        else:
            writer.octet_string(value, len(value) + 3, "s")
    reader = Reader(bytes(writer))
    for value in values:
        if isinstance(value, int):
            assert reader.uint(8, "n") == value
        else:
            assert reader.octet_string(len(value) + 3, "s") == value
    reader.done("all")
