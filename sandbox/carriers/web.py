"""HTTP of the simulated carrier: phones for people and programs, faults and figures for tests. Loopback only.

| request | answer |
|---|---|
| ``GET /`` | the page (zh, en; ``?lang=``) |
| ``GET /live`` | server-sent events: ``phones`` once, then ``messages`` in batches |
| ``GET /phones`` | ``[{number, messages}]``, the latest active first (``?limit=``) |
| ``GET /phones/<number>/messages`` | what it received: ``[{kind, from, to, text, parts, at, carrier}]``, oldest first |
| | ``?sent=1``: what it sent as well (``sent`` tells) |
| ``POST /phones/<number>/messages`` ``{to, text}`` | 202: the phone sends an SMS; ``carrier``: by that one |
| ``GET``, ``PUT``, ``PATCH /<carrier>/faults`` | what that carrier does wrong (``ismg``: ``faults``) |
| ``POST /<carrier>/disconnect`` ``{}`` | every link is cut; ``{"in_order": true}``: as its protocol ends one |
| ``DELETE /<carrier>/delivers`` (JSON) | reports and MO that wait are forgotten |
| ``GET /<carrier>/status`` | links, counts, results |
| ``GET /<carrier>/submits?after=N&limit=M`` | every submit, refused and repeated ones too, from number N+1 on |

Errors are ``{"error": text}``. A browser page of another site can neither read (no CORS, Host is checked against
rebinding) nor write (JSON content type and Origin are checked).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from caiyou.errors import InputError, NotFound
from sandbox.carriers.carrier import Carrier
from sandbox.carriers.live import Live
from sandbox.carriers.page import page
from sandbox.carriers.phones import Phones, number_of

CARRIERS = web.AppKey("CARRIERS", dict[str, Carrier])
PHONES = web.AppKey("PHONES", Phones)
LIVE = web.AppKey("LIVE", Live)
MAX_BODY_OCTETS = 64 << 10
MAX_PAGE = 10_000
_NAMES = {"localhost", "127.0.0.1", "::1"}

_T = TypeVar("_T", bound=BaseModel)

routes = web.RouteTableDef()


class Mo(BaseModel):
    """Body of a message that a phone sends."""

    model_config = ConfigDict(extra="forbid", strict=True)
    to: str
    text: str
    carrier: str = "ismg"


class Disconnect(BaseModel):
    """Body of ``/ismg/disconnect``."""

    model_config = ConfigDict(extra="forbid", strict=True)
    in_order: bool = False


def application(carriers: list[Carrier], phones: Phones, host: str) -> web.Application:
    """The whole of it; ``host`` is the address it listens on."""
    app = web.Application(middlewares=[_errors, _guard(_NAMES | {host})], client_max_size=MAX_BODY_OCTETS)
    app[CARRIERS], app[PHONES], app[LIVE] = {carrier.name: carrier for carrier in carriers}, phones, Live(phones)
    app.on_shutdown.append(_end_live)
    app.add_routes(routes)
    return app


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    """The page."""
    carriers = request.app[CARRIERS]
    text, policy = page(request.query.get("lang"), request.headers.get("Accept-Language", ""), tuple(carriers))
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)


@routes.get("/live")
async def live(request: web.Request) -> web.StreamResponse:
    """Server-sent events."""
    return await request.app[LIVE].serve(request)


@routes.get("/phones")
async def phones(request: web.Request) -> web.Response:
    """The phones there are."""
    limit = _number(request, "limit", 100, MAX_PAGE)
    found: list[dict[str, Any]] = []
    for number, phone in request.app[PHONES]:
        if len(found) == limit:
            break
        found.append({"number": number, "messages": len(phone.messages)})
    return _json(found)


@routes.get("/phones/{number}/messages")
async def messages(request: web.Request) -> web.Response:
    """What a phone shows."""
    with_sent = request.query.get("sent", "") not in ("", "0")
    shown = request.app[PHONES].messages(number_of(request.match_info["number"]))
    if with_sent:
        return _json([message.to_json() | {"sent": message.sent} for message in shown])
    return _json([message.to_json() for message in shown if not message.sent])


@routes.post("/phones/{number}/messages")
async def send(request: web.Request) -> web.Response:
    """A phone sends an SMS."""
    number = number_of(request.match_info["number"])
    body = await _body(request, Mo)
    return _json(_carrier(request, body.carrier).mo(number, body.to, body.text), status=202)


@routes.get("/{carrier}/faults")
async def faults(request: web.Request) -> web.Response:
    """The faults in force."""
    return _json(_carrier(request).faults.model_dump())


@routes.put("/{carrier}/faults")
async def put_faults(request: web.Request) -> web.Response:
    """Replace all faults."""
    carrier = _carrier(request)
    carrier.set_faults(await _body(request, type(carrier.faults)))
    return _json(carrier.faults.model_dump())


@routes.patch("/{carrier}/faults")
async def patch_faults(request: web.Request) -> web.Response:
    """Change some faults."""
    carrier = _carrier(request)
    changes = (await _body(request, type(carrier.faults))).model_dump(exclude_unset=True)
    carrier.set_faults(carrier.faults.model_copy(update=changes))
    return _json(carrier.faults.model_dump())


@routes.post("/{carrier}/disconnect")
async def disconnect(request: web.Request) -> web.Response:
    """Cut every link."""
    body = await _body(request, Disconnect)
    return _json({"links": _carrier(request).disconnect(in_order=body.in_order)})


@routes.delete("/{carrier}/delivers")
async def forget(request: web.Request) -> web.Response:
    """Forget what waits for the SPs."""
    return _json({"forgotten": _carrier(request).forget()})


@routes.get("/{carrier}/status")
async def status(request: web.Request) -> web.Response:
    """Links, counts, results."""
    return _json(_carrier(request).status())


@routes.get("/{carrier}/submits")
async def submits(request: web.Request) -> web.Response:
    """A page of the journal."""
    after, limit = _number(request, "after", 0, 2**53), _number(request, "limit", 1000, MAX_PAGE)
    return _json(_carrier(request).journal.after(after, limit))


def _carrier(request: web.Request, name: str = "") -> Carrier:
    """The carrier of that name, or the one that the path names; raises NotFound."""
    name = name or request.match_info["carrier"]
    carriers = request.app[CARRIERS]
    if name not in carriers:
        raise NotFound(f"no carrier {name[:40]!r}; known: {', '.join(carriers)}")
    return carriers[name]


def _guard(names: set[str]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Refuse requests that a page of another site makes a browser send."""

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            name = urlsplit(f"//{request.host}").hostname
        except ValueError:
            name = None
        if name not in names:
            return _error(403, f"Host {request.host[:80]!r} is not this machine's loopback")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).netloc != request.host:
                return _error(403, "Origin is another site")
            if request.content_type != "application/json":
                return _error(415, "Content-Type application/json is needed")
        return await handler(request)

    return guard


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors as JSON that says what is wrong."""
    try:
        return await handler(request)
    except NotFound as error:
        return _error(404, str(error))
    except InputError as error:
        return _error(400, str(error))
    except web.HTTPException as error:
        return _error(error.status, error.reason or "refused")


async def _end_live(app: web.Application) -> None:
    app[LIVE].end()


async def _body(request: web.Request, model: type[_T]) -> _T:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()]
        raise InputError("; ".join(wrong)) from None


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    """A query argument of 0 to ``most``; raises InputError."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= most):
        raise InputError(f"{name}: {text[:20]!r} is not a number of 0-{most}")
    return int(text)


def _json(value: Any, status: int = 200) -> web.Response:
    text = json.dumps(value, ensure_ascii=False)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def _error(status: int, text: str) -> web.Response:
    return _json({"error": text}, status)
