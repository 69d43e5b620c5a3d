"""Sounds for phones, judged by ffprobe and file."""

from __future__ import annotations

import array
import io
import json
import math
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caiyou.errors import InputError
from mms_builder.audio import Unplayable, amr, ffmpeg, fit_sound, fitted_sound, imelody, inspect_sound, midi
from mms_builder.audio.kinds import Kind
from mms_builder.audio.notes import Note, Tune, melody
from mms_builder.handset import Picture, Profile, Sound
from mms_builder.slides import Media

PHONE = Profile(
    name="t610",
    width=128,
    height=160,
    max_octets=100 * 1024,
    pictures=(Picture.JPEG,),
    colours=65536,
    animated=True,
    sounds=(Sound.AMR,),
)


def recording(seconds: float, hertz: float = 440.0) -> bytes:
    """A WAV file of one tone, stereo, 22050 a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(22050)
        tone = (int(20000 * math.sin(2 * math.pi * hertz * at / 22050)) for at in range(int(22050 * seconds)))
        file.writeframes(array.array("h", (value for one in tone for value in (one, one))).tobytes())
    return out.getvalue()


def converted(content: bytes, suffix: str, tmp_path: Path) -> bytes:
    source, target = tmp_path / "source.wav", tmp_path / f"target{suffix}"
    source.write_bytes(content)
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", "-i", source, target], check=True)
    return target.read_bytes()


def probed(media: Media, tmp_path: Path) -> tuple[str, int, int, float, str]:
    """Codec, rate, channels and seconds by ffprobe; the type by file."""
    path = tmp_path / "probed.amr"
    path.write_bytes(media.content)
    argv = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(path)]
    stream = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["streams"][0]
    said = subprocess.run(["file", "--brief", str(path)], capture_output=True, text=True, check=True).stdout
    seconds = int(stream["nb_read_packets"]) * 0.02
    return stream["codec_name"], int(stream["sample_rate"]), stream["channels"], seconds, said.strip()


def media(content: bytes, name: str = "song.bin") -> Media:
    return Media(media_type="application/octet-stream", content=content, name=name)


def loudness(pcm: bytes) -> float:
    values = array.array("h", pcm)
    return math.sqrt(sum(value * value for value in values) / len(values))


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg", ".aac", ".m4a"])
def test_recordings_become_amr(suffix: str, tmp_path: Path) -> None:
    fitted = fitted_sound(media(converted(recording(3), suffix, tmp_path), f"song{suffix}"), PHONE, 20_000)
    assert (fitted.media.media_type, fitted.media.name) == ("audio/amr", "song.amr")
    codec, rate, channels, seconds, said = probed(fitted.media, tmp_path)
    assert (codec, rate, channels) == ("amr_nb", 8000, 1)
    assert said == "Adaptive Multi-Rate Codec (GSM telephony)"
    assert seconds == pytest.approx(fitted.facts.seconds)
    assert 3.0 <= seconds < 3.2
    pcm = array.array("h", ffmpeg.samples(fitted.media.content, Kind.AMR))[4000:20000]
    crossings = sum(a < 0 <= b for a, b in pairwise(pcm))
    assert abs(crossings / 2 - 440) < 5  # two seconds of the tone


def test_lower_rates_first_then_shorter_with_a_soft_end(tmp_path: Path) -> None:
    content = media(recording(10))
    octets = [32, 27, 21, 20, 18, 16]
    for kind, size in zip((7, 6, 5, 4, 3, 2), octets, strict=True):
        fitted = fitted_sound(content, PHONE, 6 + 501 * size)
        assert fitted.media.content[6] >> 3 & 15 == kind
        assert fitted.facts.seconds >= 10.0
    short = fitted_sound(content, PHONE, 4000)
    assert len(short.media.content) <= 4000
    assert short.facts.seconds == pytest.approx(4.98)
    assert short.source.seconds == pytest.approx(10.0)
    pcm = ffmpeg.samples(short.media.content, Kind.AMR)
    second = 2 * ffmpeg.RATE_HZ
    assert loudness(pcm[-second // 8 // 2 * 2 :]) < 0.2 * loudness(pcm[second : 2 * second])
    assert loudness(pcm[-2 * second : -second]) > 0.8 * loudness(pcm[second : 2 * second])


def test_amr_passes_as_it_is_and_is_cut_between_frames(tmp_path: Path) -> None:
    made = fit_sound(media(recording(4)), PHONE, 20_000)
    assert fit_sound(made, PHONE, 20_000) == made
    assert fit_sound(replace(made, content=made.content + b"\x3c\0\0"), PHONE, 20_000) == made  # part of a frame
    less = fitted_sound(made, PHONE, 3000)
    assert less.facts.seconds < 4
    assert probed(less.media, tmp_path)[3] == pytest.approx(less.facts.seconds)


def test_the_same_octets_each_time() -> None:
    content = media(recording(2))
    assert fit_sound(content, PHONE, 3000) == fit_sound(content, PHONE, 3000)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "the sound is empty"),
        (b"GIF89a" + bytes(50), "no sound that is taken: send WAV"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(20), "the file is broken|the sound is empty"),
        (b"ID3" + bytes(300), "the file is broken|the sound is empty"),
        (b"OggS" + bytes(300), "the file is broken|the sound is empty"),
        (b"#!AMR\n\x44abc", "the AMR sound is empty"),
        (b"#!AMR\n", "the sound is empty|the AMR sound is empty"),
        (b"#!AMR\n\x4cabc", "a frame of no known type"),
        (b"MThd" + bytes(4), "the MIDI file is cut off or broken"),
        (b"BEGIN:IMELODY\r\nVERSION:1.2\r\n", "the iMelody file has no MELODY"),
        (b"BEGIN:IMELODY\r\nMELODY:hello\r\n", "its melody cannot be read"),
        (bytes(25 * 1024 * 1024), "at most 24 MiB"),
    ],
)
def test_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        fit_sound(media(content), replace(PHONE, sounds=tuple(Sound)), 20_000)


def test_a_wav_cut_off() -> None:
    with pytest.raises(InputError, match="the WAV file is cut off"):
        fit_sound(media(recording(3)[:50_000]), PHONE, 20_000)


def test_no_room() -> None:
    with pytest.raises(InputError, match="no room in 300 octets"):
        fit_sound(media(recording(3)), PHONE, 300)


def test_a_file_that_names_other_files_reads_none(tmp_path: Path) -> None:
    """A playlist in a sound's clothes."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(recording(1))
    for content in (f"#EXTM3U\nfile://{secret}\n", f"ffconcat version 1.0\nfile {secret}\n", f"ID3\0file '{secret}'"):
        with pytest.raises(InputError):
            fit_sound(media(content.encode()), PHONE, 20_000)


# --- melodies


def midi_file(notes: Sequence[tuple[int, int, int]], *, tempo_us: int = 500_000, channel: int = 0) -> bytes:
    """Of (start, end, key) in ticks, 96 a quarter note."""
    events = [(start, 1, key) for start, _, key in notes] + [(end, 0, key) for _, end, key in notes]
    track, last = b"\x00\xff\x51\x03" + tempo_us.to_bytes(3, "big"), 0
    for tick, on, key in sorted(events):
        delta = tick - last
        last = tick
        track += bytes([delta >> 7 | 0x80, delta & 0x7F]) if delta > 127 else bytes([delta])
        track += bytes([0x90 | channel, key, 100 * on])
    track += b"\x00\xff\x2f\x00"
    return b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk" + len(track).to_bytes(4, "big") + track


SCALE = [(96 * at, 96 * at + 96, key) for at, key in enumerate((60, 62, 64, 65, 67, 69, 71, 72))]


def test_midi_is_read_as_others_do(tmp_path: Path) -> None:
    content = midi_file(SCALE)
    path = tmp_path / "x.mid"
    path.write_bytes(content)
    said = subprocess.run(["file", "--brief", path], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "Standard MIDI data (format 0) using 1 track at 1/96"
    facts = inspect_sound(media(content))
    assert (facts.media_type, facts.seconds) == ("audio/midi", 4.0)


def test_a_tempo_that_changes_counts() -> None:
    track = b"\x00\x90\x3c\x64\x60\x80\x3c\x40" + b"\x00\xff\x51\x03\x0f\x42\x40" + b"\x00\x90\x3e\x64\x60\x3e\x00"
    content = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk" + (len(track) + 4).to_bytes(4, "big") + track + b"\0\xff\x2f\0"
    tune = midi.read(content)
    assert [(note.start_s, note.end_s, note.key) for note in tune.notes] == [(0.0, 0.5, 60), (0.5, 1.5, 62)]


def test_midi_stays_for_phones_that_take_it() -> None:
    phone = replace(PHONE, sounds=(Sound.AMR, Sound.MIDI))
    made = fit_sound(media(midi_file(SCALE), "a.midi"), phone, 20_000)
    assert (made.media_type, made.name, made.content) == ("audio/midi", "a.mid", midi_file(SCALE))
    big = midi_file(SCALE * 40)
    assert fit_sound(media(big), phone, len(big) - 1).media_type == "audio/amr"
    with pytest.raises(InputError, match="and there is room for 100"):
        fit_sound(media(big), replace(phone, sounds=(Sound.MIDI,)), 100)


def test_midi_becomes_the_melody_for_phones_with_imelody(tmp_path: Path) -> None:
    chords = [(start, end, key - 12) for start, end, key in SCALE] + SCALE
    fitted = fitted_sound(media(midi_file(chords)), replace(PHONE, sounds=(Sound.IMELODY,)), 2000)
    assert fitted.media.content == (
        b"BEGIN:IMELODY\r\nVERSION:1.2\r\nFORMAT:CLASS1.0\r\nBEAT:120\r\nSTYLE:S1\r\n"
        b"MELODY:*3c2*3d2*3e2*3f2*3g2*3a2*3b2*4c2\r\nEND:IMELODY\r\n"
    )
    assert fitted.facts.seconds == fitted.source.seconds == 4.0
    path = tmp_path / "x.imy"
    path.write_bytes(fitted.media.content)
    said = subprocess.run(["file", "--brief", path], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "iMelody Ringtone Format"
    room = len(fitted.media.content) - 16
    short = fitted_sound(media(midi_file(chords)), replace(PHONE, sounds=(Sound.IMELODY,)), room)
    assert short.media.content.endswith(b"MELODY:*3c2*3d2*3e2*3f2\r\nEND:IMELODY\r\n")
    assert short.facts.seconds == 2.0


def test_drums_are_no_melody() -> None:
    with pytest.raises(InputError, match="no notes"):
        inspect_sound(media(midi_file(SCALE, channel=9)))


def test_imelody_as_phones_wrote_it() -> None:
    """Octaves, sharps, flats, lengths, repeats, lights, by the letter of iMelody 1.2: a of octave 0 has 55 Hz."""
    text = (
        "BEGIN:IMELODY\r\nVERSION:1.2\r\nFORMAT:CLASS1.0\r\nNAME:Test\r\nBEAT:60\r\nSTYLE:S1\r\nVOLUME:V7\r\n"
        "MELODY:ledon*0a2(*3#c3r3@2)vibeon&b2.V+c2;\r\nEND:IMELODY\r\n"
    )
    tune = imelody.read(text.encode())
    assert [(note.start_s, round(note.end_s, 3), note.key) for note in tune.notes] == [
        (0.0, 1.0, 33),
        (1.0, 1.5, 61),
        (2.0, 2.5, 61),
        (3.0, 4.5, 82),
        (4.5, 5.167, 72),
    ]


def test_a_melody_as_a_recording(tmp_path: Path) -> None:
    fitted = fitted_sound(media(midi_file([(0, 384, 69)])), PHONE, 20_000)
    codec, _, _, seconds, _ = probed(fitted.media, tmp_path)
    assert codec == "amr_nb"
    assert abs(seconds - 2.0) < 0.1
    pcm = array.array("h", ffmpeg.samples(fitted.media.content, Kind.AMR))[2000:10000]
    crossings = sum(a < 0 <= b for a, b in pairwise(pcm))
    assert abs(crossings - 440) < 12
    text = b"BEGIN:IMELODY\r\nVERSION:1.2\r\nFORMAT:CLASS1.0\r\nMELODY:c2d2e2\r\nEND:IMELODY\r\n"
    assert fit_sound(media(text), PHONE, 20_000).media_type == "audio/amr"


def test_what_a_phone_cannot_play() -> None:
    with pytest.raises(Unplayable, match="t610 plays text/x-imelody, and a wav file cannot be made into that"):
        fit_sound(media(recording(1)), replace(PHONE, sounds=(Sound.IMELODY,)), 20_000)
    with pytest.raises(Unplayable, match="plays no sounds"):
        fit_sound(media(midi_file(SCALE)), replace(PHONE, sounds=()), 20_000)


_NOTES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60), st.integers(24, 108)), min_size=1, max_size=40)


@given(notes=_NOTES, beats=st.integers(25, 900), room=st.integers(130, 1500))
def test_any_tune_as_imelody(notes: list[tuple[int, int, int]], beats: int, room: int) -> None:
    """Written and read it is the melody, each note within a 64th of its time."""
    unit = 60 / beats / 8
    tune = Tune(
        notes=tuple(Note(start_s=s * unit, end_s=(s + n) * unit, key=key) for s, n, key in notes), beats=float(beats)
    )
    content, seconds = imelody.write(tune, room)
    assert len(content) <= room
    back = imelody.read(content)
    assert back.seconds <= seconds + 1e-6
    line = [note for note in melody(tune).notes if note.end_s > note.start_s]
    for made, wanted in zip(back.notes, line, strict=False):
        assert made.key == wanted.key
        assert abs(made.start_s - wanted.start_s) <= unit * 0.51
        assert made.end_s <= wanted.end_s + unit * 0.51


@settings(max_examples=300)
@given(data=st.data(), base=st.sampled_from([midi_file(SCALE), imelody.write(midi.read(midi_file(SCALE)), 500)[0]]))
def test_any_damage_to_a_melody(data: st.DataObject, base: bytes) -> None:
    content = bytearray(base)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for read in (midi.read, imelody.read):
        try:
            tune = read(bytes(content))
        except InputError:
            continue
        assert tune.notes


@given(st.binary(max_size=200))
def test_any_octets_as_amr(content: bytes) -> None:
    try:
        parts = amr.frames(amr.MAGIC + content)
    except InputError:
        return
    assert content.startswith(b"".join(parts))
