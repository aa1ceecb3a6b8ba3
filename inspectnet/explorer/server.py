"""The server of `inspectnet explore`: the same values that a report holds, made when they are asked for."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from inspectnet.errors import InspectError
from inspectnet.explorer.asking import Answerer
from inspectnet.explorer.contract import MARK
from inspectnet.explorer.exploring import Exploration
from inspectnet.explorer.guard import Guard
from inspectnet.explorer.page import Page
from inspectnet.explorer.site import json_of

TOLD_EVERY = 0.2  # seconds between events of progress, at least
SILENCE = 15.0  # seconds without an event, after which a page that is gone is noticed
META = '<meta name="inspectnet-server" content="">'


def make_app(exploration: Exploration, page: Page, hosts: Iterable[str], token: str) -> Guard:
    """The application; hosts: what the header Host may be."""
    answerer, html = Answerer(exploration.network), page.html.replace(MARK, META)

    async def index(_: Request) -> Response:
        return HTMLResponse(html)

    async def data(request: Request) -> Response:
        name = request.path_params["name"]
        if name.startswith("sheets/"):
            return PlainTextResponse(f"there is no {name}", 404)
        return await run_in_threadpool(_value, exploration, name)

    async def sheet(request: Request) -> Response:
        return await run_in_threadpool(_value, exploration, f"sheets/{request.path_params['name']}")

    async def live(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return PlainTextResponse("ask in application/json", 415)
        body = await _body(request, answerer.largest)
        if body is None:
            return PlainTextResponse(f"ask in {answerer.largest} bytes or less", 413)
        return await run_in_threadpool(_answer, answerer, body)

    async def progress(request: Request) -> Response:
        return StreamingResponse(_events(exploration), media_type="text/event-stream")

    routes = [
        Route("/", index),
        Route("/data/{name:path}", data),
        Route("/sheets/{name}.webp", sheet),
        Route("/live", live, methods=["POST"]),
        Route("/progress", progress),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # there is one address for each thing
    return Guard(app, hosts, token)


def _value(exploration: Exploration, name: str) -> Response:
    try:
        value = exploration.value(name)
    except KeyError:
        return PlainTextResponse(f"there is no {name}", 404)
    except InspectError as error:
        return PlainTextResponse(str(error), 422)
    if isinstance(value, bytes):
        return Response(value, media_type="image/webp")
    return Response(json_of(value), media_type="application/json")


def _answer(answerer: Answerer, body: bytes) -> Response:
    try:
        return Response(json.dumps(answerer.answer(body), allow_nan=False), media_type="application/json")
    except InspectError as error:
        return PlainTextResponse(str(error), 422)
    except (ValueError, RecursionError) as error:
        return PlainTextResponse(f"this is no question: {error}", 400)


async def _body(request: Request, largest: int) -> bytes | None:
    """What was sent; None if it is too large, which is found out before it is in memory."""
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > largest:
        return None
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > largest:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


async def _events(exploration: Exploration) -> AsyncIterator[str]:
    """Each progress as an event, the first at once; a comment now and then while nothing happens."""
    count = -1
    while True:
        seen, told = await run_in_threadpool(exploration.wait, count, SILENCE)
        fresh, count = seen != count, seen
        record: Any = {**vars(told), "changed": list(told.changed)}
        yield f"data: {json.dumps(record)}\n\n" if fresh else ": still here\n\n"
        await asyncio.sleep(TOLD_EVERY)
