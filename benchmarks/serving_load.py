"""Does the service lose or mix up answers under load, and how long does one take?

    python benchmarks/serving_load.py FOLDER [--requests 10000] [--clients 16] [--words 30]

Starts `python -m helpers.serve` on a saved classifier, on this machine's loopback alone. Clients keep their
connections; every request has texts of its own, and every answer is compared with what the classifier answers
without a service. Exits with 1 if one is lost or wrong. Times are milliseconds as a client sees them, while
clients and server share the machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from helpers import artefact, predict


def questions(classifier: artefact.Artefact, requests: int, words: int) -> list[str]:
    """`requests` texts, each of up to `words` words drawn from the vocabulary; the same every time."""
    draw = random.Random(0)
    known = classifier.vocabulary.words[2:]
    return [" ".join(draw.choices(known, k=draw.randint(1, words))) for _ in range(requests)]


def ask_all(port: int, texts: list[str]) -> list[tuple[float, list[dict] | None]]:
    """One client: seconds and answers (None: lost) of each text, one request after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for text in texts:
        start = time.perf_counter()
        try:
            connection.request(
                "POST", "/predict", json.dumps({"texts": [text]}), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            body = response.read()
            answers = json.loads(body)["answers"] if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()  # the next request opens it again
            answers = None
        found.append((time.perf_counter() - start, answers))
    connection.close()
    return found


def is_right(answers: list[dict], expected: dict) -> bool:
    """The same label and probability, but for the last digits, which depend on the batch."""
    (answer,) = answers
    return (
        answer["label"] == expected["label"] and abs(answer["probability"] - expected["probability"]) < 1e-4
    )


@dataclass(frozen=True)
class Load:
    """What came of a load: counts, and the sorted milliseconds of every request."""

    requests: int
    lost: int
    wrong: int
    milliseconds: list[float]
    seconds: float

    def __str__(self) -> str:
        last = len(self.milliseconds) - 1
        p50, p95, p99 = (self.milliseconds[round(share * last)] for share in (0.50, 0.95, 0.99))
        return (
            f"{self.requests:,} requests, {self.lost} lost, {self.wrong} wrong; "
            f"{self.requests / self.seconds:,.0f} requests/s; "
            f"milliseconds: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}"
        )


def load(port: int, classifier: artefact.Artefact, requests: int, clients: int, words: int) -> Load:
    """Ask the service at `port`, which must serve `classifier`, from `clients` threads at once."""
    texts = questions(classifier, requests, words)
    expected = predict.answer(classifier, texts)
    shares = [range(client, len(texts), clients) for client in range(clients)]
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(lambda share: ask_all(port, [texts[i] for i in share]), shares))
    seconds = time.perf_counter() - start
    lost = wrong = 0
    for share, part in zip(shares, found, strict=True):
        for place, (_, answers) in zip(share, part, strict=True):
            lost += answers is None
            wrong += answers is not None and not is_right(answers, expected[place])
    times = sorted(1_000 * taken for part in found for taken, _ in part)
    return Load(len(times), lost, wrong, times, seconds)


def main() -> int:
    """Start the service, put the load on it, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--words", type=int, default=30, help="of the longest text")
    options = parser.parse_args()
    command = [sys.executable, "-m", "helpers.serve", str(options.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            classifier = artefact.load(options.folder)
            port = int(server.stdout.readline().rpartition(":")[2].strip("/\n"))
            result = load(port, classifier, options.requests, options.clients, options.words)
        finally:
            server.terminate()
    print(result)
    return 1 if result.lost or result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
