"""What the full chain keeps of bare Postfix and Dovecot, in one run on one machine.

The same 10 KB mails to distinct recipients over 10 sessions, through

- bare: the same Postfix and Dovecot (directory lookups included) without milter and LMTP agent;
- full: milter with every check, clamd, one recipient in ten with a notification rule, LMTP agent, events, SMS;

Rounds alternate, so that a drift of the machine hits both alike; the figure is the ratio of the medians. The time of a
round is from the first connection to the last delivery in Postfix's log. Run as root: python -m bench.mailflow
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.cpu import CpuClock
from caiyou import settings
from caiyou.directory.admin import Admin
from sandbox import lifecycle
from sandbox.layout import Layout
from sandbox.ports import HOST, Ports
from sandbox.servers import dovecot, postfix

DOMAINS = {"bare": "bare.test", "full": "full.test"}
PORT_BASE = 40_000
BARE_PORT = PORT_BASE + 26
ROUND_S = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.mailflow", description="Mail through the full chain against bare.")
    parser.add_argument("--messages", type=int, default=1500, help="mails in one round, at most 20000 (default 1500)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each kind (default 3)")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running, to look at it")
    options = parser.parse_args()
    if not (1 <= options.messages <= 20_000 and 1 <= options.rounds <= 20):
        parser.error("--messages must be 1-20000, --rounds 1-20")
    layout = Layout.at(Path("/var/lib/caiyou-bench"), Ports(PORT_BASE))
    lifecycle.forget(layout)
    try:
        _, down = lifecycle.start(layout, lambda text: None)
        if down:
            print(f"bench.mailflow: not up: {', '.join(down)}; logs: {layout.log}", file=sys.stderr)
            return 1
        _prepare(layout, options.messages)
        return _measure(layout, options.messages, options.rounds)
    finally:
        if not options.keep:
            lifecycle.forget(layout)


def _prepare(layout: Layout, messages: int) -> None:
    """The recipients, and a second smtpd that leaves Caiyou out."""
    admin = Admin(settings.load(layout.settings_file), "bench")
    for domain in DOMAINS.values():
        admin.domains.add(domain)
        for number in range(1, messages + 1):  # as smtp-source -N counts
            mailbox, notify = f"{number}u@{domain}", number % 10 == 0
            admin.users.add(mailbox, password=None, mobile=f"138{number:08d}" if notify else None, notify=notify)
            if notify:
                admin.rules.add(mailbox)
    admin.close()
    # Postfix itself may not speak to Dovecot's LMTP; in the bare chain it must.
    dovecot.lmtp_socket(layout).parent.chmod(0o755)
    dovecot.lmtp_socket(layout).chmod(0o666)
    config = postfix.config_folder(layout)
    store = f"lmtp:unix:{dovecot.lmtp_socket(layout)}"
    subprocess.run(["postconf", "-c", config, "-e", f"transport_maps=inline:{{{DOMAINS['bare']}={store}}}"], check=True)
    entry = f"{HOST}:{BARE_PORT} inet n - n - - smtpd -o syslog_name=postfix/bare -o smtpd_milters="
    subprocess.run(["postconf", "-c", config, "-M", f"{HOST}:{BARE_PORT}/inet={entry}"], check=True)
    subprocess.run(["postfix", "-c", config, "reload"], check=True, capture_output=True)
    time.sleep(2)


def _measure(layout: Layout, messages: int, rounds: int) -> int:
    kinds = {"bare": BARE_PORT, "full": layout.ports.smtp}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind, port in kinds.items():  # mailboxes are made by their first mail, which is no part of the figure
        _round(layout, port, DOMAINS[kind], messages)
    spent: dict[str, dict[str, float]] = {}
    for number in range(rounds):
        for kind, port in kinds.items():
            clock = CpuClock(int((layout.run / "supervisord.pid").read_text()))
            seconds = _round(layout, port, DOMAINS[kind], messages)
            spent[kind] = clock.spent_s()
            rates[kind].append(messages / seconds)
            print(
                f"round {number + 1} {kind}: {messages} mails in {seconds:.2f} s, {messages / seconds:.0f}/s",
                flush=True,
            )
    for kind, programs in spent.items():
        most = ", ".join(f"{name} {1000 * seconds / messages:.2f}" for name, seconds in list(programs.items())[:14])
        total = 1000 * sum(programs.values()) / messages
        print(f"{kind}: {total:.2f} ms processor for one mail in the last round: {most}")
    bare, full = (statistics.median(rates[kind]) for kind in kinds)
    print(f"mailflow: bare {bare:.0f}/s, full {full:.0f}/s, ratio {full / bare:.2f} (medians of {rounds} rounds)")
    return 0


def _round(layout: Layout, port: int, domain: str, messages: int) -> float:
    """Seconds from the first connection to the last delivery."""
    with layout.mail_log.open(encoding="utf-8", errors="replace") as log:
        log.seek(0, 2)
        begun = time.monotonic()
        command = ["smtp-source", "-s", "10", "-m", str(messages), "-l", "10240", "-N", "-4"]
        subprocess.run([*command, "-f", "sender@outside.test", "-t", f"u@{domain}", f"{HOST}:{port}"], check=True)
        sent = 0
        while sent < messages:
            if time.monotonic() > begun + ROUND_S:
                raise SystemExit(f"bench.mailflow: only {sent} of {messages} mails delivered in {ROUND_S:.0f} s")
            fresh = log.read()
            sent += fresh.count("status=sent")
            if "status=bounced" in fresh:
                raise SystemExit(f"bench.mailflow: a mail bounced; log: {layout.mail_log}")
            time.sleep(0.01)
        return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
