"""Standard MIDI files read for their notes (MIDI 1.0, RP-001): formats 0 and 1, tempo changes, no drums."""

from __future__ import annotations

from collections.abc import Iterator

from caiyou.errors import InputError
from mms_builder.audio.notes import Note, Tune

MAX_OCTETS = 1024 * 1024
_MAX_EVENTS = 200_000
_MAX_S = 3600.0
_DRUMS = 9  # channel 10
_TEMPO_US = 500_000  # of a quarter note where the file says none
_BROKEN = "the MIDI file is cut off or broken"
_DATA_OCTETS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}

Event = tuple[int, int, bytes]  # tick, status or 0x51 for a tempo, data


def read(content: bytes) -> Tune:
    """Raises InputError when it is broken, silent, or longer than an hour."""
    if len(content) > MAX_OCTETS:
        raise InputError(f"the MIDI file has {len(content)} octets: at most {MAX_OCTETS}")
    try:
        events, division = _events(content)
    except IndexError:
        raise InputError(_BROKEN) from None
    clock = _Clock(division, [(tick, int.from_bytes(data, "big")) for tick, status, data in events if status == 0x51])
    notes = tuple(_notes(events, clock))
    if not notes:
        raise InputError("the MIDI file has no notes")
    if notes[-1].start_s > _MAX_S:
        raise InputError("the MIDI file is longer than an hour")
    return Tune(notes=notes, beats=60e6 / clock.first_us)


def _events(content: bytes) -> tuple[list[Event], int]:
    """Of all tracks, in the order of time; and ticks of a quarter note (negative: of a second)."""
    if content[:4] != b"MThd" or len(content) < 14:
        raise InputError(_BROKEN)
    division = int.from_bytes(content[12:14], "big")
    if division & 0x8000:
        division = -(256 - (division >> 8)) * (division & 0xFF)
    if not division:
        raise InputError(_BROKEN)
    found: list[Event] = []
    at = 8 + int.from_bytes(content[4:8], "big")
    while at + 8 <= len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "big")
        at += 8
        if at + length > len(content):
            raise InputError(_BROKEN)
        if name == b"MTrk":
            for event in _track(content[at : at + length]):
                found.append(event)
                if len(found) > _MAX_EVENTS:
                    raise InputError(f"the MIDI file has more than {_MAX_EVENTS} events")
        at += length
    found.sort(key=lambda event: event[0])
    return found, division


def _track(content: bytes) -> Iterator[Event]:
    """Notes and tempos. Raises IndexError at a sudden end."""
    at, tick, status = 0, 0, 0
    while at < len(content):
        delta, at = _number(content, at)
        tick += delta
        if content[at] & 0x80:
            status = content[at]
            at += 1
        if status in (0xFF, 0xF0, 0xF7):
            what = content[at] if status == 0xFF else 0
            length, at = _number(content, at + (status == 0xFF))
            if what == 0x51 and length == 3:
                yield tick, 0x51, content[at : at + 3]
            if what == 0x2F:
                return
            at += length
            status = 0
        elif octets := _DATA_OCTETS.get(status >> 4):
            data = bytes((content[at], content[at + octets - 1]))
            if status >> 4 in (0x8, 0x9):
                yield tick, status, data
            at += octets
        else:
            raise InputError(_BROKEN)


def _number(content: bytes, at: int) -> tuple[int, int]:
    number = 0
    for _ in range(4):
        octet = content[at]
        at += 1
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            return number, at
    raise InputError(_BROKEN)


class _Clock:
    """Ticks to seconds, asked in the order of time."""

    def __init__(self, division: int, tempos: list[tuple[int, int]]) -> None:
        self._division = division
        self._tempos = [(tick, tempo) for tick, tempo in tempos if tempo]
        self.first_us = next((tempo for tick, tempo in self._tempos if tick == 0), _TEMPO_US)
        self._tick, self._seconds, self._tempo_us, self._next = 0, 0.0, _TEMPO_US, 0

    def seconds(self, tick: int) -> float:
        if self._division < 0:
            return tick / -self._division
        while self._next < len(self._tempos) and self._tempos[self._next][0] <= tick:
            at, tempo_us = self._tempos[self._next]
            self._go(at)
            self._tempo_us = tempo_us
            self._next += 1
        self._go(tick)
        return self._seconds

    def _go(self, tick: int) -> None:
        self._seconds += (tick - self._tick) * self._tempo_us / 1e6 / self._division
        self._tick = tick


def _notes(events: list[Event], clock: _Clock) -> list[Note]:
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    found: list[Note] = []
    now = 0.0
    for tick, status, data in events:
        now = clock.seconds(tick)
        channel, key, loudness = status & 15, data[0] & 0x7F, data[1] & 0x7F
        if status == 0x51 or channel == _DRUMS:
            continue
        begun = sounding.pop((channel, key), None)
        if begun and now > begun[0]:
            found.append(Note(start_s=begun[0], end_s=now, key=key, loudness=begun[1]))
        if status >> 4 == 0x9 and loudness:
            sounding[channel, key] = now, loudness
    for (_, key), (start_s, loudness) in sounding.items():  # never ended
        if now > start_s:
            found.append(Note(start_s=start_s, end_s=now, key=key, loudness=loudness))
    return sorted(found, key=lambda note: (note.start_s, -note.key))
