"""The service answers each of many clients its own question, bounds what it takes, and ends as it is told."""

import http.client
import itertools
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from any_text import ANY_TEXT
from hypothesis import example, given, settings
from serving import ask, predict, served
from small_classifier import WORDS, taught

from helpers import artefact, serve
from helpers import predict as asking

ONE = taught()
ROOT = Path(__file__).parents[1]
HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
PAGE_AND_DATA = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/model"),
    ("GET", "/nowhere"),
    ("PUT", "/predict"),
]


@pytest.fixture(scope="module")
def port():
    with served(ONE) as port:
        yield port


def nearly(answers):
    """Answers up to what another batch may change: the last digits of a probability."""
    return [
        answer
        | {"probability": pytest.approx(answer["probability"], abs=1e-5)}
        | {"probabilities": pytest.approx(answer["probabilities"], abs=1e-5)}
        for answer in answers
    ]


# Answers


def test_the_service_answers_what_the_function_answers(port):
    texts = ["a good plot", "a bad plot", "", "很好 👍"]
    assert predict(port, texts) == nearly(asking.answer(ONE, texts))
    found = predict(port, texts, mattered=2)
    assert [[word["words"] for word in answer["mattered"]] for answer in found] == [
        [word["words"] for word in answer["mattered"]] for answer in asking.answer(ONE, texts, mattered=2)
    ]


@settings(max_examples=40)
@given(text=ANY_TEXT)
@example(text="\ud800 good \x00 👍🏽 很好")
def test_any_text_that_json_can_carry_is_answered(port, text):
    assert predict(port, [text], mattered=9)[0]["words"] == asking.answer(ONE, [text])[0]["words"]


def test_no_texts_have_no_answers(port):
    assert predict(port, []) == []


def test_as_many_texts_as_allowed_are_answered(port):
    assert len(predict(port, ["good"] * serve.MOST_TEXTS)) == serve.MOST_TEXTS
    assert len(predict(port, ["good"] * serve.MOST_EXPLAINED, mattered=100)) == serve.MOST_EXPLAINED


def test_health_and_model_say_what_runs(port):
    assert ask(port, "GET", "/health").json == {"status": "ok"}
    model = ask(port, "GET", "/model").json
    assert model["classes"] == list(ONE.classes) and model["words_known"] == len(ONE.vocabulary)
    assert model["limits"] == artefact.known_limits(ONE) and model["limits"][0] == "It knows ten words."


# Refused with a reason, and without a trace of the inside


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"good", b'{"texts": ["a"', b"\xff\xfe\xfd", b"[" * 100_000, b"1" * 10_000, b"{'texts': []}"],
)
def test_what_is_not_json_is_refused(port, body):
    response = ask(port, "POST", "/predict", body)
    assert response.status == 400 and response.json["error"].startswith("the body is not JSON")


@pytest.mark.parametrize(
    "asked, message",
    [
        (["good"], 'expected an object like {"texts": ["..."]}; got a list'),
        ("good", "got a string"),
        (None, "got null"),
        ({}, "texts is missing"),
        ({"text": ["good"]}, "unknown key 'text'"),
        ({"texts": ["good"], "words": 3}, "unknown key 'words'"),
        ({"texts": "good"}, "texts must be a list of strings; got a string"),
        ({"texts": {"a": 1}}, "texts must be a list of strings; got an object"),
        ({"texts": None}, "got null"),
        ({"texts": ["good", 7]}, "texts[1] must be a string; got a number"),
        ({"texts": [["good"]]}, "texts[0] must be a string; got a list"),
        ({"texts": [True]}, "texts[0] must be a string; got true or false"),
        ({"texts": ["good"], "mattered": "five"}, "mattered must be a whole number, 0 to 100"),
        ({"texts": ["good"], "mattered": True}, "mattered must be a whole number"),
        ({"texts": ["good"], "mattered": -1}, "mattered must be a whole number"),
        ({"texts": ["good"], "mattered": 101}, "mattered must be a whole number"),
        ({"texts": ["good"] * 65}, "65 texts; a request may hold 64"),
        ({"texts": ["good"] * 9, "mattered": 1}, "9 texts; a request with mattered may hold 8"),
    ],
)
def test_what_asks_wrongly_is_refused(port, asked, message):
    response = ask(port, "POST", "/predict", json.dumps(asked))
    assert response.status == 422 and message in response.json["error"]


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_what_is_not_announced_as_json_is_refused(port, kind):
    response = ask(port, "POST", "/predict", '{"texts": ["good"]}', kind)
    assert response.status == 415 and "Content-Type: application/json" in response.json["error"]


def test_a_character_set_beside_the_type_does_no_harm(port):
    assert ask(port, "POST", "/predict", '{"texts": []}', "Application/JSON; charset=utf-8").status == 200


@pytest.mark.parametrize("size", [serve.LARGEST_BODY + 1, 10 * serve.MEGABYTE])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_that_is_too_large_is_refused(port, size, in_chunks):
    body = b'{"texts": ["' + b"a" * (size - 15) + b'"]}'
    parts = (body[i : i + 65_536] for i in range(0, size, 65_536)) if in_chunks else body
    response = ask(port, "POST", "/predict", parts)
    assert response.status == 413 and f"larger than {serve.LARGEST_BODY:,} bytes" in response.json["error"]


def test_a_body_without_end_is_given_up_and_the_service_goes_on(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        part, sent = b"100000\r\n" + b"a" * serve.MEGABYTE + b"\r\n", 0
        with pytest.raises(OSError):  # the other side hangs up
            while sent < 200 * serve.MEGABYTE:
                connection.sendall(part)
                sent += serve.MEGABYTE
    assert sent < 200 * serve.MEGABYTE
    assert predict(port, ["good"])[0]["label"] == "positive"


def test_the_largest_body_is_answered(port):
    body = '{"texts": ["' + "good " * 200_000
    body += "a" * (serve.LARGEST_BODY - len(body) - 3) + '"]}'
    response = ask(port, "POST", "/predict", body)
    assert response.status == 200 and response.json["answers"][0]["words_read"] == ONE.max_tokens


def test_a_sender_who_stops_half_way_is_not_waited_for(port, monkeypatch):
    monkeypatch.setattr(serve, "SECONDS_TO_SEND", 0.2)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b'{"texts": ["go')
    response = connection.getresponse()
    assert response.status == 408 and "did not arrive" in json.loads(response.read())["error"]
    connection.close()


def test_a_client_that_leaves_half_way_leaves_no_trace_in_the_log(port, caplog):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert predict(port, ["good"])[0]["label"] == "positive"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "method, path, status", [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("POST", "/", 405)]
)
def test_an_unknown_address_or_method_is_refused_as_json(port, method, path, status):
    response = ask(port, method, path)
    assert response.status == status and response.json["error"]


def test_more_waiting_than_allowed_are_sent_away(port, monkeypatch):
    monkeypatch.setattr(serve, "MOST_WAITING", 0)
    response = ask(port, "POST", "/predict", '{"texts": ["good"]}')
    assert (
        response.status == 503
        and response.getheader("retry-after") == "1"
        and "try again" in response.json["error"]
    )
    monkeypatch.undo()
    assert predict(port, ["good"])  # and are welcome again


def test_a_failure_inside_is_told_without_its_insides(port, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("the secret of the model")

    monkeypatch.setattr(serve, "answer", broken)
    response = ask(port, "POST", "/predict", '{"texts": ["good"]}')
    assert response.status == 500 and b"secret" not in response.body and b"Traceback" not in response.body
    assert response.json["error"].startswith("the server failed")
    monkeypatch.undo()
    assert predict(port, ["good"])


@pytest.mark.parametrize("method, path", PAGE_AND_DATA)
def test_every_answer_forbids_foreign_code_frames_and_caching(port, method, path):
    response = ask(port, method, path)
    policy = response.getheader("content-security-policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert response.getheader("x-content-type-options") == "nosniff"
    assert response.getheader("cache-control") == "no-store" and response.getheader("server") is None


def test_the_page_asks_nobody_else():
    assert (
        "http:" not in serve.PAGE and "https:" not in serve.PAGE and "//" not in serve.PAGE.replace("// ", "")
    )
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in serve.PAGE


# Many at once


def test_of_many_clients_at_once_each_gets_its_own_answers(port):
    texts = [" ".join(WORDS[(i * step + step) % 10] for i in range(1 + step % 13)) for step in range(240)]
    expected = nearly(asking.answer(ONE, texts))
    with ThreadPoolExecutor(12) as clients:
        parts = [range(i, min(i + 1 + i % 3, 240)) for i in range(0, 240)]
        found = list(clients.map(lambda part: predict(port, [texts[i] for i in part]), parts))
    assert found == [[expected[i] for i in part] for part in parts]


def test_the_model_works_on_one_request_at_a_time_and_the_loop_goes_on_meanwhile(port, monkeypatch):
    inside, most, go_on = 0, 0, threading.Event()

    def slow(*_, **__):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        assert go_on.wait(timeout=30)
        inside -= 1
        return []

    monkeypatch.setattr(serve, "answer", slow)
    with ThreadPoolExecutor(5) as clients:
        asked = [clients.submit(predict, port, ["good"]) for _ in range(5)]
        while inside == 0:
            time.sleep(0.01)
        assert ask(port, "GET", "/health").json == {"status": "ok"}  # while the model is at work
        go_on.set()
        assert [future.result() for future in asked] == [[]] * 5
    assert most == 1


def test_the_load_script_finds_nothing_lost_and_nothing_mixed_up(port):
    load = runpy.run_path(str(ROOT / "benchmarks" / "serving_load.py"))["load"]
    result = load(port, ONE, requests=300, clients=8, words=30)
    assert (result.requests, result.lost, result.wrong) == (300, 0, 0)
    assert "300 requests, 0 lost, 0 wrong" in str(result) and "p95" in str(result)


def test_the_load_script_notices_what_is_lost_or_mixed_up(port, monkeypatch):
    load = runpy.run_path(str(ROOT / "benchmarks" / "serving_load.py"))["load"]
    turns = itertools.count()

    def unreliable(one, texts, *, mattered):
        turn = next(turns)
        if turn % 3 == 0:
            raise ZeroDivisionError
        return asking.answer(one, ["good"] if turn % 3 == 1 else texts)

    monkeypatch.setattr(serve, "answer", unreliable)
    result = load(port, ONE, requests=30, clients=1, words=3)
    assert result.lost >= 8 and result.wrong >= 3  # a failure costs its connection, so others with it


# The command line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "classifier"
    artefact.save(ONE, folder)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="plays Ctrl+C with POSIX signals")
def test_the_command_serves_until_it_is_told_to_end_and_answers_what_was_asked_before(folder):
    command = [sys.executable, "-m", "helpers.serve", str(folder), "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        assert f"Serving {folder} at http://127.0.0.1:" in first
        port = int(first.rpartition(":")[2].strip("/\n"))
        assert predict(port, ["a good plot"]) == nearly(asking.answer(ONE, ["a good plot"]))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        long = json.dumps({"texts": ["good plot " * 200] * 8, "mattered": 100})
        connection.request("POST", "/predict", long, {"Content-Type": "application/json"})
        time.sleep(0.5)  # it is worked on, or waits for it
        process.send_signal(signal.SIGINT)
        assert len(json.loads(connection.getresponse().read())["answers"]) == 8
        connection.close()
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "") and "Ended." in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere"], "error: no saved classifier in nowhere"),
        (["FOLDER", "--port", "TAKEN"], "choose another with --port; 0 takes a free one"),
        (["FOLDER", "--port", "70000"], "error: cannot listen at 127.0.0.1 port 70000"),
        (["FOLDER", "--host", "203.0.113.7"], "error: cannot listen at 203.0.113.7"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(port, folder, arguments, message):
    names = {"FOLDER": str(folder), "TAKEN": str(port)}
    with pytest.raises(SystemExit) as end:
        serve.main([names.get(argument, argument) for argument in arguments])
    assert message in end.value.code and "\n" not in end.value.code


@pytest.mark.parametrize("host, warned", [(None, False), ("localhost", False), ("0.0.0.0", True)])
def test_only_this_machine_can_ask_unless_told_otherwise(folder, monkeypatch, capsys, host, warned):
    class Server:
        def run(self, sockets):
            self.address = sockets[0].getsockname()[0]
            sockets[0].close()

    server = Server()
    monkeypatch.setattr(serve, "server_of", lambda _: server)
    serve.main([str(folder), "--port", "0", *(["--host", host] if host else [])])
    assert server.address == ("0.0.0.0" if warned else "127.0.0.1")
    assert ("no password" in capsys.readouterr().err) == warned
