"""Dovecot: ``dovecot-conf/2.3`` with this sandbox's paths, and its own ports and secrets in local.conf."""

from __future__ import annotations

import subprocess
from pathlib import Path

from caiyou.errors import CaiyouError
from sandbox import files
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Check, Process
from sandbox.servers import slapd, tls


def lmtp_socket(layout: Layout) -> Path:
    return layout.run / "dovecot" / "lmtp"


def sasl_socket(layout: Layout) -> Path:
    """Where Postfix asks for AUTH."""
    return layout.run / "dovecot" / "auth-postfix"


def doveadm_key_file(layout: Layout) -> Path:
    return layout.secrets / "doveadm"


def prepare(layout: Layout) -> list[Process]:
    """Configure Dovecot; raises CaiyouError on a configuration that it refuses."""
    etc = files.folder(layout.etc / "dovecot")
    files.folder(layout.run / "dovecot")
    files.folder(layout.data / "dovecot")
    files.folder(layout.data / "mail", "vmail", mode=0o700)
    for part in ("sieve-before.d", "sieve-after.d"):
        files.folder(etc / part)
    for source in (layout.app / "dovecot-conf" / "2.3").glob("*.conf*"):
        text = source.read_text(encoding="utf-8").replace("/etc/dovecot/", f"{etc}/")
        if source.name.startswith("ldap-"):
            text += f"uris = {slapd.uri(layout)}\ndnpass = {slapd.password(layout, 'dovecot')}\n"
        files.write(etc / source.name, text, mode=0o600)
    files.write(etc / "local.conf", _local(layout), mode=0o600)
    conf = etc / "dovecot.conf"
    tried = subprocess.run(["/usr/bin/doveconf", "-c", conf, "-n"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise CaiyouError(f"dovecot: {tried.stderr.strip().splitlines()[-1]}")
    ports = layout.ports
    checks = (
        Check(address=lmtp_socket(layout), expect=b"220 "),
        Check(address=(HOST, ports.imap), expect=b"* OK"),
        Check(address=(HOST, ports.pop3), expect=b"+OK"),
        Check(address=(HOST, ports.sieve), expect=b"OK"),
        Check(address=(HOST, ports.imaps)),
    )
    command = ("/usr/sbin/dovecot", "-F", "-c", str(conf))
    return [Process(name="dovecot", command=command, stage=1, watched=(etc,), checks=checks)]


def _local(layout: Layout) -> str:
    ports = layout.ports
    key = files.secret(doveadm_key_file(layout), group="caiyou")
    return f"""\
instance_name = {layout.folder.name}
base_dir = {layout.run}/dovecot
state_dir = {layout.data}/dovecot
listen = {HOST}
log_path = /dev/stderr
mail_home = {layout.data}/mail/%d/%2.256Nn/%n
submission_host = {HOST}:{ports.inject}
ssl_cert = <{tls.chain(layout)}
ssl_key = <{tls.key(layout)}
doveadm_api_key = {key}
plugin {{
  quota_clone_dict = redis:host={HOST}:port={ports.redis}:prefix=quota/:timeout_msecs=500
}}
service imap-login {{
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {ports.imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service doveadm {{
  inet_listener http {{
    port = {ports.doveadm}
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {ports.sieve}
  }}
}}
"""
