"""Notes, and the melody among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note. ``key``: MIDI's number, 69 is the a of 440 Hz; ``loudness`` 1-127."""

    start_s: float
    end_s: float
    key: int
    loudness: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """A piece of music. ``beats`` in a minute."""

    notes: tuple[Note, ...]
    beats: float

    @property
    def seconds(self) -> float:
        return max((note.end_s for note in self.notes), default=0.0)


def melody(tune: Tune) -> Tune:
    """One note at a time: the highest that begins, unless a higher one still sounds."""
    line: list[Note] = []
    for note in sorted(tune.notes, key=lambda note: (note.start_s, -note.key)):
        if line and note.start_s < line[-1].end_s:
            last = line[-1]
            if note.key <= last.key or note.start_s == last.start_s:
                continue
            line[-1] = Note(start_s=last.start_s, end_s=note.start_s, key=last.key, loudness=last.loudness)
        line.append(note)
    return Tune(notes=tuple(line), beats=tune.beats)


def until(notes: Sequence[Note], seconds: float) -> list[Note]:
    """The notes that begin before, none longer."""
    return [
        Note(start_s=note.start_s, end_s=min(note.end_s, seconds), key=note.key, loudness=note.loudness)
        for note in notes
        if note.start_s < seconds
    ]
