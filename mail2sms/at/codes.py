"""What a modem's codes mean: errors of the message service, registration, signal.

+CMS ERROR (3GPP TS 27.005, 3.2.5) is one list of several: 1-127 the network's causes (24.011, annex E), 128-255 the
service centre's (23.040, 9.2.3.22), 300-499 the modem's own, 500 unknown, 512 and more the maker's.
"""

from __future__ import annotations

import re

# Sent again it would meet the same: the number, the text or the subscription is wrong.
FOR_GOOD = {
    1: "unassigned number",
    8: "barred by the operator",
    10: "call barred",
    21: "short message transfer rejected",
    28: "unidentified subscriber",
    29: "facility rejected",
    30: "unknown subscriber",
    50: "requested facility not subscribed",
    69: "requested facility not implemented",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type not implemented",
    99: "information element not implemented",
    128: "telematic interworking not supported",
    129: "short message type 0 not supported",
    130: "cannot replace short message",
    143: "unspecified TP-PID error",
    144: "alphabet not supported",
    145: "message class not supported",
    159: "unspecified TP-DCS error",
    160: "command cannot be actioned",
    161: "command unsupported",
    175: "unspecified TP-Command error",
    176: "TPDU not supported",
    193: "no subscription at the service centre",
    195: "invalid address",
    196: "destination barred",
    197: "rejected as a duplicate",
    198: "validity period format not supported",
    199: "validity period not supported",
    209: "no message storage in the SIM",
    303: "operation not supported",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
}
# It may go later, and the link is as well as before.
FOR_NOW = {
    17: "network failure",
    22: "congestion",
    27: "destination out of order",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
    47: "resources unavailable",
    81: "invalid reference value",
    98: "message not compatible with the state",
    111: "protocol error",
    127: "interworking",
    192: "service centre busy",
    194: "service centre failure",
    208: "SIM message storage full",
    210: "error in the phone",
    211: "memory capacity exceeded",
    212: "SIM application toolkit busy",
    213: "SIM data download error",
    255: "unspecified",
    300: "modem failure",
    301: "message service reserved",
    302: "operation not allowed",
    314: "SIM busy",
    320: "memory failure",
    321: "invalid memory index",
    322: "memory full",
    330: "service centre address unknown",
    340: "no acknowledgement expected",
    500: "unknown",
}
# It may go later, but first something about the link must change: look at SIM and network.
LINK_DOWN = {
    310: "SIM not inserted",
    311: "SIM PIN required",
    312: "phone-to-SIM PIN required",
    313: "SIM failure",
    315: "SIM wrong",
    316: "SIM PUK required",
    317: "SIM PIN2 required",
    318: "SIM PUK2 required",
    331: "no network service",
    332: "network timeout",
}
CMS_NAMES = {**FOR_GOOD, **FOR_NOW, **LINK_DOWN}
EMPTY_MEMORY = frozenset({320, 321})  # phonesim: 321 to CMGL of an empty store

# +CME ERROR (27.007, 9.2) of what we ask.
CME_NAMES = {
    3: "operation not allowed",
    4: "operation not supported",
    5: "phone-to-SIM PIN required",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    30: "no network service",
    31: "network timeout",
    32: "emergency calls only",
    100: "unknown",
}
CME_SIM_PIN, CME_SIM_PUK, CME_SIM_BUSY = 11, 12, 14

REGISTRATION = {
    0: "not registered",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "home, SMS only",
    7: "roaming, SMS only",
    8: "emergency calls only",
    9: "home, no fallback",
    10: "roaming, no fallback",
}
REGISTERED = frozenset({1, 5, 6, 7, 9, 10})  # 27.007, 7.2

_FINAL = re.compile(r"\+(CMS|CME) ERROR: *(\d{1,6})?")
# What makers say where they mean ERROR.
_ERRORS = frozenset({"ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "ABORTED", "+CMS ERROR", "+CME ERROR"})


def final_of(line: str) -> tuple[str, int] | None:
    """The final result that ``line`` is: ("OK", 0), ("ERROR", 0), ("CMS", code), ("CME", code); None for none."""
    if line == "OK":
        return "OK", 0
    if line in _ERRORS:
        return "ERROR", 0
    found = _FINAL.match(line)
    return (found[1], int(found[2])) if found and found[2] else ("ERROR", 0) if found else None


def is_for_good(kind: str, code: int) -> bool:
    """Whether a refusal of a message is final. An error without a code, or with one of the maker's, may pass."""
    return kind == "CMS" and code in FOR_GOOD


def name_of(kind: str, code: int) -> str:
    """``CMS 500 unknown``."""
    if kind == "ERROR":
        return "ERROR"
    names = CMS_NAMES if kind == "CMS" else CME_NAMES
    return f"{kind} {code} {names.get(code, '')}".rstrip()


def dbm_of(rssi: int) -> int | None:
    """Signal of +CSQ (27.007, 8.5) in dBm; None where the modem does not know."""
    if 0 <= rssi <= 31:
        return -113 + 2 * rssi
    return rssi - 216 if 100 <= rssi <= 191 else None  # TD-SCDMA, as Chinese makers extend it
