"""iMelody 1.2: one note at a time, as text (Infrared Data Association; 3GPP TS 23.040 uses it too)."""

from __future__ import annotations

import re

from caiyou.errors import InputError
from mms_builder.audio.notes import Note, Tune, melody

MAX_OCTETS = 64 * 1024
_HEAD = "BEGIN:IMELODY\r\nVERSION:1.2\r\nFORMAT:CLASS1.0\r\n"
_TAIL = "\r\nEND:IMELODY\r\n"
_NAMES = ("c", "#c", "d", "#d", "e", "f", "#f", "g", "#g", "a", "#a", "b")
_KEYS = {name: key for key, name in enumerate(_NAMES)} | {"&d": 1, "&e": 3, "&g": 6, "&a": 8, "&b": 10}
_LOWEST_KEY = 24  # c of octave *0, whose a is 55 Hz
_DEFAULT_OCTAVE = 4
_DEFAULT_BEATS = 120
_UNITS = 32  # of a whole note: what is written begins and ends at 1/32
_STRETCH = {"": (1, 1), ".": (3, 2), ":": (7, 4), ";": (2, 3)}
# Every length that comes out even, the longest first.
_LENGTHS = sorted(
    (
        (_UNITS // 2**power * top // bottom, f"{power}{sign}")
        for power in range(6)
        for sign, (top, bottom) in _STRETCH.items()
        if _UNITS // 2**power * top % bottom == 0
    ),
    reverse=True,
)
_TOKEN = re.compile(
    r"(?:\*([0-8]))?([&#]?[a-g]|r)([0-5])([.:;]?)|V(?:[+-]|\d{1,2})|(?:led|vibe|back)(?:on|off)|[()]|@\d+",
    re.IGNORECASE,
)
_MAX_NOTES = 5000
_MAX_REPEATS = 50
_GAP = {"S0": 20 / 21, "S1": 1.0, "S2": 0.5}  # how much of a note sounds: natural, continuous, staccato


def write(tune: Tune, room: int) -> tuple[bytes, float]:
    """The melody of a tune as a file, and its seconds; its end is left out where there is no room.

    Raises InputError when not even one note has room.
    """
    beats = min(900, max(25, round(tune.beats)))
    unit_s = 60 / beats / (_UNITS / 4)
    head = f"{_HEAD}BEAT:{beats}\r\nSTYLE:S1\r\nMELODY:"
    left = room - len(head) - len(_TAIL)
    parts: list[str] = []
    now = 0
    for note in melody(tune).notes:
        start = round(note.start_s / unit_s)
        end = max(start + 1, round(note.end_s / unit_s))
        if start < now:
            continue
        octave, name = divmod(min(131, max(_LOWEST_KEY, note.key)) - _LOWEST_KEY, 12)
        length, sign = next((units, sign) for units, sign in _LENGTHS if units <= end - start)
        part = _rests(start - now) + f"*{octave}{_NAMES[name]}{sign}"
        if len(part) > left:
            break
        left -= len(part)
        parts.append(part)
        now = start + length
    if not parts:
        raise InputError(f"a melody has no room in {room} octets")
    return (head + "".join(parts) + _TAIL).encode("ascii"), now * unit_s


def _rests(units: int) -> str:
    made = ""
    for length, sign in _LENGTHS:
        made += f"r{sign}" * (units // length)
        units %= length
    return made


def read(content: bytes) -> Tune:
    """Raises InputError. What a phone does beside the sound (lights, vibration, volume) is left out."""
    if len(content) > MAX_OCTETS:
        raise InputError(f"the iMelody file has {len(content)} octets: at most {MAX_OCTETS}")
    text = re.sub(r"\r?\n[ \t]", "", content.decode("latin-1")).replace("\r", "\n")
    fields = dict(re.findall(r"^([A-Z]+):(.*)$", text, re.MULTILINE))
    if "MELODY" not in fields:
        raise InputError("the iMelody file has no MELODY")
    beat = fields.get("BEAT", "").strip()
    beats = int(beat) if beat.isascii() and beat.isdigit() and 25 <= int(beat[:4]) <= 900 else _DEFAULT_BEATS
    share = _GAP.get(fields.get("STYLE", "S0").strip().upper(), _GAP["S0"])
    notes = _played("".join(fields["MELODY"].split()), 240 / beats, share)
    if not notes:
        raise InputError("the iMelody file has no notes")
    return Tune(notes=tuple(notes), beats=beats)


def _played(text: str, whole_s: float, share: float) -> list[Note]:
    """With the repeats; one for ever is played twice."""
    tokens = list(_TOKEN.finditer(text))
    if "".join(token.group() for token in tokens) != text:
        raise InputError("the iMelody file is broken: its melody cannot be read")
    notes: list[Note] = []
    now, at, times = 0.0, 0, -1
    begin: int | None = None
    while at < len(tokens):
        token = tokens[at]
        word = token.group()
        if word == "(":
            begin, times = at, -1
        elif word.startswith("@") and begin is not None:
            if times < 0:
                times = min(_MAX_REPEATS, int(word[1:5]) or 2)
        elif word == ")" and begin is not None:
            times -= 1
            if times > 0:
                at = begin
        elif token.group(2):
            top, bottom = _STRETCH[token.group(4)]
            length = whole_s / 2 ** int(token.group(3)) * top / bottom
            octave = int(token.group(1)) if token.group(1) else _DEFAULT_OCTAVE
            name = token.group(2).lower()
            if name in _KEYS:
                key = _LOWEST_KEY + 12 * octave + _KEYS[name]
                notes.append(Note(start_s=now, end_s=now + length * share, key=key))
            now += length
        if len(notes) > _MAX_NOTES:
            raise InputError(f"the iMelody file has more than {_MAX_NOTES} notes")
        at += 1
    return notes
