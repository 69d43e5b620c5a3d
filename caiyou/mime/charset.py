"""Bytes to text, whatever the label says.

Labels lie: GBK travels as gb2312, us-ascii or iso-8859-1, UTF-8 as anything. The order is: text that can only be
UTF-8; then the label; then a guess by how many of the characters are common ones in each of the East Asian encodings.
Nothing here raises, and every step is linear in the data. A last character cut in half is dropped without a mark,
since bodies arrive truncated.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

REPLACEMENT = "\ufffd"
SAMPLE_OCTETS = 2048  # a guess looks at no more
SAMPLE_CHARS = 256  # nor does the doubt about a label

_NO_CHARSET = {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
# Python's name, for labels that it lacks or where mail means a superset (WHATWG Encoding, section 4.2).
_SUPERSETS = {
    "gb18030": "gb2312 gb_2312_80 gb2312_80 csgb2312 csiso58gb231280 chinese euc_cn euccn gbk x_gbk cp936 ms936 936 "
    "windows_936 x_cp936 cn_gb gb18030_2000 gb18030_2005",
    "cp950": "big5 x_big5 cn_big5 big5_tw csbig5 ms950 windows_950 x_x_big5 big5_eten",
    "big5hkscs": "big5_hkscs hkscs",
    "hz": "hz_gb_2312 hz_gb hzgb",
    "cp932": "shift_jis shiftjis sjis s_jis x_sjis ms_kanji windows_31j ms932 csshiftjis cswindows31j",
    "cp949": "euc_kr euckr ks_c_5601_1987 ks_c_5601 ks_c_5601_1989 ksc5601 ksc_5601 ksx1001 korean windows_949 cseuckr "
    "csksc56011987 uhc ms949",
    "cp1252": "iso_8859_1 iso8859_1 iso88591 latin1 latin_1 l1 8859 cp819 windows_1252 x_ansi ansi",
    "cp1254": "iso_8859_9 iso8859_9 latin5",
    "cp874": "tis_620 tis620 iso_8859_11 windows_874",
    "koi8_u": "koi8_u koi8_ru",
    "koi8_r": "koi8 koi",
    "utf_8": "utf8 utf8mb4 unicode_1_1_utf_8 cp65001 x_utf_8",
    "utf_16": "unicode ucs_2 ucs2 iso_10646_ucs_2 csunicode",
    "utf_7": "unicode_1_1_utf_7 x_unicode_2_0_utf_7",
    "ascii": "us_ascii us ansi_x3.4_1968 iso646_us 7bit ascii_us",
    "euc_jp": "x_euc_jp x_euc eucjp cseucpkdfmtjapanese",
    "iso2022_jp": "iso_2022_jp iso_2022_jp_1 iso_2022_jp_2 iso_2022_jp_3 iso_2022_jp_ms iso_2022_jp_ext csiso2022jp "
    "iso_2022 cp50220 cp50221 cp50222 jis iso_2022_kr iso_2022_cn",
}
# Looked up here and not by codecs.lookup, which imports modules by the label and remembers every label it has seen.
_CODECS = {alias: codec for alias, codec in aliases.items() if codec not in _NO_CHARSET}
_CODECS.update({codec: codec for codec in list(_CODECS.values())})
_CODECS.update({label: codec for codec, labels in _SUPERSETS.items() for label in [codec, *labels.split()]})
_CODECS.update({label: "iso2022_jp" for label, codec in _CODECS.items() if codec.startswith("iso2022")})

_WESTERN = {"ascii", "cp1252", "iso8859_15", "cp850", "cp437"}
_EAST_ASIAN = {"gb18030", "cp950", "big5hkscs", "hz", "cp932", "cp949", "euc_jp", "iso2022_jp", "johab"}
_TRIED = {
    "gb18030": ("gb18030",),
    "hz": ("gb18030",),
    "cp950": ("cp950", "big5hkscs"),
    "big5hkscs": ("big5hkscs", "cp950"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "ascii": ("cp1252", "latin_1"),
    "cp1252": ("cp1252", "latin_1"),
}

_ESCAPE = re.compile(rb"\x1b(\$\(?[@ABCDG]|\([A-Z])")
_LOST_ESCAPE = re.compile(rb"\$[@B](?:[\x21-\x7e]{2}){1,200}?\([BJ]")
_LOST_MARK = re.compile(rb"\$[@B]|\([BJ]")
_HZ = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_SET_HIGH_BIT = bytes(octet | 0x80 for octet in range(256))


def codec_of(label: str | None) -> str | None:
    """Python's codec for a charset label of a mail, a superset where mail means one; None for an unknown label."""
    if not label:
        return None
    plain = label[:64].strip(" \t\"'").lower().partition("*")[0]
    return _CODECS.get(re.sub(r"[^a-z0-9.]+", "_", plain))


def decode(data: bytes, label: str | None = None) -> str:
    """Text of ``data``; ``label`` is the charset as declared, or the best hint there is. Never raises."""
    codec = codec_of(label)
    if codec in ("utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"):
        return _wide(data, codec)
    if codec == "utf_7":
        # Python lets half a surrogate pair through here, and nobody downstream can encode that.
        return data.decode("utf_7", "replace").encode("utf_16", "surrogatepass").decode("utf_16", "replace")
    if data.isascii():
        return _ascii(data, codec)
    if _ESCAPE.search(data):
        return _iso2022(data)
    text = _strict(data, "utf_8")
    # Two-octet sequences alone may well be a few GB2312 characters; longer ones are not met outside UTF-8.
    if text and not text.isascii() and (codec not in _EAST_ASIAN or max(text) > "\u07ff"):
        return text.removeprefix("\ufeff")
    if codec is None or codec == "iso2022_jp" or (codec in _WESTERN and _hardly_western(data)):
        return _guess(data)
    return _declared(data, codec)


def _declared(data: bytes, codec: str) -> str:
    tried = _TRIED.get(codec, (codec,))
    for one in tried:
        text = _strict(data, one)
        if text is not None:
            if one in _COMMON and _share(text[:SAMPLE_CHARS], one) < 0.5:
                score, other = _likeliest(data)
                return _lenient(data, other) if score > 0.9 else text
            return text
    text = _lenient(data, tried[0])
    high = sum(len(run) for run in _HIGH_RUN.findall(data))
    return text if text.count(REPLACEMENT) * 10 <= high else _guess(data)


def _ascii(data: bytes, codec: str | None) -> str:
    if b"\x1b" in data and _ESCAPE.search(data):
        return _iso2022(data)
    if codec == "iso2022_jp" and _LOST_ESCAPE.search(data):
        return _iso2022(_LOST_MARK.sub(lambda mark: b"\x1b" + mark[0], data))
    if b"~{" in data and codec in (None, "ascii", "hz", "gb18030", "cp1252") and _HZ.search(data):
        return data.replace(b"\r\n", b"\n").decode("hz", "replace")
    if codec is None and b"\0" in data and data.count(0) * 3 > len(data):
        return _wide(data, "utf_16")
    return data.decode("ascii")


def _strict(data: bytes, codec: str) -> str | None:
    """The text, or None where it is not of this codec; a last character that is cut off does not count."""
    try:
        return codecs.getincrementaldecoder(codec)("strict").decode(data, False)
    except UnicodeError:
        return None


def _lenient(data: bytes, codec: str) -> str:
    """The text, what is not of this codec replaced; a last character that is cut off is dropped."""
    return codecs.getincrementaldecoder(codec)("replace").decode(data, False)


def _wide(data: bytes, codec: str) -> str:
    """UTF-16 and UTF-32. Without a byte order mark, RFC 2781 says big-endian and half of the senders disagree."""
    if data.isascii() and b"\0" not in data:
        return data.decode("ascii")  # the label of a document on a body that was converted long ago
    if codec == "utf_16" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        sample = data[:SAMPLE_OCTETS]
        even, odd = (sum(o in (0, 0x30, 0xFF) or 0x4E <= o <= 0x9F for o in sample[i::2]) for i in (0, 1))
        codec = "utf_16_le" if odd > even else "utf_16_be"
    width = 4 if "32" in codec else 2
    return data[: len(data) // width * width].decode(codec, "replace").removeprefix("\ufeff")


def _iso2022(data: bytes) -> str:
    """ISO-2022-JP with every set that is met in mail, NEC and IBM extensions and stray 8-bit octets included."""
    pieces = _ESCAPE.split(data)
    out = [_plain(pieces[0])]
    for escape, octets in zip(pieces[1::2], pieces[2::2], strict=True):
        match escape:
            case b"$B" | b"$@":
                out.append(_jis_x_0208(octets))
            case b"(I":
                out.append(octets.translate(_SET_HIGH_BIT).decode("cp932", "replace"))
            case b"$A":
                out.append(octets.translate(_SET_HIGH_BIT).decode("gb18030", "replace"))
            case b"$(C" | b"$C":
                out.append(octets.translate(_SET_HIGH_BIT).decode("cp949", "replace"))
            case b"$(D":
                pairs = (octets[i : i + 2].translate(_SET_HIGH_BIT) for i in range(0, len(octets) - 1, 2))
                out.append(b"".join(b"\x8f" + pair for pair in pairs).decode("euc_jp", "replace"))
            case _:
                out.append(_plain(octets))
    return "".join(out)


def _plain(octets: bytes) -> str:
    return octets.decode("ascii") if octets.isascii() else _guess(octets)


def _jis_x_0208(octets: bytes) -> str:
    """Two-octet characters up to a line end, where the set falls back to ASCII whether or not it was told to."""
    octets, newline, rest = octets.partition(b"\n")
    octets = octets.rstrip(b"\r")
    text = _strict(octets.translate(_SET_HIGH_BIT), "euc_jp")
    if text is None:  # NEC row 13 and the IBM rows are in cp932 only; JIS X 0208 to Shift_JIS is arithmetic
        shifted = bytearray()
        for row, cell in zip(octets[::2], octets[1::2], strict=False):
            if 0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E:
                shifted.append((row - 0x21) // 2 + (0x81 if row < 0x5F else 0xC1))
                shifted.append(cell + (0x7E if row % 2 == 0 else 0x1F if cell < 0x60 else 0x20))
            else:
                shifted.append(0xFF)
        text = shifted.decode("cp932", "replace")
    return text + newline.decode() + _plain(rest)


def _rows(codec: str, leads: range, trails: range) -> frozenset[str]:
    return frozenset(bytes((a, b)).decode(codec, "ignore") for a in leads for b in trails) - {""}


_HANGUL = frozenset(map(chr, range(0xAC00, 0xD7A4)))
_KANA = frozenset(map(chr, range(0x3041, 0x30FF)))
_SYMBOLS = _rows("gb18030", range(0xA1, 0xA4), range(0xA1, 0xFF))
# The characters that running text consists of: the first level of each standard, its symbols and kana.
_COMMON = {
    "euc_jp": _KANA | _SYMBOLS | _rows("euc_jp", range(0xB0, 0xD0), range(0xA1, 0xFF)),
    "cp932": _KANA | _SYMBOLS | _rows("euc_jp", range(0xB0, 0xD0), range(0xA1, 0xFF)),
    "cp949": _HANGUL | _SYMBOLS,
    "gb18030": _KANA | _SYMBOLS | _rows("gb18030", range(0xB0, 0xD8), range(0xA1, 0xFF)),
    "cp950": _SYMBOLS
    | _rows("cp950", range(0xA1, 0xC7), range(0x40, 0x7F))
    | _rows("cp950", range(0xA1, 0xC7), range(0xA1, 0xFF)),
}


def _share(text: str, codec: str) -> float:
    """How much of the non-ASCII text is common in the language of the codec, 0-1."""
    high = [char for char in text if char > "\x7f"]
    return sum(map(_COMMON[codec].__contains__, high)) / len(high) if high else 0.0


def _likeliest(data: bytes) -> tuple[float, str]:
    """The East Asian encoding that fits best, and how well, 0-1."""
    best = (0.0, "gb18030")
    for codec in _COMMON:
        text = _strict(data[:SAMPLE_OCTETS], codec)
        if text is None:
            continue
        score = _share(text, codec)
        if codec in ("euc_jp", "cp932") and sum(map(_KANA.__contains__, text)) * 5 < sum(
            char > "\x7f" for char in text
        ):
            continue  # Japanese without kana is not told from Chinese
        if codec == "cp949" and (score < 1 or sum(map(_HANGUL.__contains__, text)) < 8):
            continue  # half of all GB2312 characters are hangul too
        if score > best[0]:
            best = (score, codec)
    return best


def _hardly_western(data: bytes) -> bool:
    """Whether 8-bit data with a Western label, which many programs put on everything, is East Asian."""
    high = sum(map(len, _HIGH_RUN.findall(data[:SAMPLE_OCTETS])))
    return _looks_double_byte(data) or (high >= 6 and _likeliest(data)[0] >= 0.95)


def _looks_double_byte(data: bytes) -> bool:
    """Whether the 8-bit octets come in pairs, as they hardly ever do in a Western language."""
    runs = _HIGH_RUN.findall(data[:SAMPLE_OCTETS])
    paired = sum(len(run) for run in runs if len(run) % 2 == 0)
    return paired >= 4 and paired * 10 >= sum(map(len, runs)) * 9


def _guess(data: bytes) -> str:
    """Text of unlabelled 8-bit data that is not clean UTF-8."""
    text = _lenient(data, "utf_8")
    if not text.isascii() and text.count(REPLACEMENT) * 10 <= sum(char > "\x7f" for char in text):
        return text
    if b"\0" in data and data.count(0) * 3 > len(data):
        return _wide(data, "utf_16")
    score, codec = _likeliest(data)
    if score >= 0.6 or _looks_double_byte(data):
        return _lenient(data, codec)
    return _strict(data, "cp1252") or data.decode("latin_1")
