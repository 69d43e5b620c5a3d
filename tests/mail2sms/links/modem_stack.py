"""Redis, gateway and the simulated modem, each a process of its own, with one link to the modem."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bench.stack import Stack, wait_for
from caiyou.queues import ShortMessage
from mail2sms import live

OWN = "8613900001111"
PHONE = "8613800138000"


class ModemStack(Stack):
    """Its link is called ``gsm``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.device = folder / "serial" / "by-id" / "usb-Caiyou-if00"
        self._count = 0

    def modem_link(self, **more: Any) -> str:
        """The link's table; everything is looked at often, since tests are short."""
        values = {
            "type": "modem",
            "device": str(self.device),
            "src_id": OWN,
            "state_dir": str(self.folder / "state"),
            "reconnect_s": 0.1,
            "reconnect_max_s": 0.3,
            "poll_s": 1.0,
            "search_s": 0.3,
            "command_s": 1.0,
            "prompt_s": 0.6,
            "answer_s": 3.0,
            "refused_s": 0.5,
        }
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in (values | more).items())
        return f"[sms.links.gsm]\n{lines}\n"

    def begin(self, *, up: bool = True, **link: Any) -> ModemStack:
        """Everything; ``up``: and wait for the link."""
        self.configure(f'routes = {{default = ["gsm"]}}\n{self.modem_link(**link)}')
        self.start_redis()
        self.start_carriers()
        self.start_gateway()
        if up:
            wait_for(lambda: self.events("link.up"))
        return self

    def start_carriers(self) -> None:
        """Return when the modem's file is there."""
        self.start_ismg("--modem-device", str(self.device), "--modem-number", OWN)

    def faults(self, carrier: str = "modem", /, **faults: Any) -> None:
        """Replace the modem's faults."""
        super().faults(carrier, **faults)

    def submits(self, carrier: str = "modem") -> list[dict[str, Any]]:
        """Every message that the modem ever took."""
        return super().submits(carrier)

    def say(self, text: str, to: str = PHONE, **more: Any) -> str:
        """Send a message; its id."""
        self._count += 1
        message = ShortMessage(id=f"s{self._count:04d}", to=to, text=text, route="default", **{"long": True, **more})
        self.send(message)
        return message.id

    def handset(self, text: str, number: str = PHONE) -> None:
        """A handset writes to the modem."""
        self.http("POST", f"/phones/{number}/messages", {"to": OWN, "text": text, "carrier": "modem"})

    def modem(self) -> dict[str, Any]:
        """How the modem stands."""
        status = self.http("GET", "/modem/status")
        return {**status, **status["links"][0]}

    def ended(self, kind: str) -> set[str]:
        """Ids of the messages of which that kind of event is told."""
        return {event["sms_id"] for event in self.events(kind)}

    def texts(self) -> list[str]:
        """Of the messages that came in."""
        keys: Any = self.redis.keys("mo:inbox:*")
        found: list[Any] = [record for key in keys for record in cast("list[bytes]", self.redis.lrange(key, 0, -1))]
        return [bytes.fromhex(json.loads(record)["text"]).decode("utf-16-be") for record in found]

    def state(self) -> dict[str, Any]:
        """The live state of the link."""
        return next((asdict(link) for link in live.read(self.redis, datetime.now(UTC))), {})
