"""An operator's questions to a carrier: they travel over Redis to the gateway that holds the link, and back.

| key | what | lives |
|---|---|---|
| ``link-ask:<gateway>`` (list) | questions, JSON | 60 s |
| ``link-answer:<id>`` (list) | one answer, JSON: ``{"answer": …}`` or ``{"error": text}`` | 60 s |

A question is ``id``, ``link``, ``until`` (epoch), and ``query`` (day, service id) or ``cancel`` (ref). One whose time
is over is not asked any more: nobody waits for its answer. At most ``MOST_WAITING`` wait, and ``MOST_ASKED`` are on
their way to carriers at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, date, datetime
from secrets import token_hex
from typing import Any, Protocol, cast, runtime_checkable

import redis
import redis.asyncio

from caiyou import log
from caiyou.errors import CaiyouError, NotFound, ServiceDown
from caiyou.queues import is_away, is_cancelled
from mail2sms import live
from mail2sms.gateway import Gateway
from mail2sms.pace import Backoff

logger = logging.getLogger("mail2sms.asking")

BLOCK_S = 2
MOST_WAITING = 100
MOST_ASKED = 16
KEPT_S = 60


class LinkSilent(ServiceDown):
    """No answer to a question, or none that says anything."""


@runtime_checkable
class Askable(Protocol):
    """A link whose carrier can be asked."""

    async def query(self, day: date, service_id: str) -> dict[str, int]:
        """The carrier's counts of a day, by their names in its protocol; of one service or, empty, of all."""

    async def cancel(self, ref: str) -> bool:
        """Withdraw a part by the ref of its answer; whether the carrier did."""


# --- in the gateway


class Asking:
    """Takes the questions to this gateway, asks its links, puts the answers back."""

    def __init__(self, gateway: Gateway, connection: redis.asyncio.Redis, name: str) -> None:
        self._gateway = gateway
        self._redis = connection
        self._key = _questions(name)
        self._room = asyncio.Semaphore(MOST_ASKED)

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff(0.1, 2.0)
        async with asyncio.TaskGroup() as asked:
            while not is_cancelled():
                await self._room.acquire()
                try:
                    found = await cast("Any", self._redis.blpop([self._key], timeout=BLOCK_S))
                except (redis.RedisError, OSError) as error:
                    self._room.release()
                    if not is_away(error):
                        raise
                    logger.debug(log.line(None, redis="away", why=error))
                    await asyncio.sleep(backoff.pause_s())
                    continue
                backoff.reset()
                if found is None:
                    self._room.release()
                else:
                    asked.create_task(self._serve(found[1]))

    async def _serve(self, question: bytes) -> None:
        try:
            answer = await self._answer(question)
            if answer is not None:
                key, text = answer
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.rpush(key, text)
                    pipe.expire(key, KEPT_S)
                    await pipe.execute()
        except (redis.RedisError, OSError) as error:
            logger.warning(log.line(None, question="its answer is lost", why=error))
        except Exception:  # an operator's question must not end the gateway
            logger.exception(log.line(None, question="failed"))
        finally:
            self._room.release()

    async def _answer(self, question: bytes) -> tuple[str, bytes] | None:
        """Key and text of the answer; None: nobody waits for it, or it is no question."""
        try:
            asked = json.loads(question)
            key, wait_s = _answers(str(asked["id"])), float(asked["until"]) - time.time()
        except (ValueError, KeyError, TypeError):
            logger.warning(log.line(None, question="cannot be read"))
            return None
        if wait_s <= 0:
            return None
        try:
            async with asyncio.timeout(wait_s):
                found: dict[str, Any] = {"answer": await self._ask(asked)}
        except TimeoutError:
            found = {"error": "the carrier does not answer"}
        except (CaiyouError, ValueError, KeyError, TypeError) as error:
            found = {"error": str(error)}
        return key, json.dumps(found).encode()

    async def _ask(self, asked: dict[str, Any]) -> Any:
        lane = self._gateway.lanes.get(str(asked["link"]))
        if lane is None:
            raise NotFound(f"this gateway has no link {asked['link']}")
        if not isinstance(lane.link, Askable):
            raise LinkSilent("its carrier cannot be asked: the protocol has no such request")
        if "query" in asked:
            day, service_id = asked["query"]
            return await lane.link.query(date.fromisoformat(day), str(service_id))
        return await lane.link.cancel(str(asked["cancel"]))


# --- at the operator's


def query(connection: redis.Redis, link: str, day: date, service_id: str = "", wait_s: float = 15.0) -> dict[str, int]:
    """The carrier's counts of a day. ``connection`` waits without a time-out of its own.

    Raises NotFound (no such link is up anywhere), LinkSilent.
    """
    found: dict[str, int] = _asked(connection, link, {"query": [day.isoformat(), service_id]}, wait_s)
    return found


def cancel(connection: redis.Redis, id: str, wait_s: float = 15.0) -> dict[int, bool]:
    """Withdraw a short message that is submitted: part number to whether the carrier withdrew it.

    Raises NotFound (no message of that id, or nothing of it is still with the carrier), LinkSilent.
    """
    record: Any = connection.hgetall(f"sms:{id}")
    if not record:
        raise NotFound(f"no short message {id[:64]} is with a gateway")
    marks = {int(name[1:]): mark for name, mark in record.items() if name[:1] == b"p" and name[1:].isdigit()}
    refs = {number: mark[1:].decode() for number, mark in sorted(marks.items()) if len(mark) > 1 and mark[:1] == b"="}
    if not refs:
        raise NotFound(f"{id}: nothing of it is with a carrier")
    link = record[b"l"].decode()
    return {number: _asked(connection, link, {"cancel": ref}, wait_s) for number, ref in refs.items()}


def _asked(connection: redis.Redis, link: str, question: dict[str, Any], wait_s: float) -> Any:
    gateway = next((now.gateway for now in live.read(connection, datetime.now(UTC)) if now.link == link and now.up), "")
    if not gateway:
        raise NotFound(f"no gateway has link {link} up now")
    id, questions = token_hex(8), _questions(gateway)
    text = json.dumps({"id": id, "link": link, "until": time.time() + wait_s, **question})
    with connection.pipeline(transaction=True) as pipe:
        pipe.rpush(questions, text)
        pipe.ltrim(questions, -MOST_WAITING, -1)
        pipe.expire(questions, KEPT_S)
        pipe.execute()
    # The gateway answers in time itself; a little more is for the way.
    found: Any = connection.blpop([_answers(id)], timeout=wait_s + 1.0)
    if found is None:
        raise LinkSilent(f"gateway {gateway} does not answer")
    answer = json.loads(found[1])
    if "error" in answer:
        raise LinkSilent(f"link {link}: {answer['error']}")
    return answer["answer"]


def _questions(gateway: str) -> str:
    return f"link-ask:{gateway}"


def _answers(id: str) -> str:
    return f"link-answer:{id}"
