"""WBMP of type 0: one bit a pixel, 1 is white (WAP-190 Wireless Application Environment, appendix A)."""

from __future__ import annotations

from PIL import Image

from caiyou.errors import InputError

MAX_SIDE = 4096  # of what is read


def encode(image: Image.Image) -> bytes:
    """Dithered to black and white (Floyd-Steinberg). Takes RGB or L."""
    bits = image.convert("L").convert("1", dither=Image.Dither.FLOYDSTEINBERG)
    return b"\0\0" + _uintvar(bits.width) + _uintvar(bits.height) + bits.tobytes()  # rows are padded to octets in both


def decode(content: bytes) -> Image.Image:
    """An image of mode "1". Raises InputError: no mark tells a WBMP from other files, so the size must be exact."""
    if content[:2] != b"\0\0":
        raise InputError("this is no WBMP picture of type 0")
    width, at = _number(content, 2)
    height, at = _number(content, at)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise InputError(f"a WBMP picture of {width} x {height} pixels is not taken: at most {MAX_SIDE} x {MAX_SIDE}")
    octets = (width + 7) // 8 * height
    if len(content) - at != octets:
        raise InputError(f"the WBMP picture is broken: {len(content) - at} octets of pixels in place of {octets}")
    return Image.frombytes("1", (width, height), content[at:])


def _uintvar(number: int) -> bytes:
    """Seven bits an octet, the high bit says that more follow."""
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _number(content: bytes, at: int) -> tuple[int, int]:
    number = 0
    for octet in content[at : at + 5]:
        at += 1
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            return number, at
    raise InputError("the WBMP picture is broken: its size cannot be read")
