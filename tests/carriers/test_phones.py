from datetime import UTC, datetime
from itertools import permutations

import pytest

from caiyou.errors import InputError
from sandbox.carriers.phones import Message, Phones, number_of, number_or_empty

AT = datetime(2026, 11, 23, 4, 5, 6, 789000, tzinfo=UTC)
ALICE = "8613800138000"
PARTS = [bytes((5, 0, 3, 42, 3, number)) + text.encode("utf-16-be") for number, text in enumerate("彩邮好", 1)]


def test_message_is_shown_as_the_interface_says() -> None:
    phones = Phones()
    phones.take(ALICE, "10658878", 0, 8, "彩邮".encode("utf-16-be"), AT)
    assert [message.to_json() for message in phones.messages(ALICE)] == [
        {
            "kind": "sms",
            "from": "10658878",
            "to": ALICE,
            "text": "彩邮",
            "parts": 1,
            "at": "2026-11-23T04:05:06.789Z",
            "carrier": "ismg",
        }
    ]
    assert phones.messages("8613900139000") == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_in_any_order_become_one_message(order: tuple[int, ...]) -> None:
    phones = Phones()
    for index in order[:-1]:
        phones.take(ALICE, "1065", 1, 8, PARTS[index], AT)
    assert phones.messages(ALICE) == []
    assert phones.open_parts == 2
    phones.take(ALICE, "1065", 1, 8, PARTS[order[-1]], AT)
    (message,) = phones.messages(ALICE)
    assert (message.text, message.parts) == ("彩邮好", 3)
    assert phones.open_parts == 0


def test_surrogate_pair_torn_by_the_sender_is_whole_again() -> None:
    octets = "😀".encode("utf-16-be")
    phones = Phones()
    for number in (1, 2):
        phones.take(ALICE, "1065", 64, 8, bytes((5, 0, 3, 1, 2, number)) + octets[number * 2 - 2 : number * 2], AT)
    assert phones.messages(ALICE)[0].text == "😀"


def test_parts_of_other_senders_and_phones_do_not_mix() -> None:
    phones = Phones()
    phones.take(ALICE, "1065", 1, 8, PARTS[0], AT)
    phones.take(ALICE, "1066", 1, 8, PARTS[1], AT)
    phones.take("8613900139000", "1065", 1, 8, PARTS[2], AT)
    assert phones.open_parts == 3
    assert phones.messages(ALICE) == []


def test_parts_that_came_by_other_carriers_do_not_mix() -> None:
    phones = Phones()
    phones.take(ALICE, "1065", 1, 8, PARTS[0], AT, "smsc")
    phones.take(ALICE, "1065", 1, 8, PARTS[1], AT, "smg")
    for part in PARTS[1:]:
        phones.take(ALICE, "1065", 1, 8, part, AT, "smsc")
    assert [(message.text, message.carrier) for message in phones.messages(ALICE)] == [("彩邮好", "smsc")]
    assert phones.open_parts == 1


def test_part_that_comes_twice_counts_once() -> None:
    phones = Phones()
    for index in (0, 0, 1, 1, 2):
        phones.take(ALICE, "1065", 1, 8, PARTS[index], AT)
    assert [message.parts for message in phones.messages(ALICE)] == [3]


def test_reference_used_again_begins_a_new_message() -> None:
    phones = Phones()
    phones.take(ALICE, "1065", 1, 8, PARTS[0], AT)
    for number, text in enumerate("新的信", 1):
        phones.take(ALICE, "1065", 1, 8, bytes((5, 0, 3, 42, 3, number)) + text.encode("utf-16-be"), AT)
    assert [message.text for message in phones.messages(ALICE)] == ["新的信"]


def test_phone_keeps_the_latest_of_its_ring() -> None:
    phones = Phones(ring=3)
    for number in range(5):
        phones.take(ALICE, "1065", 0, 0, str(number).encode(), AT)
    assert [message.text for message in phones.messages(ALICE)] == ["2", "3", "4"]


def test_phones_quiet_longest_are_forgotten_first() -> None:
    phones = Phones(ring=10, most=4)
    for number in ("1", "2", "1", "3", "4"):
        phones.take(number, "1065", 0, 0, b"x", AT)
    assert [(number, len(phone.messages)) for number, phone in phones] == [("4", 1), ("3", 1), ("1", 2)]


def test_unfinished_messages_are_bounded() -> None:
    phones = Phones()
    for reference in range(200):
        phones.take(ALICE, "1065", 1, 8, bytes((5, 0, 3, reference, 2, 1)) + b"\0A", AT)
    assert phones.open_parts == 50


def test_watchers_are_told() -> None:
    phones, seen = Phones(), []
    phones.watchers.append(lambda number, message: seen.append((number, message.text)))
    phones.show(ALICE, Message(sender=ALICE, to="1065", text="T", parts=1, at=AT, sent=True))
    assert seen == [(ALICE, "T")]


@pytest.mark.parametrize(
    "text", ["13800138000", "8613800138000", "+8613800138000", "+86 138-0013-8000", "008613800138000"]
)
def test_number_is_taken_as_people_write_it(text: str) -> None:
    assert number_of(text) == ALICE


def test_what_is_no_number_is_told_or_empty() -> None:
    with pytest.raises(InputError, match="is not a phone number"):
        number_of("alice")
    assert number_or_empty("alice") == ""
    assert number_or_empty("１３８００１３８０００") == ALICE
