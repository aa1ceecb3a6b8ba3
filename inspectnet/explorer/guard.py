"""The guard: only the page that was opened here is answered.

Any page in the browser can send requests to a port of this machine, and a name of somebody's domain can lead to it. So
each request must name this server as its host and come from its own page, and must bring the token, which only whoever
started the server has, in a cookie that no other site's requests carry.
"""

import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LONGEST = 4096  # bytes of a path with its query


class Guard:
    """Lets requests through that come from the page it gave the token to, and puts HEADERS on all answers."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str) -> None:
        """hosts: what the header Host may be."""
        self._app, self._hosts, self._token = app, frozenset(hosts), token
        self.cookie = "inspectnet-" + secrets.token_hex(4)  # browsers share cookies between ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # without an answer the server refuses it

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        app = self._refusal(scope, headers) or self._entry(scope) or self._stranger(headers) or self._app
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """The answer to what no page of ours sends."""
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            return PlainTextResponse("too long", 414)
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return PlainTextResponse("another host", 421)
        origins = headers.getlist("origin")
        own = all(origin == f"http://{headers['host']}" for origin in origins)
        if not own or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return PlainTextResponse("another site", 403)
        if scope["method"] == "POST" and not origins:  # which browsers always send
            return PlainTextResponse("no origin", 403)
        return None

    def _entry(self, scope: Scope) -> ASGIApp | None:
        """The answer to the address with the token: a cookie, and the address without it."""
        query = scope["query_string"]
        if scope["path"] != "/" or not secrets.compare_digest(query, f"token={self._token}".encode()):
            return None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self._token, httponly=True, samesite="strict")
        return answer

    def _stranger(self, headers: Headers) -> ASGIApp | None:
        """The answer to whoever has no token."""
        cookies = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            cookies.clear()
        said = cookies[self.cookie].value if self.cookie in cookies else ""
        if secrets.compare_digest(said.encode(), self._token.encode()):
            return None
        return PlainTextResponse("Open the address that 'inspectnet explore' has printed.", 401)
