"""Sounds made to fit what a phone plays and the room there is (H3, H4)."""

from __future__ import annotations

import array
from dataclasses import dataclass

from caiyou.errors import InputError
from mms_builder.audio import amr, ffmpeg
from mms_builder.audio.kinds import MEDIA_TYPE, Kind, is_cut_off, kind_of
from mms_builder.decoding import run
from mms_builder.handset import Profile, Sound
from mms_builder.slides import Media

MAX_FILE_OCTETS = 24 * 1024 * 1024
MIN_S = 0.5  # a shorter piece of a longer sound tells nobody anything
_FADE_S = 1.0
_SUFFIX = {Sound.AMR: ".amr", Sound.IMELODY: ".imy", Sound.MIDI: ".mid"}
_MELODIES = (Kind.MIDI, Kind.IMELODY)


class Unplayable(InputError):
    """The phone plays no sound that this one can be made into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFacts:
    """What a sound is by its content."""

    media_type: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSound:
    """A sound that fits, what it is, and what it was made of. ``source.seconds`` ends at ten minutes."""

    media: Media
    facts: SoundFacts
    source: SoundFacts


def fit_sound(media: Media, profile: Profile, max_octets: int) -> Media:
    """The same sound as the phone can play it, in at most that many octets, its end faded out where there is no room.

    Raises Unplayable; InputError with the reason when the file is no sound that is taken, is broken, or has no room.
    """
    return fitted_sound(media, profile, max_octets).media


def fitted_sound(media: Media, profile: Profile, max_octets: int) -> FittedSound:
    """``fit_sound`` with what was found and made."""
    kind = _accepted(media)
    sound = _target(kind, media, profile, max_octets)
    if kind is Kind.AMR and sound is Sound.AMR and (kept := _as_it_is(media, max_octets)):
        return kept
    if sound is Sound.MIDI:
        seconds = _melody_seconds(media, kind)
        return _fitted(media, Sound.MIDI, media.content, seconds, kind, seconds)
    if sound is Sound.IMELODY:
        answer = run("melody.imelody", {"kind": kind, "room": max_octets}, media.content)
        return _fitted(media, sound, answer.content, answer.facts["seconds"], kind, answer.facts["of"])
    if kind in _MELODIES:
        most_s = max_octets / amr.FRAME_OCTETS[amr.LOWEST] * amr.FRAME_S
        answer = run("melody.play", {"kind": kind, "most_s": most_s}, media.content)
        return _amr(media, answer.content, max_octets, kind, answer.facts["of"])
    pcm = ffmpeg.samples(media.content, kind)
    return _amr(media, pcm, max_octets, kind, len(pcm) / 2 / ffmpeg.RATE_HZ)


def inspect_sound(media: Media) -> SoundFacts:
    """What an upload is, after all of it has been read once. Raises InputError with the reason."""
    kind = _accepted(media)
    if kind in _MELODIES:
        return SoundFacts(media_type=MEDIA_TYPE[kind], seconds=_melody_seconds(media, kind))
    pcm = ffmpeg.samples(media.content, kind)
    if not pcm:
        raise InputError("the sound is empty")
    return SoundFacts(media_type=MEDIA_TYPE[kind], seconds=len(pcm) / 2 / ffmpeg.RATE_HZ)


def _accepted(media: Media) -> Kind:
    if not media.content:
        raise InputError("the sound is empty")
    if len(media.content) > MAX_FILE_OCTETS:
        raise InputError(
            f"the sound has {len(media.content)} octets: at most {MAX_FILE_OCTETS // 1024 // 1024} MiB are taken"
        )
    kind = kind_of(media.content)
    if kind is Kind.WAV and is_cut_off(media.content):
        raise InputError("the WAV file is cut off")
    return kind


def _target(kind: Kind, media: Media, profile: Profile, room: int) -> Sound:
    """A melody stays one where it can: it needs fewer octets, and phones play it better."""
    order = {Kind.MIDI: (Sound.MIDI, Sound.IMELODY, Sound.AMR), Kind.IMELODY: (Sound.IMELODY, Sound.AMR)}
    for sound in order.get(kind, (Sound.AMR,)):
        if sound in profile.sounds and (sound is not Sound.MIDI or len(media.content) <= room):
            return sound
    if kind is Kind.MIDI and Sound.MIDI in profile.sounds:
        raise InputError(f"the MIDI file has {len(media.content)} octets, and there is room for {room}")
    plays = ", ".join(profile.sounds) or "no sounds"
    raise Unplayable(f"{profile.name} plays {plays}, and a {kind} file cannot be made into that")


def _melody_seconds(media: Media, kind: Kind) -> float:
    return float(run("melody.inspect", {"kind": kind}, media.content).facts["seconds"])


def _as_it_is(media: Media, room: int) -> FittedSound | None:
    """AMR of narrow band that has room whole."""
    if not media.content.startswith(amr.MAGIC):
        return None
    frames = amr.frames(media.content)
    content = amr.joined(frames)
    if len(content) > room:
        return None
    seconds = len(frames) * amr.FRAME_S
    return _fitted(media, Sound.AMR, content, seconds, Kind.AMR, seconds)


def _amr(media: Media, pcm: bytes, room: int, kind: Kind, of_s: float) -> FittedSound:
    whole_s = len(pcm) / 2 / ffmpeg.RATE_HZ
    if not pcm:
        raise InputError("the sound is empty")
    rate, seconds = amr.rate_for(whole_s, room)
    if seconds < min(MIN_S, whole_s):
        raise InputError(f"a sound has no room in {room} octets: {MIN_S} s of it take 400")
    pcm = pcm[: int(seconds * ffmpeg.RATE_HZ) * 2]
    if seconds < of_s - amr.FRAME_S:
        pcm = _faded(pcm)
    frames = amr.frames(ffmpeg.encoded(pcm, rate))
    frames = frames[: (room - len(amr.MAGIC)) // amr.FRAME_OCTETS[rate]]
    return _fitted(media, Sound.AMR, amr.joined(frames), len(frames) * amr.FRAME_S, kind, of_s)


def _faded(pcm: bytes) -> bytes:
    """Silent at the end, by a line over the last second or quarter."""
    values = array.array("h", pcm)
    count = min(int(_FADE_S * ffmpeg.RATE_HZ), len(values) // 4)
    for left in range(count):
        at = len(values) - 1 - left
        values[at] = values[at] * left // count
    return values.tobytes()


def _fitted(media: Media, sound: Sound, content: bytes, seconds: float, kind: Kind, of_s: float) -> FittedSound:
    stem = media.name.rpartition(".")[0] or media.name or "sound"
    return FittedSound(
        media=Media(media_type=sound.value, content=content, name=stem + _SUFFIX[sound]),
        facts=SoundFacts(media_type=sound.value, seconds=seconds),
        source=SoundFacts(media_type=MEDIA_TYPE[kind], seconds=of_s),
    )
