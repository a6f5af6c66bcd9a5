"""Who may look and who may change: hosts, origins, and tokens where the service is reachable from elsewhere.

A page is loaded with a session in a cookie that no other site can send (``SameSite=Strict``) and no script can read.
What changes something, and the stream, needs more: an ``Origin`` that is this service's own. A request without one
proves nothing by that; it needs the token in ``Authorization``.

There are two roles. A clinician may acknowledge alarms and set limits; a viewer may look. A proxy that knows who
somebody is may name them: it shows the token of the role, and the name in a header of its own.
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

__all__ = ["CLINICIAN", "HEADERS", "SHORTEST_TOKEN", "VIEWER", "Access", "Guard", "is_loopback"]

log = logging.getLogger(__name__)

CLINICIAN, VIEWER = "clinician", "viewer"
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
        What a person or a program must show to look and to change; at least 16 characters.
    viewer : str, optional
        What is shown to look alone; there must be a ``token`` as well.
    user_header : str, optional
        Header in which a proxy in front names who asks. It is believed of requests that show a token in
        ``Authorization``, which the proxy adds; where it is set, who changes something must be named by it.
    names : tuple of str, optional
        Further names by which it is reached, such as that of a proxy in front of it.

    Raises
    ------
    ValueError
        If it listens beyond loopback without a token, a token is short, both are the same, or there is a viewer's or a
        header's name alone.
    """

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    viewer: str | None = field(default=None, repr=False)
    user_header: str | None = None
    sessions: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(f"host {self.host!r} is reachable from elsewhere: a token is required")
        for token in (self.token, self.viewer):
            if token is not None and len(token) < SHORTEST_TOKEN:
                raise ValueError(f"a token of {len(token)} characters is short: at least {SHORTEST_TOKEN}")
        if self.token is None and (self.viewer is not None or self.user_header is not None):
            raise ValueError("a viewer's token, or a header that names users, needs a token for those who may change")
        if self.viewer is not None and self.viewer == self.token:
            raise ValueError("the viewer's token is that of those who may change: they must differ")
        # With a token a session outlives the service; without one, the page brings a new one.
        secrets_of = {CLINICIAN: secrets.token_bytes(32) if self.token is None else self.token.encode()}
        if self.viewer is not None:
            secrets_of[VIEWER] = self.viewer.encode()
        sessions = {role: hmac.new(key, b"session", hashlib.sha256).hexdigest() for role, key in secrets_of.items()}
        object.__setattr__(self, "sessions", sessions)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie: cookies know no ports, and two services may run on one machine."""
        return "ecg-" + hashlib.sha256(self.sessions[CLINICIAN].encode()).hexdigest()[:8]

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

    def role_of_session(self, value: str | None) -> str | None:
        """Return whose session a cookie is; None if nobody's."""
        return next((role for role, one in self.sessions.items() if value is not None and _is_same(value, one)), None)

    def role_of_token(self, value: str | None) -> str | None:
        """Return whose token somebody has shown; None if nobody's."""
        tokens = ((CLINICIAN, self.token), (VIEWER, self.viewer))
        return next((role for role, one in tokens if value and one is not None and _is_same(value, one)), None)

    def role_of(self, headers: Headers) -> str | None:
        """Return whose token or session a request shows; None if nobody's."""
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie)
        return self.role_of_token(_bearer(headers)) or self.role_of_session(cookie)

    def user_of(self, headers: Headers) -> str | None:
        """Return who asks, as a trusted proxy names them; None where nothing names users.

        Raises
        ------
        PermissionError
            If users are named by a proxy, and this request did not come through it or names nobody.
        """
        if self.user_header is None:
            return None
        name = _utf8(headers.get(self.user_header, "")).strip()
        if not name or len(headers.getlist(self.user_header)) != 1 or self.role_of_token(_bearer(headers)) is None:
            raise PermissionError(f"changes are for users that the proxy names in {self.user_header}")
        return name

    def let_in(self, response: Response, role: str, *, secure: bool) -> Response:
        """Give a browser the session of a role."""
        session = self.sessions[role]
        response.set_cookie(self.cookie, session, httponly=True, samesite="strict", secure=secure, path="/")
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
        has_token = access.role_of_token(_bearer(headers)) is not None
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
        if scope["path"] in OPEN_PATHS:
            return None
        role = access.role_of(headers)
        if role == VIEWER and scope["type"] == "http" and changes:
            return JSONResponse({"error": "this token is for looking: acknowledging and setting need another"}, 403)
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[0]
        if role is not None and not (scope["type"] == "http" and scope["path"] == "/" and shown):
            return None
        if access.token is None and not changes:
            return None  # on loopback whoever may load the page may read; no other site's script can
        if scope["type"] == "http" and scope["path"] == "/":
            shown_role = access.role_of_token(shown)
            if shown_role is not None:
                secure = HTTPConnection(scope).url.scheme == "https"
                return access.let_in(RedirectResponse("/", 303), shown_role, secure=secure)
            if role is not None:
                return None
            return RedirectResponse("/login", 303)
        return JSONResponse({"error": "a token is required"}, 401, {"WWW-Authenticate": "Bearer"})


def _is_same(shown: str, secret: str) -> bool:
    """Compare in a time that tells nothing; what is shown may be any text, and half a surrogate pair has no bytes."""
    return hmac.compare_digest(shown.encode(errors="replace"), secret.encode())


def _utf8(text: str) -> str:
    """Return a header's text, which is read as Latin-1, as the UTF-8 that it nearly always is."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


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
