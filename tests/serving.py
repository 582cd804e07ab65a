"""What the tests of the service share: a server in a thread, and one way to ask it."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from helpers.artefact import Artefact

serve = pytest.importorskip(
    "helpers.serve", reason='the service needs its extra: pip install -e ".[serve]"', exc_type=ImportError
)


@contextmanager
def served(artefact: Artefact) -> Iterator[int]:
    """Serve `artefact` from a thread of this process; gives the port."""
    listening = serve.listen("127.0.0.1", 0)
    server = serve.server_of(serve.build_app(artefact))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def ask(port: int, method: str, path: str, body=None, kind: str | None = "application/json"):
    """One request on a connection of its own; gives the response, with its body in `.body` and `.json`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        response = connection.getresponse()
        response.body = response.read()
        response.json = json.loads(response.body) if response.getheader("content-type") == JSON else None
        return response
    finally:
        connection.close()


def predict(port: int, texts: list[str], **more) -> list[dict]:
    """The answers to `texts`; fails on anything but success."""
    response = ask(port, "POST", "/predict", json.dumps({"texts": texts} | more))
    assert response.status == 200, response.body
    return response.json["answers"]


JSON = "application/json"
