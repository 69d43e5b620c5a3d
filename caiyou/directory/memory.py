"""Facts learnt, for the time while no LDAP server answers (design, "When something is down")."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from caiyou.errors import DirectoryDown

MAX_FACTS = 50_000

_T = TypeVar("_T")


class Memory:
    """The last answers, at most ``MAX_FACTS``, each good for ``lifetime_s`` after it was learnt. Thread-safe."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._facts: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, key: Hashable, question: Callable[[], _T], *, keep: Callable[[_T], bool]) -> _T:
        """What ``question`` returns; while it raises DirectoryDown, what it returned last.

        An answer that is not to ``keep`` makes the older one forgotten.
        """
        try:
            fact = question()
        except DirectoryDown:
            with self._lock:
                learnt_at, known = self._facts.get(key, (None, None))
            if learnt_at is None or time.monotonic() - learnt_at > self._lifetime_s:
                raise
            return cast("_T", known)
        with self._lock:
            self._facts.pop(key, None)
            if self._lifetime_s and keep(fact):
                self._facts[key] = (time.monotonic(), fact)
                if len(self._facts) > MAX_FACTS:
                    self._facts.popitem(last=False)
        return fact
