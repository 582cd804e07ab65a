"""Serve a saved classifier on this machine: a page to type into, and JSON for programs (taught on page 10).

    python -m helpers.serve FOLDER [--port 8000]

    GET  /         the page
    GET  /health   {"status": "ok"}
    GET  /model    what the classifier is: classes, sizes, metrics, data, limits
    POST /predict  {"texts": ["...", "..."], "mattered": 5} -> {"answers": [...]}, see helpers.predict.answer

Errors are JSON too: {"error": "..."}. The event loop only moves bytes; the model works in one thread of its
own, one request after the other, so that it never answers two at once and nobody waits for the loop. Needs
Starlette and uvicorn: pip install -e ".[serve]".
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import ipaddress
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.resources import files
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpers import artefact as artefacts
from helpers.artefact import Artefact, ArtefactError, known_limits
from helpers.model import count_parameters
from helpers.predict import MOST_SPANS, answer

MEGABYTE = 2**20
LARGEST_BODY = MEGABYTE  # bytes of a request; more is answered with 413
READ_AND_DROPPED = 16 * MEGABYTE  # of a body that is too large, so that its sender can still hear the answer
SECONDS_TO_SEND = 10
MOST_TEXTS = 64  # a request
MOST_EXPLAINED = 8  # texts a request, if it asks for the words that mattered: each is asked many times more
MOST_WAITING = 128  # requests at one time; more are answered with 503

PAGE = files("helpers").joinpath("serve.html").read_text(encoding="utf-8")


class Json(JSONResponse):
    """JSON in plain ASCII: a lone surrogate, which UTF-8 cannot hold, goes back as the escape it came as."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False).encode("ascii")


# --- what a request may ask --------------------------------------------------------------------------


async def body_of(request: Request) -> bytes:
    """The body, never more than LARGEST_BODY of it in memory. HTTPException 408 or 413."""
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(SECONDS_TO_SEND):
            async for part in request.stream():
                size += len(part)
                if size <= LARGEST_BODY:
                    body += part
                elif size > READ_AND_DROPPED:
                    break
    except TimeoutError:
        message = f"the body did not arrive within {SECONDS_TO_SEND} seconds"
        raise HTTPException(408, message, {"Connection": "close"}) from None
    if size > LARGEST_BODY:
        message = f"the body is larger than {LARGEST_BODY:,} bytes; send fewer or shorter texts a request"
        raise HTTPException(413, message, {"Connection": "close"})
    return bytes(body)


def question_in(body: bytes) -> tuple[list[str], int]:
    """`texts` and `mattered` of a request. HTTPException 400 if it is not JSON, 422 if it asks wrongly."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error!s:.100}") from None
    if not isinstance(asked, dict):
        raise HTTPException(422, f'expected an object like {{"texts": ["..."]}}; got {_kind(asked)}')
    unknown = sorted(asked.keys() - {"texts", "mattered"})
    if unknown or "texts" not in asked:
        what = f"unknown key {unknown[0]!r:.40}" if unknown else "texts is missing"
        raise HTTPException(422, f'{what}; expected "texts" and, if you like, "mattered"')
    texts, mattered = asked["texts"], asked.get("mattered", 0)
    if not isinstance(texts, list):
        raise HTTPException(422, f"texts must be a list of strings; got {_kind(texts)}")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise HTTPException(422, f"texts[{place}] must be a string; got {_kind(text)}")
    if isinstance(mattered, bool) or not isinstance(mattered, int) or not 0 <= mattered <= MOST_SPANS:
        raise HTTPException(422, f"mattered must be a whole number, 0 to {MOST_SPANS}")
    most = MOST_EXPLAINED if mattered else MOST_TEXTS
    if len(texts) > most:
        asking = " with mattered" if mattered else ""
        raise HTTPException(422, f"{len(texts)} texts; a request{asking} may hold {most}: send several")
    return texts, mattered


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


# --- the service -------------------------------------------------------------------------------------


def build_app(artefact: Artefact) -> ASGIApp:
    """The service for one classifier, as any ASGI server can run it."""
    waiting = 0

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with ThreadPoolExecutor(1, "model") as worker:  # one thread: it is the queue and the lock
            app.state.worker = worker
            yield

    async def predict(request: Request) -> Response:
        nonlocal waiting
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "send the texts as JSON, with the header Content-Type: application/json")
        if waiting >= MOST_WAITING:
            raise HTTPException(503, "too many requests at one time; try again", {"Retry-After": "1"})
        waiting += 1
        try:
            texts, mattered = question_in(await body_of(request))
            work = partial(answer, artefact, texts, mattered=mattered)
            answers = await asyncio.get_running_loop().run_in_executor(request.app.state.worker, work)
            return Json({"answers": answers})
        finally:
            waiting -= 1

    async def model(_: Request) -> Response:
        about = {
            "classes": artefact.classes,
            "words_known": len(artefact.vocabulary),
            "words_read": artefact.max_tokens,
            "parameters": count_parameters(artefact.model),
            "metrics": artefact.metrics,
            "data": artefact.data,
            "limits": known_limits(artefact),
        }
        return Json(about)

    async def page(_: Request) -> Response:
        return HTMLResponse(PAGE)

    async def health(_: Request) -> Response:
        return Json({"status": "ok"})

    async def refused(request: Request, error: HTTPException) -> Response:
        texts = {404: f"no such address: {request.url.path!r:.80}. There are /, /health, /model and /predict"}
        texts[405] = f"{request.method} is not possible here"
        message = texts.get(error.status_code, error.detail)
        return Json({"error": message}, error.status_code, headers=error.headers)

    async def failed(_: Request, __: Exception) -> Response:
        return Json({"error": "the server failed at this; its own output says why"}, 500)

    async def left(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    routes = [
        Route("/", page),
        Route("/health", health),
        Route("/model", model),
        Route("/predict", predict, methods=["POST"]),
    ]
    handlers = {HTTPException: refused, ClientDisconnect: left, Exception: failed}
    return with_headers(Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers))


def with_headers(app: ASGIApp) -> ASGIApp:
    """`app` whose every answer forbids what the page does not need: foreign code, foreign frames, caching."""

    def hashes(tag: str) -> str:
        found = re.findall(f"<{tag}>(.*?)</{tag}>", PAGE, flags=re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in found]
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    policy = (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    added = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    added_headers = [(name.encode(), value.encode()) for name, value in added.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added_headers]
            await send(message)

        await app(scope, receive, send_more)

    return wrapped


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at `host` and `port` (0: a free one). OSError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2 * MOST_WAITING)


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server; `run(sockets=[...])` ends at Ctrl+C or SIGTERM, after answering what was asked by then."""
    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=10
        )
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line. SystemExit with a message: 1 cannot serve, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.serve", description="Serve a saved classifier to this machine."
    )
    parser.add_argument("folder", type=Path, help="what helpers.artefact.save wrote")
    parser.add_argument("--port", type=int, default=8000, help="default 8000; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
    options = parser.parse_args(arguments)
    try:
        app = build_app(artefacts.load(options.folder))
        listening = listen(options.host, options.port)
    except ArtefactError as error:
        raise SystemExit(f"error: {error}") from error
    except (OSError, OverflowError) as error:
        raise SystemExit(
            f"error: cannot listen at {options.host} port {options.port} ({error}): "
            "choose another with --port; 0 takes a free one"
        ) from error
    host, port = listening.getsockname()[:2]
    if not ipaddress.ip_address(host).is_loopback:
        print("Everybody who reaches this machine can ask: there is no password.", file=sys.stderr)
    print(f"Serving {options.folder} at http://{f'[{host}]' if ':' in host else host}:{port}/")
    print("Ctrl+C ends it.", flush=True)
    with suppress(KeyboardInterrupt):  # a Ctrl+C may be handed on after the server has ended
        server_of(app).run(sockets=[listening])
    print("Ended.")


if __name__ == "__main__":
    main()
