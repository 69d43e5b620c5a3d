"""Reading mail: decoding of headers and texts in every charset met, and the digest of a mail.

For hostile input: nothing raises, everything is linear and bounded. Writing mail is the standard library's part.
"""

from caiyou.mime.charset import decode
from caiyou.mime.header import addresses, date, decode_header, parameters
from caiyou.mime.message import BODY_OCTETS, SUBJECT_TAGS, Digest, digest, digest_message
from caiyou.mime.text import decode_text, first_text, html_to_text

__all__ = [
    "BODY_OCTETS",
    "SUBJECT_TAGS",
    "Digest",
    "addresses",
    "date",
    "decode",
    "decode_header",
    "decode_text",
    "digest",
    "digest_message",
    "first_text",
    "html_to_text",
    "parameters",
]
