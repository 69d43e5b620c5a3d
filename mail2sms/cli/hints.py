"""How a link stands, and what to look at when it does not come up, in plain words."""

from __future__ import annotations

import re
from gettext import gettext as _

from mail2sms.links import LinkState

STATES = {
    "up": _("up"),
    "down": _("down"),
    "connecting": _("connecting"),
    "refused": _("login refused"),
    "silent": _("silent"),
}
_REFUSED = _(
    "The carrier was reached and refuses the login: compare account, secret and version with the carrier's letter, and"
    " ask whether this machine's address is on its list."
)
_OTHER = _("See what the link says above.")
# In this order: what the operating system, the links and TLS say.
_HINTS = (
    (r"secret", _("The secret's file is not right: one line, readable by the gateway's user.")),
    (
        r"connect call failed|connection refused|errno 111\b",
        _("The host is there, and nobody listens on that port: is the port right, and is the carrier's server up?"),
    ),
    (
        r"unreachable|no route|errno 1(01|13)\b",
        _("There is no way to that network from here: look at the route, the VPN or the leased line."),
    ),
    (
        r"no answer|timed? ?out|errno 110\b",
        _("No answer: a firewall on the way, or this machine's address is not on the carrier's list."),
    ),
    (r"certificate|ssl|tls", _("TLS cannot be agreed on: look at the certificate, ca_file and the name of the host.")),
    (
        r"lost|closed|reset|errno 104\b",
        _(
            "The carrier ends the connection before it answers the login: often this machine's address is not on its"
            " list, or that port speaks another protocol."
        ),
    ),
    (
        r"exclusively lock|errno (11|16)\b",
        _("Another program has the device: the gateway, or ModemManager, which should keep off it."),
    ),
    (
        r"no such file|not plugged in|errno (2|6|19)\b",
        _("The device is not there: is it plugged in, and is its name right?"),
    ),
    (r"permission|errno 13\b", _("This user may not open it: look at the group of the device or file.")),
)


# What the carriers' texts say of a refused login: CMPP 3.0, 8.4.1.2; SMGP 3.0.3, 6.2.6.
_STATUSES = {
    ("cmpp", 1): _("1: the login cannot be read: is it the right protocol?"),
    ("cmpp", 2): _("2: the carrier does not know sp_id."),
    ("cmpp", 3): _("3: the secret is wrong, or this machine's clock."),
    ("cmpp", 4): _('4: the carrier does not speak that version: try version = "2.0".'),
    ("cmpp", 5): _("5: the carrier does not take one more connection now, or not from this address."),
    ("smgp", 1): _("1: the carrier is busy."),
    ("smgp", 2): _("2: too many connections of this account."),
    ("smgp", 20): _("20: this machine's address is not on the carrier's list."),
    ("smgp", 21): _("21: the secret is wrong, or client_id, or this machine's clock."),
    ("smgp", 22): _("22: the carrier does not speak that version."),
}
_STATUS = re.compile(r"\bstatus (\d+)")


def hint_of(state: str, why: str, link_type: str = "") -> str:
    """For a link that stands so (``LinkState``); empty for one that is up or about to be."""
    if state not in (LinkState.REFUSED, LinkState.DOWN):
        return ""
    if state == LinkState.REFUSED and "secret" not in why:
        found = _STATUS.search(why)
        return _STATUSES.get((link_type, int(found[1])), _REFUSED) if found else _REFUSED
    return next((words for pattern, words in _HINTS if re.search(pattern, why, re.IGNORECASE)), _OTHER)
