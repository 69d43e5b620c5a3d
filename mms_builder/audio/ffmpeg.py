"""Recorded sounds by ffmpeg, in the child process: its arguments never hold a word of a subscriber's."""

from __future__ import annotations

from mms_builder.audio.amr import RATES
from mms_builder.audio.kinds import Kind
from mms_builder.decoding import Limits, run_program

RATE_HZ = 8000
MAX_S = 600  # of what is read of one sound
_LIMITS = Limits(memory_octets=256 * 1024 * 1024, cpu_s=30, wall_s=60.0, output_octets=(MAX_S + 1) * RATE_HZ * 2)
_QUIET = ("/usr/bin/ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "quiet", "-threads", "1")
# A file may name other files and addresses to read: nothing but itself is opened.
_ITSELF = ("-protocol_whitelist", "file,pipe", "-i", "/proc/self/fd/0")


def samples(content: bytes, kind: Kind) -> bytes:
    """The first ten minutes as 16 bits, little endian, one channel, 8000 a second. Raises InputError."""
    read = ("-xerror", "-f", kind.value, *_ITSELF, "-map", "0:a:0", "-vn", "-sn", "-dn", "-t", str(MAX_S))
    return run_program(
        [*_QUIET, *read, "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "pipe:1"], content, _LIMITS
    ).content


def encoded(pcm: bytes, rate: int) -> bytes:
    """AMR of a rate of ``amr.RATES`` from what ``samples`` gives."""
    read = ("-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", *_ITSELF)
    write = ("-c:a", "libopencore_amrnb", "-b:a", str(RATES[rate]), "-f", "amr", "pipe:1")
    return run_program([*_QUIET, *read, *write], pcm, _LIMITS).content
