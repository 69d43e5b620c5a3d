"""Notification rules (N3)."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from typing import Any

from caiyou.directory import entry
from caiyou.directory.admin.fields import checked
from caiyou.directory.admin.users import Users
from caiyou.directory.admin.writer import Writer
from caiyou.directory.model import Rule, Subscriber
from caiyou.errors import InputError

FIELDS = ("name", "by", "notify_to", "senders", "urgent_only", "keywords", "quiet", "daily_cap")


class Rules:
    """A rule belongs to a subscriber and is named by him, or by the first free number."""

    def __init__(self, writer: Writer, users: Users) -> None:
        self._writer = writer
        self._users = users

    def add(self, user: str, **fields: Any) -> Rule:
        """Add a rule, which switches notification on arrival on; refused where no number could get it."""
        found = self._users.get(user)
        values = checked(FIELDS, {"by": "sms", **fields}, self._writer.region)
        if not values.get("notify_to") and not found.mobile:
            raise InputError(_("{mailbox} has no mobile; say whom the rule notifies").format(mailbox=found.mailbox))
        name = values.setdefault("name", None) or self._free_name(user)
        values["name"] = name
        above = entry.mailbox_dn(self._writer.base, found.mailbox)
        attributes = entry.attributes(entry.RULE, values) | {"caiyouOwner": entry.values(found.mailbox)}
        self._writer.add(
            entry.child_dn(above, name),
            ["caiyouRule"],
            attributes,
            _("rule {name} of {mailbox}").format(name=name, mailbox=found.mailbox),
        )
        if not found.notify:
            self._writer.change(
                above, _("user {mailbox}").format(mailbox=found.mailbox), replace={"caiyouNotify": entry.values(True)}
            )
        self._record("rule.add", found, {**fields, "name": name})
        return entry.rule(attributes, self._writer.region)

    def all(self, user: str) -> Iterator[Rule]:
        """His rules."""
        found = self._writer.find("caiyouRule", "caiyouOwner", self._users.get(user).mailbox)
        return (entry.rule(attributes, self._writer.region) for _, attributes in found)

    def remove(self, user: str, name: str) -> None:
        """Remove a rule; notification stays as it is, and without any rule nothing is notified."""
        found = self._users.get(user)
        dn = entry.child_dn(entry.mailbox_dn(self._writer.base, found.mailbox), name)
        self._writer.delete(dn, _("rule {name} of {mailbox}").format(name=name, mailbox=found.mailbox))
        self._record("rule.remove", found, {"name": name})

    def _record(self, step: str, of: Subscriber, detail: dict[str, Any]) -> None:
        self._writer.record(step, of.mailbox, detail, domain=of.domain, mailbox=of.mailbox)

    def _free_name(self, user: str) -> str:
        taken = {rule.name for rule in self.all(user)}
        return next(name for name in map(str, range(1, len(taken) + 2)) if name not in taken)
