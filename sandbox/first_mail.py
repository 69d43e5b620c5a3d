from __future__ import annotations

from collections.abc import Callable

from sandbox.layout import Layout


def send_and_tell(layout: Layout, say: Callable[[str], None]) -> bool:
    return True
