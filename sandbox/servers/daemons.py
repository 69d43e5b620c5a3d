"""Our own daemons, the simulated carrier and the world outside: run from the copy in the sandbox's folder."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox import files, site
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Check, Process
from sandbox.servers import clamd, dovecot, redis, slapd, tls

SP_ID, SRC_ID = "901234", "10658"
CLIENT_ID, TELECOM_SRC_ID = "90123456", "10659"
SYSTEM_ID, AGGREGATOR_SRC_ID = "caiyou", "10660"
SMPP_PASSWORD_OCTETS = 8  # SMPP 3.4 allows no more
SGIP_NODE, SGIP_CORP_ID, UNICOM_SRC_ID = 3_010_099_999, "99999", "10655"
SGIP_PASSWORD_OCTETS = 16  # Login Password has no more
# milter protocol 6 (libmilter/mfdef.h): negotiate options; the answer is a packet of the same kind.
NEGOTIATE = bytes.fromhex("0000000d 4f 00000006 000001ff 001fffff".replace(" ", ""))


def milter_socket(layout: Layout) -> Path:
    return layout.run / "milter" / "milter.sock"


def lmtp_socket(layout: Layout) -> Path:
    return layout.run / "lmtp" / "lmtp.sock"


def modem_device(layout: Layout) -> Path:
    """The file of the simulated modem."""
    return layout.run / "modem" / "gsm0"


def _ledger(layout: Layout) -> Path:
    return layout.data / "caiyou" / "ledger.sqlite3"


def _spool(layout: Layout) -> Path:
    return layout.data / "spool"


def _carriers(layout: Layout) -> Path:
    return layout.data / "carriers"


def _temporary(layout: Layout) -> Path:
    return layout.data / "tmp"


def python() -> Path:
    """The interpreter of the virtual environment, by a path that the daemons' users can follow."""
    return Path(sys.prefix).resolve() / "bin" / "python"


def prepare(layout: Layout) -> list[Process]:
    """Write the settings file and the folders of the daemons."""
    # New sockets take their folder's group: Postfix may connect, others may not.
    files.folder(layout.run / "milter", "caiyou", "postfix", 0o2750)
    files.folder(layout.run / "lmtp", "caiyou", "postfix", 0o2750)
    files.folder(modem_device(layout).parent, "caiyou", mode=0o750)
    for path in (_ledger(layout).parent, _spool(layout), _carriers(layout), layout.world, _temporary(layout)):
        files.folder(path, "caiyou", mode=0o750)
    for name in ("ismg", "smgw"):
        files.secret(layout.secrets / name, group="caiyou")
    files.secret(layout.secrets / "provider", group="caiyou")
    files.secret(layout.secrets / "smsc", group="caiyou", octets=SMPP_PASSWORD_OCTETS)
    for name in ("smg", "smg-with-us"):
        files.secret(layout.secrets / name, group="caiyou", octets=SGIP_PASSWORD_OCTETS)
    for path in (layout.secrets, layout.etc):
        files.folder(path)
    files.write(layout.settings_file, _settings(layout))
    ports = layout.ports
    phones = Check(
        address=(HOST, ports.phones), send=b"GET /phones/13800138000/messages HTTP/1.0\r\n\r\n", expect=b" 200 "
    )
    carriers: tuple[str, ...] = (
        f"--cmpp-port={ports.ismg}",
        f"--http-port={ports.phones}",
        f"--state-dir={_carriers(layout)}",
    )
    carriers += (f"--sp-id={SP_ID}", f"--secret-file={layout.secrets / 'ismg'}")
    carriers += (f"--provider-port={ports.provider}", f"--provider-secret-file={layout.secrets / 'provider'}")
    carriers += (f"--provider-callback=http://{HOST}:{ports.callback}/callback/provider",)
    carriers += (f"--smgw-port={ports.smgw}", f"--smgw-client-id={CLIENT_ID}")
    carriers += (f"--smgw-secret-file={layout.secrets / 'smgw'}",)
    carriers += (f"--smsc-port={ports.smsc}", f"--smsc-system-id={SYSTEM_ID}")
    carriers += (f"--smsc-secret-file={layout.secrets / 'smsc'}",)
    carriers += (f"--smg-port={ports.smg}", f"--smg-secret-file={layout.secrets / 'smg'}")
    carriers += (f"--smg-node={SGIP_NODE}", f"--smg-corp-id={SGIP_CORP_ID}", f"--smg-sp={HOST}:{ports.sgip}")
    carriers += (f"--smg-sp-secret-file={layout.secrets / 'smg-with-us'}",)
    carriers += (f"--modem-device={modem_device(layout)}",)
    carriers += tuple(f"--phone={account.mobile}" for account in site.ACCOUNTS if account.mobile)
    world = (f"--port={ports.world}", f"--folder={layout.world}")
    milter, lmtp = (
        Check(address=milter_socket(layout), send=NEGOTIATE, expect=b"O"),
        Check(address=lmtp_socket(layout), expect=b"220 "),
    )
    return [
        _python(layout, "carriers", "sandbox.carriers", 0, carriers, (phones, Check(address=(HOST, ports.ismg)))),
        _python(layout, "world", "sandbox.world", 0, world, (Check(address=(HOST, ports.world), expect=b"220 "),)),
        _python(layout, "caiyou-ledgerd", "caiyou.ledger.writer", 1),
        _python(layout, "caiyou-worker", "caiyou.worker", 1),
        _python(layout, "caiyou-worker-mo", "caiyou.worker", 1, ("mo",)),
        _python(layout, "caiyou-smsgw", "mail2sms", 1),
        _python(layout, "caiyou-milter", "caiyou_milter", 1, checks=(milter,)),
        _python(layout, "caiyou-lmtpd", "lmtp_delivery", 1, checks=(lmtp,)),
    ]


def _python(
    layout: Layout, name: str, module: str, stage: int, arguments: tuple[str, ...] = (), checks: tuple[Check, ...] = ()
) -> Process:
    return Process(
        name=name,
        command=(str(python()), "-m", module, *arguments),
        stage=stage,
        user="caiyou",
        umask="007",
        environment={
            "PYTHONPATH": f"{layout.app}:{layout.app}/milter",
            "PYTHONUNBUFFERED": "1",
            "CAIYOU_CONFIG": str(layout.settings_file),
            "TMPDIR": str(_temporary(layout)),
        },
        watched=tuple(layout.app / part for part in _PARTS.get(name, ("sandbox", "mail2sms"))) + _common(layout),
        checks=checks,
    )


_PARTS = {
    "world": ("sandbox/world.py",),
    "caiyou-ledgerd": (),
    "caiyou-worker": ("mail2sms",),
    "caiyou-worker-mo": ("mail2sms",),
    "caiyou-smsgw": ("mail2sms",),
    "caiyou-milter": ("milter",),
    "caiyou-lmtpd": ("lmtp_delivery",),
}


def _common(layout: Layout) -> tuple[Path, ...]:
    return (layout.app / "caiyou", layout.settings_file)


def _settings(layout: Layout) -> str:
    ports = layout.ports
    return f"""\
# Written by `caiyou sandbox start`; changes are lost at the next start.
[site]
hostname = "{tls.HOSTNAME}"
postmaster = "postmaster@example.test"
smtp = "{HOST}:{ports.inject}"
mail_log = "{layout.mail_log}"
spool = "{_spool(layout)}"

[ldap]
uri = ["{slapd.uri(layout)}"]
base = "{slapd.BASE}"
password_file = "{slapd.password_file(layout, "caiyou")}"

[redis]
url = "{redis.url(layout)}"

[ledger]
url = "sqlite:///{_ledger(layout)}"

[milter]
socket = "{milter_socket(layout)}"
clamd_socket = "{clamd.socket(layout)}"
scan_max_bytes = {clamd.MAX_MESSAGE_BYTES}

[lmtp]
listen = "unix:{lmtp_socket(layout)}"
dovecot = "unix:{dovecot.lmtp_socket(layout)}"
doveadm = "http://{HOST}:{ports.doveadm}"
doveadm_key_file = "{dovecot.doveadm_key_file(layout)}"
spool = "{_temporary(layout)}"

[sms]
default_route = "default"
callback_listen = "{HOST}:{ports.callback}"
metrics_listen = "{HOST}:{ports.metrics}"

[sms.routes]
default = ["ismg"]
unicom = ["smg"]
telecom = ["smgw"]
aggregator = ["smsc"]
provider = ["provider"]
modem = ["modem"]

[[sms.choices]]
route = "unicom"
carrier = "unicom"

[[sms.choices]]
route = "telecom"
carrier = "telecom"

[[sms.choices]]
route = "aggregator"
prefixes = ["852", "853", "886"]

[sms.links.ismg]
type = "cmpp"
host = "{HOST}"
port = {ports.ismg}
version = "3.0"
sp_id = "{SP_ID}"
secret_file = "{layout.secrets}/ismg"
src_id = "{SRC_ID}"
reconnect_max_s = 2.0
refused_s = 5.0

[sms.links.provider]
type = "http"
preset = "hmac"
url = "http://{HOST}:{ports.provider}/api/sms"
username = "caiyou"
key_file = "{layout.secrets}/provider"
src_id = "{SRC_ID}"
callback.url = "http://{HOST}:{ports.callback}/callback/provider"
reconnect_max_s = 2.0
refused_s = 5.0

[sms.links.smg]
type = "sgip"
host = "{HOST}"
port = {ports.smg}
node = {SGIP_NODE}
corp_id = "{SGIP_CORP_ID}"
name = "caiyou"
secret_file = "{layout.secrets}/smg"
src_id = "{UNICOM_SRC_ID}"
listen = "{HOST}:{ports.sgip}"
listen_name = "smg"
listen_secret_file = "{layout.secrets}/smg-with-us"
reconnect_max_s = 2.0
refused_s = 5.0

[sms.links.smgw]
type = "smgp"
host = "{HOST}"
port = {ports.smgw}
client_id = "{CLIENT_ID}"
secret_file = "{layout.secrets}/smgw"
src_id = "{TELECOM_SRC_ID}"
reconnect_max_s = 2.0
refused_s = 5.0

[sms.links.smsc]
type = "smpp"
host = "{HOST}"
port = {ports.smsc}
system_id = "{SYSTEM_ID}"
secret_file = "{layout.secrets}/smsc"
src_id = "{AGGREGATOR_SRC_ID}"
reconnect_max_s = 2.0
refused_s = 5.0

[sms.links.modem]
type = "modem"
device = "{modem_device(layout)}"
src_id = "8613900001111"
state_dir = "{_spool(layout)}"
poll_s = 5.0
reconnect_max_s = 2.0
refused_s = 5.0
"""
