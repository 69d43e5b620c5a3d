"""Which route a short message takes: by the carrier or range of its number, by who pays, by its class (N6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mail2sms.ported import Ported
from mail2sms.settings import SmsSettings
from mail2sms.settings.route import ChoiceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A route, and for people why it was chosen. ``links`` in the order in which they are tried."""

    route: str
    links: tuple[str, ...]
    carrier: str  # empty: none that is known
    why: str
    price_fen: int  # of one part


class Router:
    """Chooses. Thread-safe as far as ``Ported`` is: one thread each."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._ported = Ported(settings.ported) if settings.ported else None
        self._carriers = {prefix: name for name, prefixes in settings.carriers.items() for prefix in prefixes}
        self._longest = max(map(len, self._carriers), default=0)

    def carrier_of(self, number: str) -> str:
        """The carrier of a number (E.164 without plus): where it moved to, else its range's; empty if unknown."""
        if self._ported is not None and (moved_to := self._ported.carrier_of(number)):
            return moved_to
        for length in range(min(self._longest, len(number)), 0, -1):
            if found := self._carriers.get(number[:length]):
                return found
        return ""

    def way(self, number: str, *, domain: str = "", message_class: str = "notification") -> Way:
        """The way of a message to ``number`` that ``domain`` pays for."""
        carrier = self.carrier_of(number)
        for place, choice in enumerate(self._settings.choices, 1):
            if _holds(choice, number, carrier, domain, message_class):
                return self._way(choice.route, carrier, f"choice {place}")
        return self._way(self._settings.default_route, carrier, "no choice holds: the default route")

    def of_route(self, route: str, number: str) -> Way:
        """The way of a message that somebody sent by a route of his own choice."""
        return self._way(route, self.carrier_of(number), "asked for")

    def _way(self, route: str, carrier: str, why: str) -> Way:
        table = self._settings.routes.get(route)  # a site may have none yet: what is queued waits
        return Way(
            route=route,
            links=tuple(links_of(self._settings, route)) if table else (),
            carrier=carrier,
            why=why,
            price_fen=table.price_fen if table else 0,
        )


def links_of(settings: SmsSettings, route: str) -> Sequence[str]:
    """The links of a route and of those behind it, each once, in order."""
    found: dict[str, None] = {}
    while route:
        table = settings.routes[route]
        found |= dict.fromkeys(table.links)
        route = table.then
    return list(found)


def _holds(choice: ChoiceTable, number: str, carrier: str, domain: str, message_class: str) -> bool:
    by_number = (choice.carrier and choice.carrier == carrier) or number.startswith(tuple(choice.prefixes))
    return (
        (by_number or not (choice.carrier or choice.prefixes))
        and (not choice.domains or domain in choice.domains)
        and (not choice.classes or message_class in choice.classes)
    )
