"""clamd with a signature database of our own: the EICAR test file and a mark of ours, no download."""

from __future__ import annotations

from pathlib import Path

from sandbox import files
from sandbox.layout import Layout
from sandbox.process import Check, Process

# The EICAR test file (68 octets), in hexadecimal so that no scanner takes this file for it.
EICAR_HEX = (
    "58354f2150254041505b345c505a58353428505e2937434329377d2445494341"
    "522d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a"
)
# A harmless text that this sandbox calls a virus, for tests.
OWN_MARK = b"caiyou sandbox test signature 6c1f0a94e2"
MAX_MESSAGE_BYTES = 72 << 20  # above Postfix's message_size_limit (64 MiB)


def socket(layout: Layout) -> Path:
    return layout.run / "clamd" / "clamd.sock"


def prepare(layout: Layout) -> list[Process]:
    """Configure clamd. Its socket takes the group of its folder: caiyou."""
    files.folder(layout.run / "clamd", "clamav", "caiyou", 0o2750)
    data = files.folder(layout.data / "clamav", "clamav")
    # 63 of its octets: what follows the last exclamation mark is left to whoever writes the file.
    signatures = f"Caiyou.Eicar:0:*:{EICAR_HEX[:-10]}\nCaiyou.Mark:0:*:{OWN_MARK.hex()}\n"
    database = files.write(data / "sandbox.ndb", signatures)
    settings = {
        "DatabaseDirectory": data,
        "LocalSocket": socket(layout),
        "LocalSocketMode": 660,
        "FixStaleSocket": "yes",
        "Foreground": "yes",
        "TemporaryDirectory": files.folder(layout.data / "clamav-tmp", "clamav", mode=0o700),
        "MaxThreads": 12,
        "StreamMaxLength": MAX_MESSAGE_BYTES,
        "MaxFileSize": MAX_MESSAGE_BYTES,
        "MaxScanSize": 4 * MAX_MESSAGE_BYTES,
        "SelfCheck": 600,
    }
    conf = files.write(layout.etc / "clamd.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))
    check = Check(address=socket(layout), send=b"zPING\0", expect=b"PONG")
    command = ("/usr/sbin/clamd", "-c", str(conf))
    watched = (conf, database)
    return [Process(name="clamd", command=command, stage=0, user="clamav", watched=watched, checks=(check,))]
