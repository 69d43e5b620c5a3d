"""Which message is a repeat where the protocol gives no id."""

from __future__ import annotations

from mail2sms.links.redelivered import KEPT_S, MOST, Redelivered


def test_what_was_acknowledged_is_new_when_it_comes_again() -> None:
    seen = Redelivered()
    assert seen.came(1, "OK", "a:1", 0.0) == "a:1"
    seen.acknowledged(1, "a:1")
    assert seen.came(2, "OK", "a:2", 1.0) == "a:2"
    seen.acknowledged(2, "a:2")
    seen.ended(2.0)
    assert seen.came(1, "OK", "b:1", 3.0) == "b:1"


def test_what_was_not_keeps_its_ref_once() -> None:
    seen = Redelivered()
    seen.came(1, "OK", "a:1", 0.0)
    seen.ended(1.0)
    assert seen.came(1, "OK", "b:1", 2.0) == "a:1"
    assert seen.came(2, "OK", "b:2", 2.0) == "b:2"
    seen.ended(3.0)  # and again: both were not acknowledged
    assert seen.came(1, "OK", "c:1", 4.0) in ("a:1", "b:2")


def test_an_acknowledgement_that_comes_too_late_is_none() -> None:
    seen = Redelivered()
    seen.came(1, "OK", "a:1", 0.0)
    seen.ended(1.0)
    seen.came(1, "another", "b:1", 2.0)
    seen.acknowledged(1, "a:1")
    seen.ended(3.0)
    assert seen.came(1, "OK", "c:1", 4.0) == "a:1"
    assert seen.came(2, "another", "c:2", 4.0) == "b:1"


def test_later_it_is_another_message() -> None:
    seen = Redelivered()
    seen.came(1, "OK", "a:1", 0.0)
    seen.ended(1.0)
    assert seen.came(1, "OK", "b:1", 1.0 + KEPT_S) == "b:1"


def test_it_is_bounded() -> None:
    seen = Redelivered()
    for number in range(MOST + 100):
        seen.came(number, f"text {number}", f"a:{number}", 0.0)
    seen.ended(1.0)
    assert len(seen) == MOST
    seen.ended(1.0 + KEPT_S)
    assert len(seen) == 0
