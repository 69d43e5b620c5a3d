"""What type a sound file has, by its content."""

from __future__ import annotations

from enum import StrEnum

from caiyou.errors import InputError


class Kind(StrEnum):
    """Sound files that are taken; the value of a recorded one is ffmpeg's name of its container."""

    WAV = "wav"
    MP3 = "mp3"
    OGG = "ogg"
    AAC = "aac"
    MP4 = "mov"
    AMR = "amr"  # narrow or wide band
    MIDI = "midi"
    IMELODY = "imelody"


MEDIA_TYPE = {
    Kind.WAV: "audio/wav",
    Kind.MP3: "audio/mpeg",
    Kind.OGG: "audio/ogg",
    Kind.AAC: "audio/aac",
    Kind.MP4: "audio/mp4",
    Kind.AMR: "audio/amr",
    Kind.MIDI: "audio/midi",
    Kind.IMELODY: "text/x-imelody",
}
_TAKEN = "WAV, MP3, AAC, Ogg, AMR, MIDI or iMelody"
_M4A_BRANDS = (b"M4A ", b"mp42", b"isom", b"mp41", b"3gp4", b"3gp5", b"3gp6", b"qt  ")


def kind_of(content: bytes) -> Kind:
    """Raises InputError."""
    head = content[:32]
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Kind.WAV
    if head[:4] == b"MThd":
        return Kind.MIDI
    if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
        return Kind.AMR
    if head[:4] == b"OggS":
        return Kind.OGG
    if head[4:8] == b"ftyp" and head[8:12] in _M4A_BRANDS:
        return Kind.MP4
    if head.lstrip()[:13].upper() == b"BEGIN:IMELODY":
        return Kind.IMELODY
    if head[:3] == b"ID3":
        return Kind.MP3
    if head[:1] == b"\xff" and len(head) > 1:
        if head[1] & 0xF6 == 0xF0:  # ADTS: layer 00
            return Kind.AAC
        if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[1] & 0x18 != 0x08:
            return Kind.MP3
    raise InputError(f"this is no sound that is taken: send {_TAKEN}")


def is_cut_off(wav: bytes) -> bool:
    """Whether a WAV file promises more samples than it has; 0 and the highest number promise nothing."""
    at = 12
    while at + 8 <= len(wav):
        length = int.from_bytes(wav[at + 4 : at + 8], "little")
        if wav[at : at + 4] == b"data":
            return 0 < length < 0xFFFFFFFF and at + 8 + length > len(wav) + 1
        at += 8 + length + (length & 1)
    return False
