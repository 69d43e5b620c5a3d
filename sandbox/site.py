"""The example site."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from caiyou import settings
from caiyou.directory.admin import Admin
from caiyou.errors import AlreadyExists, NotFound
from sandbox.layout import Layout

DOMAINS = ("example.test", "例子.test")
POSTMASTER, POSTMASTERS_MAILBOX = "postmaster@example.test", "carol@example.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An example subscriber. ``mobile`` is empty where he has none."""

    address: str
    name: str
    password: str
    mobile: str = ""
    aliases: tuple[str, ...] = ()
    notified: bool = False  # a rule sends him an SMS for each mail


ACCOUNTS = (
    Account(
        address="alice@example.test",
        name="张三",
        password="alice-secret",
        mobile="13800138000",
        aliases=("张三@例子.test",),
        notified=True,
    ),
    Account(address="bob@example.test", name="李四", password="bob-secret", mobile="13900139000"),
    Account(address="carol@example.test", name="王五", password="carol-secret"),
)


def create(layout: Layout) -> None:
    """Create what is missing of the example site; raises CaiyouError."""
    admin = Admin(settings.load(layout.settings_file), "sandbox")
    try:
        for domain in DOMAINS:
            with suppress(AlreadyExists):
                admin.domains.add(domain)
        for account in ACCOUNTS:
            try:
                admin.users.get(account.address)
            except NotFound:
                _add(admin, account)
        with suppress(AlreadyExists):
            admin.aliases.add(POSTMASTER, [POSTMASTERS_MAILBOX])
    finally:
        admin.close()


def _add(admin: Admin, account: Account) -> None:
    admin.users.add(
        account.address,
        password=account.password,
        name=account.name,
        mobile=account.mobile or None,
    )
    if account.notified:
        admin.rules.add(account.address)
    for alias in account.aliases:
        with suppress(AlreadyExists):
            admin.aliases.add(alias, [account.address])
