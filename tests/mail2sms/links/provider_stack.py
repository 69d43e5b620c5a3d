"""Redis, gateway and the simulated HTTP provider, each a process of its own, with one link to the provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.stack import SRC_ID, Stack, free_port, wait_for
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
        self.start_ismg("--provider-port", str(self.provider_port), "--provider-secret-file", str(self.secret_file))

    def wrong(self, **faults: Any) -> None:
        """Replace the provider's faults."""
        self.faults("provider", **faults)

    def taken(self) -> list[dict[str, Any]]:
        """Those it took."""
        return [submit for submit in self.submits("provider") if submit["result"] == "accepted"]

    def phone(self, number: str = PHONE) -> list[str]:
        """What a phone shows."""
        return [message["text"] for message in self.http("GET", f"/phones/{number}/messages")]

    def message(self, id: str, text: str = "hello", **more: Any) -> None:
        """Put a message on the route."""
        self.send(ShortMessage(**{"id": id, "to": f"86{PHONE}", "text": text, "route": "default", **more}))

    def results(self, kind: str) -> dict[str, str]:
        """sms_id to result, of events of that kind."""
        return {event["sms_id"]: event.get("result", "") for event in self.events(kind)}

    def received(self) -> list[str]:
        """The texts that handsets sent, as they wait to be answered."""
        found: Any = self.redis.lrange(f"mo:inbox:86{PHONE}", 0, -1)
        return [bytes.fromhex(json.loads(entry)["text"]).decode("utf-16-be") for entry in found]
