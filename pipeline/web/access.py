"""Who may see and who may change: hosts, origins, and a token where the service is reachable from elsewhere.

A page is loaded with a session in a cookie that no other site can send (``SameSite=Strict``) and no script can read.
What changes something, and the stream, needs more: an ``Origin`` that is this service's own. A request without one
proves nothing by that; it needs the token in ``Authorization``.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "SHORTEST_TOKEN", "Access", "Guard", "is_loopback"]

log = logging.getLogger(__name__)

SHORTEST_TOKEN = 16  # characters
LONGEST_NUMBER = 18  # digits in an address: what fits into 64 bits
OPEN_PATHS = frozenset({"/livez", "/readyz", "/login", "/static/login.js", "/static/style.css", "/static/icon.svg"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
REFUSED = 4403  # close code of a stream that was refused

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=()",
}


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is that of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one service.

    Parameters
    ----------
    host : str
        Where it listens. Beyond loopback a token is required.
    token : str, optional
        What a person or a program must show; at least 16 characters.
    names : tuple of str, optional
        Further names by which it is reached, such as that of a proxy in front of it.

    Raises
    ------
    ValueError
        If it listens beyond loopback without a token, or the token is short.
    """

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    session: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(f"host {self.host!r} is reachable from elsewhere: a token is required")
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise ValueError(f"a token of {len(self.token)} characters is short: at least {SHORTEST_TOKEN}")
        # With a token a session outlives the service; without one, the page brings a new one.
        secret = secrets.token_bytes(32) if self.token is None else self.token.encode()
        object.__setattr__(self, "session", hmac.new(secret, b"session", hashlib.sha256).hexdigest())

    @property
    def cookie(self) -> str:
        """Name of the session's cookie: cookies know no ports, and two services may run on one machine."""
        return "ecg-" + hashlib.sha256(self.session.encode()).hexdigest()[:8]

    def knows_host(self, header: str) -> bool:
        """Tell whether a ``Host`` header names this service. A foreign name that was pointed here does not."""
        name = _host(header)
        if name is None:
            return False
        if is_loopback(name) or name in self.names or name == self.host:
            return True
        # An address cannot be rebound as a name can; beyond loopback there is the token as well.
        return not is_loopback(self.host) and _is_address(name)

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Tell whether an ``Origin`` is that of the page that this service gave out."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def is_session(self, value: str | None) -> bool:
        """Tell whether a cookie is this session's."""
        return value is not None and _is_same(value, self.session)

    def is_token(self, value: str | None) -> bool:
        """Tell whether somebody has shown the token."""
        return value is not None and self.token is not None and _is_same(value, self.token)

    def let_in(self, response: Response, *, secure: bool) -> Response:
        """Give a browser the session."""
        response.set_cookie(self.cookie, self.session, httponly=True, samesite="strict", secure=secure, path="/")
        return response


class Guard:
    """ASGI middleware that lets through what :class:`Access` allows, and sets the headers of every response."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None and refusal.status_code >= 400:
            where = {"path": scope["path"], "client": (scope.get("client") or ("",))[0]}  # the query may hold a token
            log.warning("refused", extra={**where, "status": refusal.status_code})
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": REFUSED, "reason": "refused"})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, access = Headers(scope=scope), self._access
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not access.knows_host(host):
            return JSONResponse({"error": "this service is not known by that name"}, 421)
        has_token = access.is_token(_bearer(headers))
        if any(len(run) > LONGEST_NUMBER for run in re.findall(r"\d+", scope["path"])):
            return JSONResponse({"error": "a number of so many digits is none of ours"}, 400)
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if origin is not None and not access.is_own_origin(origin, host):
            return JSONResponse({"error": "requests from another site are refused"}, 403)
        if changes and origin is None and not has_token:
            return JSONResponse(
                {"error": "show the token: Authorization: Bearer TOKEN (a request of no page needs it)"}, 403
            )
        if scope["path"] in OPEN_PATHS or has_token:
            return None
        if access.is_session(cookie_parser(headers.get("cookie", "")).get(access.cookie)):
            return None
        if access.token is None and not changes:
            return None  # on loopback whoever may load the page may read; no other site's script can
        if scope["type"] == "http" and scope["path"] == "/":
            shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[0]
            if access.is_token(shown):
                secure = HTTPConnection(scope).url.scheme == "https"
                return access.let_in(RedirectResponse("/", 303), secure=secure)
            return RedirectResponse("/login", 303)
        return JSONResponse({"error": "a token is required"}, 401, {"WWW-Authenticate": "Bearer"})


def _is_same(shown: str, secret: str) -> bool:
    """Compare in a time that tells nothing; what is shown may be any text, and half a surrogate pair has no bytes."""
    return hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def _bearer(headers: Headers) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _host(header: str) -> str | None:
    try:
        parts = urlsplit(f"//{header}")
        if parts.username is not None or parts.path or parts.query or parts.fragment or parts.port == 0:
            return None
        return parts.hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
