"""Notes as samples, for phones that play recordings only: plain tones, as phones of the time make them."""

from __future__ import annotations

import array
import math

from mms_builder.audio.ffmpeg import RATE_HZ
from mms_builder.audio.notes import Tune, until

_TABLE = 1024
_WAVE = [
    sum(math.sin(2 * math.pi * at * harmonic / _TABLE) / harmonic**2 for harmonic in (1, 2, 3)) for at in range(_TABLE)
]
_ATTACK_S, _RELEASE_S = 0.01, 0.04
_MAX_SAMPLES = 12_000_000  # of all notes together
_PEAK = 28_000


def samples(tune: Tune, most_s: float) -> bytes:
    """As ``ffmpeg.samples``, no longer than that."""
    seconds = min(tune.seconds, most_s)
    mixed = array.array("f", bytes(4 * (int(seconds * RATE_HZ) + 1)))
    left = _MAX_SAMPLES
    for note in until(tune.notes, seconds):
        first = int(note.start_s * RATE_HZ)
        count = min(int((note.end_s - note.start_s) * RATE_HZ), len(mixed) - first)
        left -= count
        if left < 0:
            break
        step = 440.0 * 2 ** ((note.key - 69) / 12) * _TABLE / RATE_HZ
        if step >= _TABLE / 2.5:  # above what 8000 samples a second can hold
            continue
        _add(mixed, first, count, step, note.loudness / 127)
    loudest = max(max(mixed), -min(mixed), 1e-9)
    scale = _PEAK / loudest
    return array.array("h", (int(value * scale) for value in mixed)).tobytes()


def _add(mixed: array.array[float], first: int, count: int, step: float, loudness: float) -> None:
    attack, release = int(_ATTACK_S * RATE_HZ), int(_RELEASE_S * RATE_HZ)
    phase, fading = 0.0, 1.0
    for at in range(count):
        swell = min(1.0, at / attack, (count - at) / release)
        if not at & 15:
            fading = 0.4 + 0.6 * math.exp(-at / (RATE_HZ * 0.5))
        mixed[first + at] += _WAVE[int(phase) & (_TABLE - 1)] * loudness * swell * fading
        phase += step
