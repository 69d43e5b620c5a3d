"""What is known serves while nobody answers, and no longer than its time."""

from __future__ import annotations

import pytest

from caiyou.directory import memory
from caiyou.directory.memory import Memory
from caiyou.errors import DirectoryDown


def down() -> str:
    raise DirectoryDown("away")


def test_a_fact_serves_only_while_the_directory_is_down() -> None:
    known = Memory(60.0)
    assert known.ask("k", lambda: "old", keep=bool) == "old"
    assert known.ask("k", down, keep=bool) == "old"
    assert known.ask("k", lambda: "new", keep=bool) == "new"
    assert known.ask("k", down, keep=bool) == "new"


def test_what_was_never_learnt_is_not_known() -> None:
    with pytest.raises(DirectoryDown):
        Memory(60.0).ask("k", down, keep=bool)


def test_a_fact_dies_of_age(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("caiyou.directory.memory.time.monotonic", lambda: now)
    known = Memory(60.0)
    known.ask("k", lambda: "x", keep=bool)
    now += 60.0
    assert known.ask("k", down, keep=bool) == "x"
    now += 0.1
    with pytest.raises(DirectoryDown):
        known.ask("k", down, keep=bool)


def test_an_answer_that_is_not_kept_makes_the_older_one_forgotten() -> None:
    known = Memory(60.0)
    known.ask("k", lambda: "x", keep=bool)
    assert known.ask("k", lambda: "", keep=bool) == ""
    with pytest.raises(DirectoryDown):
        known.ask("k", down, keep=bool)


def test_memory_is_bounded_and_loses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_FACTS", 3)
    known = Memory(60.0)
    for number in range(5):
        known.ask(number, lambda: "x", keep=bool)
    assert known.ask(4, down, keep=bool) == "x"
    with pytest.raises(DirectoryDown):
        known.ask(1, down, keep=bool)
