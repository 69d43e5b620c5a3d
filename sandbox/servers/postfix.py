"""Postfix: ``postfix-conf`` with this sandbox's own values set by postconf(1)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from caiyou.errors import CaiyouError
from sandbox import files
from sandbox.layout import Layout
from sandbox.ports import HOST
from sandbox.process import Check, Process
from sandbox.servers import daemons, dovecot, slapd, tls


def config_folder(layout: Layout) -> Path:
    """For ``postqueue -c`` and the like."""
    return layout.etc / "postfix"


def prepare(layout: Layout) -> list[Process]:
    """Configure Postfix; raises CaiyouError on a configuration that it refuses."""
    etc, ports = config_folder(layout), layout.ports
    queue = files.folder(layout.data / "queue")
    files.folder(layout.data / "postfix", "postfix")
    values = files.write(layout.etc / "postfix-values", "".join(f"{n}={v}\n" for n, v in _own_values(layout).items()))
    services = {"smtp": ports.smtp, "submission": ports.submission, "127.0.0.1:10026": ports.inject}
    version = etc / f"version-{files.digest(layout.app / 'postfix-conf', values)}"
    if not version.exists():  # postconf rewrites files in an order of its own; a running Postfix must not see it
        draft = layout.etc / "postfix-new"
        _write_configuration(layout, draft, values.read_text().splitlines(), services)
        (draft / version.name).touch()
        shutil.rmtree(etc, ignore_errors=True)
        draft.rename(etc)
    if not (queue / "pid").exists():
        _run("postfix", "-c", etc, "check")
    script = layout.app / "sandbox" / "servers" / "postfix.sh"
    command = ("/bin/sh", str(script), str(queue), "/usr/lib/postfix/sbin/master", "-c", str(etc), "-s")
    return [
        Process(
            name="postfix",
            command=command,
            stage=2,
            environment={"MAIL_CONFIG": str(etc)},
            watched=(layout.app / "postfix-conf", values, script),
            checks=tuple(Check(address=(HOST, port), expect=b"220 ") for port in services.values()),
        )
    ]


def _write_configuration(layout: Layout, etc: Path, values: list[str], services: dict[str, int]) -> None:
    files.replace_tree(layout.app / "postfix-conf", etc)
    for table in (etc / "ldap").glob("*.cf"):
        own = f"server_host = {slapd.uri(layout)}\nbind_pw = {slapd.password(layout, 'postfix')}\n"
        files.write(table, table.read_text(encoding="utf-8") + own, group="postfix", mode=0o640)
    _run("postconf", "-c", etc, "-e", *values)
    for service, port in services.items():
        _run("postconf", "-c", etc, "-F", "-e", f"{service}/inet/service={HOST}:{port}")


def _own_values(layout: Layout) -> dict[str, object]:
    return {
        "myhostname": tls.HOSTNAME,
        "inet_interfaces": HOST,
        "inet_protocols": "ipv4",
        "queue_directory": layout.data / "queue",
        "data_directory": layout.data / "postfix",
        "maillog_file": layout.mail_log,
        "maillog_file_prefixes": layout.log,
        "smtpd_tls_chain_files": tls.key_and_chain(layout),
        "smtpd_sasl_path": dovecot.sasl_socket(layout),
        "smtpd_milters": f"unix:{daemons.milter_socket(layout)}",
        "virtual_transport": f"lmtp:unix:{daemons.lmtp_socket(layout)}",
        # Nothing leaves this machine: what is for outside goes to the process "world", and no name is looked up.
        "relayhost": f"[{HOST}]:{layout.ports.world}",
        "smtp_dns_support_level": "disabled",
        "smtp_host_lookup": "native",
        "smtp_tls_security_level": "none",
        "smtpd_peername_lookup": "no",
        # What waits is tried again soon.
        "queue_run_delay": "5s",
        "minimal_backoff_time": "5s",
        "maximal_backoff_time": "60s",
        # A process that was killed before its first client makes Postfix leave the service alone for this long.
        "service_throttle_time": "1s",
    }


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise CaiyouError(f"{command[0]}: {lines[-1] if lines else 'failed'}")
