"""What the directory's lookups cost at 10,000 and at 500,000 subscribers, in one run: the ratio should stay near 1.

Two slapds hold the two sizes; rounds alternate between them, so that a drift of the machine hits both alike. A mail
asks what the daemons ask for one: the blacklist for client and sender, the recipient at RCPT, the subscriber at
delivery, subscriber and rules for the notification. One recipient in twenty is an alias, one in ten has a rule, all are
drawn at random. Takes about 4 minutes, of which slapadd takes most, and 2 GB of disk. Run: python -m bench.directory
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench.slapd import BASE, Slapd
from caiyou.directory.admin import Admin
from caiyou.directory.connection import Connections
from caiyou.directory.lookup import Directory
from caiyou.directory.password import hashed

PER_DOMAIN = 5_000
LISTED = 2_000
MAILS = 400
ROUNDS = 5
THREADS = 4

Lookup = Callable[[Directory, int], object]


class Site:
    """A slapd with so many subscribers, one alias for twenty of them and a rule for ten."""

    def __init__(self, subscribers: int) -> None:
        self.subscribers = subscribers
        self.slapd = Slapd()
        ldif = self.slapd.folder / "site.ldif"
        begun = time.monotonic()
        with ldif.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in entries(subscribers))
        self.slapd.load(ldif, quick=True)
        ldif.unlink()
        self.slapd.start()
        self.directory = Directory(self.slapd.settings)
        size = sum(path.stat().st_blocks * 512 for path in (self.slapd.folder / "db").iterdir())
        say(
            f"{subscribers:>9,} subscribers: loaded in {time.monotonic() - begun:.0f} s,"
            f" {size / subscribers:,.0f} octets each"
        )

    def close(self) -> None:
        self.directory.close()
        self.slapd.close()


def entries(subscribers: int) -> Iterator[str]:
    """The site as LDIF."""
    password = hashed("the same for all")
    for number in range(LISTED):
        name = f"10.{number // 250}.{number % 250}.0/24" if number % 2 else f"spam{number}.example"
        yield f"dn: caiyouListed={name},ou=blacklist,{BASE}\nobjectClass: caiyouBlacklisted\ncaiyouListed: {name}\n"
    for number in range(subscribers):
        domain = domain_of(number)
        above = f"caiyouDomain={domain},ou=domains,{BASE}"
        if number % PER_DOMAIN == 0:
            yield f"dn: {above}\nobjectClass: caiyouDomainEntry\ncaiyouDomain: {domain}\ncaiyouDomainName: {domain}"
            yield "caiyouState: active\ncaiyouQuotaBytes: 1073741824\n"
        name = f"user{number}@{domain}"
        dn = f"caiyouMailbox={name},{above}"
        yield f"dn: {dn}\nobjectClass: inetOrgPerson\nobjectClass: caiyouSubscriber\ncaiyouMailbox: {name}"
        yield f"caiyouOwner: {domain}\ncaiyouAddress: {name}\ncaiyouAddress: 用户{number}@{domain}"
        yield f"caiyouState: active\ncn: 用户{number}\nsn: 用户{number}"
        yield f"mail: {name}\nmobile: +86138{number:08}\nuserPassword: {password}\n"
        if number % 10 == 0:
            yield f"dn: cn=1,{dn}\nobjectClass: caiyouRule\ncn: 1\ncaiyouOwner: {name}\ncaiyouQuiet: 22:00-07:00\n"
        if number % 20 == 0:
            alias = f"alias{number}@{domain}"
            yield f"dn: caiyouAlias={alias},{above}\nobjectClass: caiyouAliasEntry\ncaiyouAlias: {alias}"
            yield f"caiyouOwner: {domain}\ncaiyouAddress: {alias}\ncaiyouState: active\ncaiyouTarget: {name}\n"


def domain_of(number: int) -> str:
    return f"d{number // PER_DOMAIN}.test"


def mailbox(number: int) -> str:
    return f"user{number}@{domain_of(number)}"


def recipient(number: int) -> str:
    """One in twenty is an alias."""
    return f"alias{number}@{domain_of(number)}" if number % 20 == 0 else mailbox(number)


LOOKUPS: dict[str, Lookup] = {
    "blacklist: client": lambda directory, number: directory.blacklisted(
        ip=f"10.{number % 256}.{number // 256 % 256}.7"
    ),
    "blacklist: sender": lambda directory, number: directory.blacklisted(f"someone@mail.host{number}.example"),
    "recipient (RCPT)": lambda directory, number: directory.resolve(recipient(number)),
    "subscriber (delivery)": lambda directory, number: directory.subscriber(mailbox(number)),
    "subscriber (notify)": lambda directory, number: directory.subscriber(mailbox(number)),
    "rules (notify)": lambda directory, number: directory.rules(mailbox(number)),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.directory", description="Directory lookups at two sizes.")
    parser.add_argument("--sizes", type=int, nargs=2, default=(10_000, 500_000), metavar="N")
    options = parser.parse_args()
    sites: list[Site] = []
    try:
        for size in options.sizes:
            sites.append(Site(size))
        report(*sites)
    finally:
        for site in sites:
            site.close()
    return 0


def report(small: Site, large: Site) -> None:
    say(f"searches for one mail: {searches(small):.2f} and {searches(large):.2f}")
    say(f"{'microseconds':<24}{small.subscribers:>12,}{large.subscribers:>12,}{'ratio':>8}{'99 %':>14}{'99 %':>10}")
    totals = [0.0, 0.0]
    for name, lookup in LOOKUPS.items():
        times = alternately(small, large, partial(latencies, lookup))
        line(name, *times)
        totals = [total + statistics.median(of) for total, of in zip(totals, times, strict=True)]
    say(f"{'one mail, all of them':<24}{totals[0]:>12,.0f}{totals[1]:>12,.0f}{totals[1] / totals[0]:>8.2f}")
    rates = alternately(small, large, lambda site: [mails_per_second(site)])
    first, second = map(statistics.median, rates)
    say(f"{f'mails/s, {THREADS} threads':<24}{first:>12,.0f}{second:>12,.0f}{first / second:>8.2f}")
    line("a page of 500 users", *alternately(small, large, pages))


def alternately(small: Site, large: Site, measure: Callable[[Site], list[float]]) -> tuple[list[float], list[float]]:
    """Both sites by turns, the first round for the caches only."""
    results: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for site, result in zip((small, large), results, strict=True):
            found = measure(site)
            if turn:
                result += found
    return results


def latencies(lookup: Lookup, site: Site) -> list[float]:
    found = []
    for number in random.sample(range(site.subscribers), MAILS):
        begun = time.perf_counter()
        lookup(site.directory, number)
        found.append((time.perf_counter() - begun) * 1e6)
    return found


def mails_per_second(site: Site) -> float:
    """Every lookup of a mail, from several threads."""
    numbers = random.sample(range(site.subscribers), 2 * MAILS)

    def mail(number: int) -> None:
        for lookup in LOOKUPS.values():
            lookup(site.directory, number)

    begun = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(mail, numbers))
    return len(numbers) / (time.perf_counter() - begun)


def pages(site: Site) -> list[float]:
    """The first page of a domain's users, as the console shows it."""
    admin = Admin(site.slapd.settings, "bench")
    found = []
    for number in random.sample(range(site.subscribers), 3):
        begun = time.perf_counter()
        for _ in itertools.islice(admin.users.all(domain_of(number)), 500):
            pass
        found.append((time.perf_counter() - begun) * 1e6)
    admin.close()
    return found


def searches(site: Site) -> float:
    """LDAP searches for one mail, counted."""
    count = 0
    search = Connections.search

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        return search(*arguments)

    Connections.search = counted  # type: ignore[assignment, method-assign]
    try:
        numbers = random.sample(range(site.subscribers), MAILS)
        for number in numbers:
            for lookup in LOOKUPS.values():
                lookup(site.directory, number)
    finally:
        Connections.search = search  # type: ignore[method-assign]
    return count / len(numbers)


def line(name: str, small: list[float], large: list[float]) -> None:
    first, second = statistics.median(small), statistics.median(large)
    tails = [statistics.quantiles(times, n=100)[98] for times in (small, large)]
    say(f"{name:<24}{first:>12,.0f}{second:>12,.0f}{second / first:>8.2f}{tails[0]:>14,.0f}{tails[1]:>10,.0f}")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
