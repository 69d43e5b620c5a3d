"""From what somebody wrote, or a phone said of itself, to what that phone can show."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Protocol, TypeVar

from caiyou import log
from caiyou.directory.handsets import inherited
from caiyou.directory.model import Handset
from mms_builder.handset import Picture, Profile, Sound
from mms_builder.handsets.starting_set import shipped

logger = logging.getLogger("mms_builder.handsets")

DEFAULT = "oma image-rich"  # of a phone that nobody knows

_W = TypeVar("_W", bound=StrEnum)


class Finder(Protocol):
    """``caiyou.directory.lookup.Directory``."""

    def handset(self, written: str) -> Handset | None:
        """The profile that a text means, with what it inherits. Raises DirectoryDown."""


class Handsets:
    """What phones can show. ``default`` names the profile of a phone that is not known, a class usually.

    Blocking as the directory is; raises DirectoryDown.
    """

    def __init__(self, directory: Finder, default: str = DEFAULT) -> None:
        self._directory = directory
        self._default = default

    def profile(self, *written: str) -> Profile:
        """Of the first text that names a known phone: a name, a User-Agent, the address of a UAProf document.

        Empty texts are passed over; the default where none is known.
        """
        for text in filter(None, written):
            found = self._directory.handset(text)
            if found is not None:
                return self._resolved(found)
        return self.default()

    def default(self) -> Profile:
        """The profile of a phone that nobody knows."""
        found = self._directory.handset(self._default)
        return self._resolved(found) if found else _shipped(self._default)

    def _resolved(self, found: Handset) -> Profile:
        try:
            return profile(found, _shipped(DEFAULT))
        except ValueError as error:  # the directory lets others write too
            logger.warning(log.line(None, handset=found.name, wrong=error, taken=DEFAULT))
            return _shipped(DEFAULT)


def profile(handset: Handset, rest: Profile) -> Profile:
    """The profile of a handset whose inheritance is resolved; ``rest`` says what still is open.

    Types that are none of ours are left out. Raises ValueError where a value is out of range.
    """
    width, height = (int(side) for side in handset.screen.split("x")) if handset.screen else (rest.width, rest.height)
    return Profile(
        name=handset.name,
        width=width,
        height=height,
        max_octets=_or(handset.max_octets, rest.max_octets),
        pictures=rest.pictures if handset.pictures is None else _ours(Picture, handset.pictures),
        colours=_or(handset.colours, rest.colours),
        animated=_or(handset.animated, rest.animated),
        sounds=rest.sounds if handset.sounds is None else _ours(Sound, handset.sounds),
        charsets=handset.charsets or rest.charsets,
        max_slides=_or(handset.max_slides, rest.max_slides),
        max_text_octets=_or(handset.max_text_octets, rest.max_text_octets),
        mms=_or(handset.mms, rest.mms),
    )


def _shipped(name: str) -> Profile:
    """A profile of the starting set; the default's where it has none of that name."""
    known = {each.name: each for each in shipped()}
    chain = [known.get(name, known[DEFAULT])]
    while chain[-1].parent:
        chain.append(known[chain[-1].parent])
    return profile(inherited(chain), _NOTHING)


def _ours(words: type[_W], given: tuple[str, ...]) -> tuple[_W, ...]:
    return tuple(words(each) for each in given if each in list(words))


_T = TypeVar("_T", int, bool)


def _or(value: _T | None, rest: _T) -> _T:
    return rest if value is None else value


# Under the classes; each of them says more.
_NOTHING = Profile(
    name="", width=160, height=120, max_octets=30 * 1024, pictures=(Picture.JPEG,), colours=256, animated=False
)
