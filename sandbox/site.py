"""The example site."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.layout import Layout

DOMAINS = ("example.test", "例子.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An example subscriber. ``mobile`` is empty where he has none."""

    address: str
    name: str
    password: str
    mobile: str = ""
    aliases: tuple[str, ...] = ()


ACCOUNTS = (
    Account(
        address="alice@example.test",
        name="张三",
        password="alice-secret",
        mobile="13800138000",
        aliases=("张三@例子.test",),
    ),
    Account(address="bob@example.test", name="李四", password="bob-secret", mobile="13900139000"),
    Account(address="carol@example.test", name="王五", password="carol-secret"),
)


def create(layout: Layout) -> None:
    """Create what is missing of the example site."""
