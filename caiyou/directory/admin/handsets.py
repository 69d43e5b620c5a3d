"""Handset profiles (H4): what each phone can show, and what it inherits from its series, vendor and class."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from gettext import gettext as _
from typing import Any

from caiyou.directory import entry
from caiyou.directory.admin.fields import checked, text
from caiyou.directory.admin.writer import Writer
from caiyou.directory.handsets import INHERITED, HandsetWalk, inherited, key
from caiyou.directory.model import Handset
from caiyou.errors import InputError, NotFound

FIELDS = ("kind", "parent", *INHERITED, "sources", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading a starting set did, by how many profiles."""

    added: int = 0
    updated: int = 0  # nobody had edited them, and the starting set says something new
    kept: int = 0  # edited, added or removed by somebody: left as they are
    unchanged: int = 0


class Handsets:
    """A profile is named by its entry's name or any of its other names."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, name: str, *, names: Iterable[str] = (), **fields: Any) -> Handset:
        """Add a profile. ``names`` are further ways to write it; its vendor's other names are joined to the model.

        ``fields``: kind, parent and those of ``Handset`` that are inherited; what is not given is the parent's.
        """
        name = _profile_name(name)
        values = self._checked(name, fields)
        keys = {key(name), *map(_key, names), *self._with_vendor(name)}
        self._free(name, keys)
        values |= {"name": name, "names": sorted(keys), "kind": values.get("kind") or "model"}
        what = _("handset {name}").format(name=name)
        self._writer.add(self._dn(name), ["caiyouHandsetEntry"], entry.handset_attributes(values), what)
        self._writer.record("handset.add", name, fields)
        return self.get(name)

    def set(
        self, handset: str, *, add_names: Iterable[str] = (), drop_names: Iterable[str] = (), **fields: Any
    ) -> Handset:
        """Change fields (None leaves one to the parent) and further names."""
        found = self.get(handset)
        values = self._checked(found.name, fields)
        if "kind" in values:
            values["kind"] = values["kind"] or "model"
        add = sorted({_key(each) for each in add_names} - set(found.names))
        drop = sorted({_key(each) for each in drop_names})
        if key(found.name) in drop:
            raise InputError(_("{name} names the handset; it cannot be taken from it").format(name=found.name))
        self._free(found.name, add)
        self._writer.change(
            self._dn(found.name),
            _("handset {name}").format(name=found.name),
            replace=entry.handset_attributes(values),
            add={"caiyouHandsetName": entry.values(add)} if add else None,
            drop={"caiyouHandsetName": entry.values(drop)} if drop else None,
        )
        self._writer.record("handset.set", found.name, {**fields, "add_names": add, "drop_names": drop})
        return self.get(found.name)

    def get(self, handset: str) -> Handset:
        """The profile as it stands there, by its name or another way to write it; raises NotFound."""
        walk = self._writer.handsets()
        found = walk.profile(" ".join(handset.casefold().split())) if handset.strip() else None
        if found is not None:
            return found
        several = walk.having([key(handset)])
        if len(several) == 1:
            return several[0]
        if several:
            names = ", ".join(sorted(each.name for each in several))
            raise InputError(_("{handset} may be {names}").format(handset=handset, names=names))
        raise NotFound(_("handset {handset} does not exist").format(handset=handset))

    def chain(self, handset: str) -> list[Handset]:
        """The profile that a text means (a name, a User-Agent, a UAProf address) and those it inherits from."""
        walk = self._writer.handsets()
        try:
            found: Handset | None = self.get(handset)
        except InputError:
            found = walk.written(handset)
            if found is None:
                raise
        return walk.chain(found) if found else []

    def find(self, written: str) -> Handset | None:
        """What ``Directory.handset`` finds for a text, with what it inherits."""
        walk = self._writer.handsets()
        found = walk.written(written)
        return inherited(walk.chain(found)) if found else None

    def all(self) -> Iterator[Handset]:
        """Every profile, as it stands there."""
        above = entry.handsets_dn(self._writer.base)
        return (entry.handset(attributes) for _, attributes in self._writer.below(above, "caiyouHandsetEntry"))

    def remove(self, handset: str) -> Handset:
        """Remove a profile; refused while others inherit from it. Loading the starting set does not bring it back."""
        found = self.get(handset)
        heir = self._writer.heir(found.name)
        if heir is not None:
            raise InputError(
                _("handset {name} is what others inherit from, {heir} for one; change those first").format(
                    name=found.name, heir=heir.partition(",")[0].partition("=")[2]
                )
            )
        self._writer.delete(self._dn(found.name), _("handset {name}").format(name=found.name))
        if found.loaded and found.name not in self._left_out():
            self._leave_out(add=[found.name])
        self._writer.record("handset.remove", found.name)
        return found

    def load(self, profiles: Iterable[Handset]) -> Loaded:
        """Bring in a starting set, parents first. What somebody edited, added or removed stays as he left it.

        Nothing is brought in where a value of it is out of range.
        """
        profiles = [_fit(profile) for profile in profiles]
        counts = dict.fromkeys(("added", "updated", "kept", "unchanged"), 0)
        left_out = self._left_out()
        walk = self._writer.handsets()
        for profile in profiles:
            counts[self._load(profile, walk, left_out)] += 1
        done = Loaded(**counts)
        if done.added or done.updated:
            self._writer.record("handset.load", "ou=handsets", asdict(done))
        return done

    def _load(self, profile: Handset, walk: HandsetWalk, left_out: frozenset[str]) -> str:
        taken = {name for other in walk.having(profile.names) if other.name != profile.name for name in other.names}
        profile = replace(profile, names=tuple(name for name in profile.names if name not in taken))
        name, digest = profile.name, _digest(profile)
        values = {**asdict(profile), "loaded": digest}
        there = walk.profile(name)
        what = _("handset {name}").format(name=name)
        if there is None:
            if name in left_out:
                return "kept"
            self._writer.add(self._dn(name), ["caiyouHandsetEntry"], entry.handset_attributes(values), what)
            return "added"
        if there.loaded != _digest(there):
            return "kept"
        if there.loaded == digest:
            return "unchanged"
        del values["name"]
        self._writer.change(self._dn(name), what, replace=entry.handset_attributes(values))
        return "updated"

    def _checked(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        values = checked(FIELDS, fields)
        if values.get("parent"):
            parent = self.get(values["parent"])
            if name in {each.name for each in self._writer.handsets().chain(parent)}:
                raise InputError(
                    _("{name} would inherit from itself by way of {parent}").format(name=name, parent=parent.name)
                )
            values["parent"] = parent.name
        return values

    def _with_vendor(self, name: str) -> frozenset[str]:
        """The model behind each of its vendor's names, where the first word of the profile's name is a vendor."""
        vendor, _space, model = name.partition(" ")
        found = self._writer.handsets().profile(vendor) if model else None
        return frozenset(other + key(model) for other in found.names) if found else frozenset()

    def _free(self, name: str, keys: Iterable[str]) -> None:
        for each in keys:
            for other in self._writer.handsets().having([each]):
                if other.name != name:
                    raise InputError(
                        _("{value} is a name of handset {name} already").format(value=each, name=other.name)
                    )

    def _left_out(self) -> frozenset[str]:
        found = self._writer.read(entry.handsets_dn(self._writer.base)) or {}
        return frozenset(value.decode("utf-8", "replace") for value in found.get("caiyouHandsetName", ()))

    def _leave_out(self, add: list[str]) -> None:
        self._writer.change(
            entry.handsets_dn(self._writer.base), "ou=handsets", add={"caiyouHandsetName": entry.values(add)}
        )

    def _dn(self, name: str) -> str:
        return entry.handset_dn(self._writer.base, name)


def _fit(profile: Handset) -> Handset:
    """The same profile; raises InputError naming it where the directory could not take it."""
    try:
        checked(FIELDS, {name: value for name in FIELDS if (value := getattr(profile, name)) not in (None, "")})
        if profile.name != _profile_name(profile.name):
            raise InputError(_("its name is not in lower case"))
    except InputError as error:
        raise InputError(f"{profile.name}: {error}") from None
    return profile


def _profile_name(name: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text(name, _("name"))).casefold().split())
    _key(folded)
    return folded


def _key(name: str) -> str:
    folded = key(text(name, _("name")))
    if len(folded) < 2:
        raise InputError(_("{name!r} is no name of a handset: two letters or digits at least").format(name=name))
    return folded


def _digest(profile: Handset) -> str:
    """Of everything but the digest itself."""
    values = {**asdict(profile), "names": sorted(profile.names), "sources": sorted(profile.sources), "loaded": ""}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
