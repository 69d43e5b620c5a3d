"""From settings to links."""

from __future__ import annotations

from caiyou.errors import SettingsError
from mail2sms.links import Link
from mail2sms.links.cmpp import CmppLink
from mail2sms.links.http import HttpLink
from mail2sms.links.modem import ModemLink
from mail2sms.links.sgip import SgipLink
from mail2sms.links.smgp import SmgpLink
from mail2sms.links.smpp import SmppLink
from mail2sms.settings import LinkSettings
from mail2sms.settings.cmpp import CmppLinkSettings
from mail2sms.settings.http import HttpLinkSettings
from mail2sms.settings.modem import ModemLinkSettings
from mail2sms.settings.sgip import SgipLinkSettings
from mail2sms.settings.smgp import SmgpLinkSettings
from mail2sms.settings.smpp import SmppLinkSettings


def link_of(name: str, settings: LinkSettings, region: str) -> Link:
    """The link of that name; ``region`` (ISO 3166) is that of numbers written without +."""
    match settings:
        case CmppLinkSettings():
            return CmppLink(name, settings)
        case SgipLinkSettings():
            return SgipLink(name, settings)
        case SmgpLinkSettings():
            return SmgpLink(name, settings)
        case SmppLinkSettings():
            return SmppLink(name, settings)
        case HttpLinkSettings():
            return HttpLink(name, settings, region)
        case ModemLinkSettings():
            return ModemLink(name, settings)
    raise SettingsError(f"sms.links.{name}: links of type {settings.type} are not there yet")
