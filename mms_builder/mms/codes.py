"""Numbers of MMS and WSP with a name.

Sources: OMA-MMS-ENC 1.2 and 1.3, 7.3 and table 12; WAP-230-WSP, tables 38-42; IANA character sets (MIBenum).
Peers may send other numbers: decoded codes are plain integers where none of these fits.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class MessageType(IntEnum):
    """X-Mms-Message-Type."""

    SEND_REQ = 0x80
    SEND_CONF = 0x81
    NOTIFICATION_IND = 0x82
    NOTIFYRESP_IND = 0x83
    RETRIEVE_CONF = 0x84
    ACKNOWLEDGE_IND = 0x85
    DELIVERY_IND = 0x86
    READ_REC_IND = 0x87
    READ_ORIG_IND = 0x88
    FORWARD_REQ = 0x89
    FORWARD_CONF = 0x8A


class Version(IntEnum):
    """X-Mms-MMS-Version: three bits major, four minor. Phones of another minor version of 1 are served alike."""

    V10 = 0x10
    V11 = 0x11
    V12 = 0x12
    V13 = 0x13


class MessageClass(IntEnum):
    """X-Mms-Message-Class."""

    PERSONAL = 0x80
    ADVERTISEMENT = 0x81
    INFORMATIONAL = 0x82
    AUTO = 0x83  # made by a program: a report


class Priority(IntEnum):
    """X-Mms-Priority."""

    LOW = 0x80
    NORMAL = 0x81
    HIGH = 0x82


class Status(IntEnum):
    """X-Mms-Status of m-notifyresp-ind and m-delivery-ind."""

    EXPIRED = 0x80
    RETRIEVED = 0x81
    REJECTED = 0x82
    DEFERRED = 0x83
    UNRECOGNISED = 0x84
    INDETERMINATE = 0x85
    FORWARDED = 0x86
    UNREACHABLE = 0x87


class ReadStatus(IntEnum):
    """X-Mms-Read-Status."""

    READ = 0x80
    DELETED_UNREAD = 0x81


class ResponseStatus(IntEnum):
    """X-Mms-Response-Status of m-send-conf. 129-136 are those of MMS 1.0."""

    OK = 0x80
    UNSPECIFIED = 0x81
    SERVICE_DENIED = 0x82
    MESSAGE_FORMAT_CORRUPT = 0x83
    SENDING_ADDRESS_UNRESOLVED = 0x84
    MESSAGE_NOT_FOUND = 0x85
    NETWORK_PROBLEM = 0x86
    CONTENT_NOT_ACCEPTED = 0x87
    UNSUPPORTED_MESSAGE = 0x88
    TRANSIENT_FAILURE = 0xC0
    TRANSIENT_SENDING_ADDRESS_UNRESOLVED = 0xC1
    TRANSIENT_MESSAGE_NOT_FOUND = 0xC2
    TRANSIENT_NETWORK_PROBLEM = 0xC3
    TRANSIENT_PARTIAL_SUCCESS = 0xC4
    PERMANENT_FAILURE = 0xE0
    PERMANENT_SERVICE_DENIED = 0xE1
    PERMANENT_MESSAGE_FORMAT_CORRUPT = 0xE2
    PERMANENT_SENDING_ADDRESS_UNRESOLVED = 0xE3
    PERMANENT_MESSAGE_NOT_FOUND = 0xE4
    PERMANENT_CONTENT_NOT_ACCEPTED = 0xE5
    PERMANENT_REPLY_CHARGING_LIMITATIONS_NOT_MET = 0xE6
    PERMANENT_REPLY_CHARGING_REQUEST_NOT_ACCEPTED = 0xE7
    PERMANENT_REPLY_CHARGING_FORWARDING_DENIED = 0xE8
    PERMANENT_REPLY_CHARGING_NOT_SUPPORTED = 0xE9
    PERMANENT_ADDRESS_HIDING_NOT_SUPPORTED = 0xEA
    PERMANENT_LACK_OF_PREPAID = 0xEB


class RetrieveStatus(IntEnum):
    """X-Mms-Retrieve-Status of m-retrieve-conf."""

    OK = 0x80
    TRANSIENT_FAILURE = 0xC0
    TRANSIENT_MESSAGE_NOT_FOUND = 0xC1
    TRANSIENT_NETWORK_PROBLEM = 0xC2
    PERMANENT_FAILURE = 0xE0
    PERMANENT_SERVICE_DENIED = 0xE1
    PERMANENT_MESSAGE_NOT_FOUND = 0xE2
    PERMANENT_CONTENT_UNSUPPORTED = 0xE3


class InsertAddress(Enum):
    """From: the phone does not say its number, the MMSC fills it in (insert-address-token)."""

    TOKEN = 0x81


INSERT_ADDRESS = InsertAddress.TOKEN


def is_transient(status: int) -> bool:
    """Whether a Response- or Retrieve-Status asks to try again; unknown ones go by their range (MMS-ENC 7.3.48)."""
    return 0xC0 <= status <= 0xDF or status in (ResponseStatus.NETWORK_PROBLEM,)


class Charset(IntEnum):
    """Character sets by their MIBenum."""

    US_ASCII = 3
    ISO_8859_1 = 4
    SHIFT_JIS = 17
    EUC_KR = 38
    UTF_8 = 106
    GBK = 113
    GB18030 = 114
    UCS_2 = 1000
    UTF_16BE = 1013
    UTF_16LE = 1014
    UTF_16 = 1015
    GB2312 = 2025
    BIG5 = 2026


# IANA's preferred names. Not all of them are written by us; all are read.
CHARSET_NAMES: dict[int, str] = {
    3: "us-ascii",
    **{4 + n: f"iso-8859-{n + 1}" for n in range(9)},
    13: "iso-8859-10",
    17: "shift_jis",
    18: "euc-jp",
    37: "iso-2022-kr",
    38: "euc-kr",
    39: "iso-2022-jp",
    106: "utf-8",
    109: "iso-8859-13",
    110: "iso-8859-14",
    111: "iso-8859-15",
    112: "iso-8859-16",
    113: "gbk",
    114: "gb18030",
    1000: "iso-10646-ucs-2",
    1013: "utf-16be",
    1014: "utf-16le",
    1015: "utf-16",
    2025: "gb2312",
    2026: "big5",
    2084: "koi8-r",
    2085: "hz-gb-2312",
    2088: "koi8-u",
    2101: "big5-hkscs",
    2109: "windows-874",
    **{2250 + n: f"windows-125{n}" for n in range(9)},
    2259: "tis-620",
}
CHARSET_NUMBERS: dict[str, int] = {name: number for number, name in CHARSET_NAMES.items()} | {
    "ascii": 3,
    "utf8": 106,
    "ucs-2": 1000,
    "ucs2": 1000,
}

# Content type assignments (WAP-230, table 40, and WINA's list up to 4Bh), in order from 00h.
CONTENT_TYPES: tuple[str, ...] = (
    *("*/*", "text/*", "text/html", "text/plain", "text/x-hdml", "text/x-ttml", "text/x-vcalendar", "text/x-vcard"),
    *("text/vnd.wap.wml", "text/vnd.wap.wmlscript", "text/vnd.wap.wta-event"),
    *("multipart/*", "multipart/mixed", "multipart/form-data", "multipart/byteranges", "multipart/alternative"),
    *("application/*", "application/java-vm", "application/x-www-form-urlencoded", "application/x-hdmlc"),
    *("application/vnd.wap.wmlc", "application/vnd.wap.wmlscriptc", "application/vnd.wap.wta-eventc"),
    *("application/vnd.wap.uaprof", "application/vnd.wap.wtls-ca-certificate"),
    *("application/vnd.wap.wtls-user-certificate", "application/x-x509-ca-cert", "application/x-x509-user-cert"),
    *("image/*", "image/gif", "image/jpeg", "image/tiff", "image/png", "image/vnd.wap.wbmp"),
    *("application/vnd.wap.multipart.*", "application/vnd.wap.multipart.mixed"),
    *("application/vnd.wap.multipart.form-data", "application/vnd.wap.multipart.byteranges"),
    *("application/vnd.wap.multipart.alternative", "application/xml", "text/xml", "application/vnd.wap.wbxml"),
    *("application/x-x968-cross-cert", "application/x-x968-ca-cert", "application/x-x968-user-cert"),
    *("text/vnd.wap.si", "application/vnd.wap.sic", "text/vnd.wap.sl", "application/vnd.wap.slc"),
    *("text/vnd.wap.co", "application/vnd.wap.coc", "application/vnd.wap.multipart.related"),
    *("application/vnd.wap.sia", "text/vnd.wap.connectivity-xml", "application/vnd.wap.connectivity-wbxml"),
    *("application/pkcs7-mime", "application/vnd.wap.hashed-certificate", "application/vnd.wap.signed-certificate"),
    *("application/vnd.wap.cert-response", "application/xhtml+xml", "application/wml+xml", "text/css"),
    *("application/vnd.wap.mms-message", "application/vnd.wap.rollover-certificate"),
    *("application/vnd.wap.locc+wbxml", "application/vnd.wap.loc+xml", "application/vnd.syncml.dm+wbxml"),
    *("application/vnd.syncml.dm+xml", "application/vnd.syncml.notification", "application/vnd.wap.xhtml+xml"),
    *("application/vnd.wv.csp.cir", "application/vnd.oma.dd+xml", "application/vnd.oma.drm.message"),
    *("application/vnd.oma.drm.content", "application/vnd.oma.drm.rights+xml"),
    "application/vnd.oma.drm.rights+wbxml",
)
CONTENT_TYPE_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(CONTENT_TYPES)}

MIXED = "application/vnd.wap.multipart.mixed"
RELATED = "application/vnd.wap.multipart.related"
ALTERNATIVE = "application/vnd.wap.multipart.alternative"
MMS_MESSAGE = "application/vnd.wap.mms-message"
