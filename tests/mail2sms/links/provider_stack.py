"""Redis, gateway and the simulated HTTP provider, each a process of its own, with one link to the provider."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.stack import SP_ID, SRC_ID, Stack, free_port, wait_for
from caiyou.queues import ShortMessage

PHONE = "13800138000"
SECRET = "provider-secret-0123456789"
PATHS = {"kannel": "/cgi-bin/sendsms", "bearer_json": "/v1/messages", "hmac": "/api/sms"}


class ProviderStack(Stack):
    """Its link is called ``web``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.provider_port, self.callback_port = free_port(), free_port()
        self.secret_file = folder / "provider.secret"
        self.secret_file.write_text(SECRET + "\n")

    @property
    def callback_url(self) -> str:
        return f"http://127.0.0.1:{self.callback_port}/callback/web"

    def web_link(self, preset: str, name: str = "web", **more: Any) -> str:
        """The table of a link by one of the presets."""
        values: dict[str, Any] = {
            "type": "http",
            "preset": preset,
            "url": f"http://127.0.0.1:{self.provider_port}{PATHS[preset]}",
            "username": "caiyou",
            "src_id": SRC_ID,
            "reconnect_s": 0.1,
            "reconnect_max_s": 0.5,
            "callback.url": self.callback_url,
        }
        file = str(self.secret_file)
        if preset == "hmac":
            values["key_file"] = file
        else:
            values["callback.token_file"] = file
            values["token_file" if preset == "bearer_json" else "password_file"] = file
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in (values | more).items())
        return f"[sms.links.{name}]\n{lines}\n"

    def begin(self, preset: str = "hmac", sms: str = "", **link: Any) -> ProviderStack:
        """Everything, and the link up."""
        routes = 'routes = {default = ["web"]}'
        self.configure(
            f'{routes}\ncallback_listen = "127.0.0.1:{self.callback_port}"\n{sms}\n{self.web_link(preset, **link)}'
        )
        self.start_redis()
        self.start_provider()
        self.start_gateway()
        wait_for(lambda: self.events("link.up"))
        return self

    def start_provider(self) -> None:
        """Return when it answers."""
        self.start(
            "provider",
            *(sys.executable, "-m", "sandbox.carriers", "--state-dir", str(self.folder / "carriers")),
            *("--sp-id", SP_ID, "--cmpp-port", str(self.cmpp_port), "--http-port", str(self.http_port)),
            *("--secret-file", str(self.secret_file), "--provider-port", str(self.provider_port)),
        )
        wait_for(self._provider_answers)

    def faults(self, **faults: Any) -> None:
        """Replace the provider's faults."""
        self.http("PUT", "/provider/faults", faults)

    def submits(self) -> list[dict[str, Any]]:
        """Every request that ever reached the provider's interfaces."""
        found: list[dict[str, Any]] = self.http("GET", "/provider/submits?limit=10000")
        return found

    def taken(self) -> list[dict[str, Any]]:
        """Those it took."""
        return [submit for submit in self.submits() if submit["result"] == "accepted"]

    def phone(self, number: str = PHONE) -> list[str]:
        """What a phone shows."""
        return [message["text"] for message in self.http("GET", f"/phones/{number}/messages")]

    def message(self, id: str, text: str = "hello", **more: Any) -> None:
        """Put a message on the route."""
        self.send(ShortMessage(**{"id": id, "to": f"86{PHONE}", "text": text, "route": "default", **more}))

    def results(self, kind: str) -> dict[str, str]:
        """sms_id to result, of events of that kind."""
        return {event["sms_id"]: event.get("result", "") for event in self.events(kind)}

    def link_state(self, name: str = "web") -> dict[str, str]:
        """What the gateway publishes of the link."""
        values: Any = self.redis.hgetall(f"link:{name}")
        return {key.decode(): value.decode() for key, value in values.items()}

    def _provider_answers(self) -> bool:
        try:
            self.http("GET", "/provider/status")
        except OSError:
            return False
        return True
