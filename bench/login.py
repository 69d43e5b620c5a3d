"""Login by LDAP bind against login by hash, in Dovecot, in one run.

By bind, slapd computes the argon2 hash; by hash, Dovecot reads it from the directory and computes it itself. Each in
Dovecot's one auth process, over one connection, or in its auth workers (``blocking = yes``), a connection each. Two
figures: logins a second with eight at once, and how long a user lookup, as each delivery makes one, takes meanwhile.
Takes about a minute. Run as root: python -m bench.login
"""

from __future__ import annotations

import base64
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ldap

from bench.slapd import BASE, Slapd
from caiyou.directory import entry
from caiyou.directory.admin import Admin
from caiyou.directory.password import SCHEME, hashed

USERS = 50
AT_ONCE = 8
SECONDS = 6.0

LDAP = """
uris = {uri}
dn = cn=dovecot,ou=services,{base}
dnpass = {password}
ldap_version = 3
base = ou=domains,{base}
auth_bind = {bind}
blocking = {blocking}
pass_filter = (caiyouAddress=%u)
pass_attrs = {attributes}
user_filter = (caiyouAddress=%u)
user_attrs = caiyouMailbox=user, =uid=65534, =gid=65534, =home=/nonexistent
"""
DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
instance_name = bench-login
log_path = {folder}/log
protocols =
ssl = no
auth_mechanisms = plain
auth_failure_delay = 0
passdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
userdb {{
  driver = ldap
  args = {folder}/ldap.conf
}}
"""


class Auth:
    """One connection to Dovecot's auth (its protocol: "Authentication Protocol" in Dovecot's documentation)."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._number = 0

    def hello(self, first: str, last: str) -> None:
        """Greet, and read the server's greeting up to the line that is its ``last``."""
        self._socket.sendall(first.encode())
        while self._lines.readline().rstrip("\n").partition("\t")[0] != last:
            pass

    def ask(self, command: str, rest: str) -> str:
        """The first word of the answer."""
        self._number += 1
        self._socket.sendall(f"{command}\t{self._number}\t{rest}\n".encode())
        while True:
            word, _, answer = self._lines.readline().rstrip("\n").partition("\t")
            if answer.partition("\t")[0] == str(self._number):
                return word


def main() -> int:
    server = Slapd({"  by self =xw": f'  by dn.exact="cn=dovecot,ou=services,{BASE}" read\n  by self =xw'})
    try:
        server.start()
        fill(server)
        print(f"{'':<20}{'logins/s':>10}{'user lookup, ms':>18}{'while people log in':>22}{'worst':>8}")
        rates = {}
        for blocking, way in itertools.product(("no", "yes"), ("bind", "hash")):
            name = f"{way}, {'workers' if blocking == 'yes' else 'one process'}"
            with dovecot(server, way, blocking) as sockets:
                idle = lookups(sockets / "auth-userdb", threading.Event(), 50)
                rates[name], busy = logins(sockets, way)
            middle = statistics.median
            print(
                f"{name:<20}{rates[name]:>10.1f}{middle(idle):>18.2f}{middle(busy):>22.2f}{max(busy):>8.0f}", flush=True
            )
        print(f"bind / hash, both by workers: {rates['bind, workers'] / rates['hash, workers']:.2f}")
    finally:
        server.close()
    return 0


def fill(server: Slapd) -> None:
    """Two domains: of the users of "hash" Dovecot understands the hash, which it calls ARGON2ID."""
    admin = Admin(server.settings, "bench")
    for way in ("bind", "hash"):
        admin.domains.add(f"{way}.test")
        for number in range(USERS):
            admin.users.add(f"u{number}@{way}.test", password="secret" if way == "bind" else None)
    admin.close()
    connection = ldap.initialize(server.uri)
    connection.simple_bind_s(f"cn=caiyou,ou=services,{BASE}", server.passwords["caiyou"])
    for number in range(USERS):
        value = hashed("secret").replace(SCHEME, "{ARGON2ID}").encode()
        dn = entry.mailbox_dn(BASE, f"u{number}@hash.test")
        connection.modify_s(dn, [(ldap.MOD_REPLACE, "userPassword", [value])])


@contextmanager
def dovecot(server: Slapd, way: str, blocking: str) -> Iterator[Path]:
    """The folder with its sockets."""
    with tempfile.TemporaryDirectory(prefix="caiyou-login-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        words = {"bind": ("yes", "caiyouMailbox=user"), "hash": ("no", "caiyouMailbox=user, userPassword=password")}
        bind, attributes = words[way]
        text = LDAP.format(
            uri=server.uri,
            base=BASE,
            password=server.passwords["dovecot"],
            bind=bind,
            attributes=attributes,
            blocking=blocking,
        )
        (folder / "ldap.conf").write_text(text)
        (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder))
        process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", folder / "dovecot.conf"])
        try:
            while not (folder / "run" / "auth-userdb").exists():
                time.sleep(0.05)
            yield folder / "run"
        finally:
            process.terminate()
            process.wait(timeout=30)


def logins(sockets: Path, way: str) -> tuple[float, list[float]]:
    """Logins a second, and the time of each user lookup meanwhile, in ms."""
    done = [0] * AT_ONCE
    stop = threading.Event()

    def log_in(worker: int) -> None:
        auth = Auth(sockets / "auth-client")
        auth.hello(f"VERSION\t1\t2\nCPID\t{os.getpid() * 100 + worker}\n", last="DONE")
        while not stop.is_set():
            user = f"u{(done[worker] * AT_ONCE + worker) % USERS}@{way}.test"
            response = base64.b64encode(f"\0{user}\0secret".encode()).decode()
            answer = auth.ask("AUTH", f"PLAIN\tservice=imap\tsecured\tresp={response}")
            if answer != "OK":
                raise RuntimeError(f"{user}: {answer}")
            done[worker] += 1

    threads = [threading.Thread(target=log_in, args=(worker,)) for worker in range(AT_ONCE)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    timer = threading.Timer(SECONDS, stop.set)
    timer.start()
    times = lookups(sockets / "auth-userdb", stop, 100_000)
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - begun), times


def lookups(path: Path, stop: threading.Event, at_most: int) -> list[float]:
    """What a delivery asks Dovecot's auth, one after the other; ms each."""
    auth = Auth(path)
    auth.hello("VERSION\t1\t2\n", last="SPID")
    times: list[float] = []
    while len(times) < at_most and not stop.is_set():
        begun = time.perf_counter()
        if auth.ask("USER", f"u{len(times) % USERS}@bind.test\tservice=lmtp") != "USER":
            raise RuntimeError("user lookup failed")
        times.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.01)
    return times


if __name__ == "__main__":
    sys.exit(main())
