"""What the child process does with a melody: read it, write it as iMelody, or play it into samples."""

from __future__ import annotations

from typing import Any, BinaryIO

from mms_builder.audio import imelody, midi, tones
from mms_builder.audio.kinds import Kind
from mms_builder.audio.notes import Tune


def inspect(file: BinaryIO, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Arguments: kind."""
    return {"seconds": _tune(file, arguments).seconds}, b""


def write_imelody(file: BinaryIO, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Arguments: kind, room in octets."""
    tune = _tune(file, arguments)
    content, seconds = imelody.write(tune, arguments["room"])
    return {"seconds": seconds, "of": tune.seconds}, content


def play(file: BinaryIO, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Arguments: kind, most_s."""
    tune = _tune(file, arguments)
    return {"of": tune.seconds}, tones.samples(tune, arguments["most_s"])


def _tune(file: BinaryIO, arguments: dict[str, Any]) -> Tune:
    return midi.read(file.read()) if Kind(arguments["kind"]) is Kind.MIDI else imelody.read(file.read())
