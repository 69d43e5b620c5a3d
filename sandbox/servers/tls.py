"""A self-signed certificate, made once for each sandbox."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sandbox import files
from sandbox.layout import Layout

HOSTNAME = "mx.example.test"


def key(layout: Layout) -> Path:
    return layout.etc / "tls" / "key.pem"


def chain(layout: Layout) -> Path:
    return layout.etc / "tls" / "chain.pem"


def key_and_chain(layout: Layout) -> Path:
    """Both in one file, as Postfix wants it (it reads them as root)."""
    return layout.etc / "tls" / "key-and-chain.pem"


def prepare(layout: Layout) -> None:
    """Make the certificate when there is none."""
    if key_and_chain(layout).exists():
        return
    files.folder(layout.etc / "tls")
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650")
    names = ("-subj", f"/CN={HOSTNAME}", "-addext", f"subjectAltName=DNS:{HOSTNAME},IP:127.0.0.1")
    command = ("openssl", "req", "-batch", *kind, *names, "-keyout", key(layout), "-out", chain(layout))
    subprocess.run(command, check=True, capture_output=True)
    key(layout).chmod(0o600)
    files.write(key_and_chain(layout), key(layout).read_text() + chain(layout).read_text(), mode=0o600)
