"""Ask a saved classifier: label, probability, and the words that mattered (taught on page 10).

    python -m helpers.predict FOLDER "a text" "another text"
    python -m helpers.predict FOLDER < reviews.txt              one text a line, UTF-8
    python -m helpers.predict FOLDER --json < reviews.txt       one JSON object a line

How much a word mattered is measured by leaving it out: the change of the probability. That is occlusion
(Zeiler and Fergus 2014; for words: Li, Monroe and Jurafsky 2016). It says what the classifier listens to,
not whether it is right to.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers import artefact as artefacts
from helpers.artefact import Artefact, ArtefactError, listed
from helpers.text import UNKNOWN_ID, end_to_end, shorten, tokenize
from helpers.training import predict_logits

MOST_SPANS = 100  # a text is asked at most so many times more, however long it is
LINES_AT_ONCE = 256


def words_read(artefact: Artefact, text: str) -> list[str]:
    """The tokens of `text` that the classifier reads: of a long one the first quarter and the last three."""
    return shorten(tokenize(text), artefact.max_tokens)


def leave_out(artefact: Artefact, text: str, *, limit: int = MOST_SPANS) -> list[dict]:
    """What each word does to the probability of the label that `text` gets: one dict a word, in order.

    words   the word (a few neighbours together if the text has more than `limit` words: all are covered)
    place   how many words are read before it
    known   whether the vocabulary has it (all of them)
    change  probability with it minus probability without it, −1 to 1; above 0, it speaks for the label

    An empty text gives an empty list.
    """
    if limit < 1:
        raise ValueError(f"limit must be 1 or more; got {limit}")
    (text,) = listed([text])
    words = words_read(artefact, text)
    if not words:
        return []
    size = -(-len(words) // limit)  # words a span, rounded up
    spans = [(start, min(start + size, len(words))) for start in range(0, len(words), size)]
    ids = artefact.vocabulary.encode(words)
    rows = [ids, *(ids[:start] + ids[end:] or [UNKNOWN_ID] for start, end in spans)]
    encoded = end_to_end(rows, [0] * len(rows))  # the labels are not known
    probabilities = predict_logits(artefact.model, encoded).softmax(dim=1)  # [1 + spans, classes]
    label = int(probabilities[0].argmax())
    changes = (probabilities[0, label] - probabilities[1:, label]).tolist()
    return [
        {
            "words": " ".join(words[start:end]),
            "place": start,
            "known": UNKNOWN_ID not in ids[start:end],
            "change": change,
        }
        for (start, end), change in zip(spans, changes, strict=True)
    ]


def answer(artefact: Artefact, texts: Iterable[str], *, mattered: int = 0) -> list[dict]:
    """One dict a text, in their order, of plain values that JSON can hold.

    label, probability  the likelier class and its probability
    probabilities       class name -> probability
    words, words_known  how many tokens the text has, and how many of them the vocabulary knows
    words_read          how many of them were read
    mattered            the `mattered` words (see `leave_out`) that changed most, most first; [] if it is 0
    """
    texts = listed(texts)
    answers = []
    for text, row in zip(texts, artefact.probabilities(texts).tolist(), strict=True):
        tokens = tokenize(text)
        probability = max(row)
        found = leave_out(artefact, text) if mattered else []
        answers.append(
            {
                "label": artefact.classes[row.index(probability)],
                "probability": probability,
                "probabilities": dict(zip(artefact.classes, row, strict=True)),
                "words": len(tokens),
                "words_known": sum(token in artefact.vocabulary for token in tokens),
                "words_read": min(len(tokens), artefact.max_tokens),
                "mattered": sorted(found, key=lambda word: -abs(word["change"]))[:mattered],
            }
        )
    return answers


# --- the command -------------------------------------------------------------------------------------


def shown(text: str, width: int = 60) -> str:
    """`text` on one line of a terminal: nothing in it that could steer the terminal, cut to `width`."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * width])
    line = " ".join(line.split())
    return line if len(line) <= width and len(text) <= 4 * width else line[: width - 1] + "…"


def for_people(text: str, answered: dict) -> str:
    """A first line with label, probability and text; a second with the words that mattered, if there are."""
    lines = [f"{answered['label']} {answered['probability']:.3f}  {shown(text) or '(no words)'}"]
    changes = [(shown(word["words"], 30), f"{word['change']:+.3f}") for word in answered["mattered"]]
    moved = [f"{words} {change.replace('-', '−')}" for words, change in changes if float(change)]
    if moved:
        lines.append("    mattered: " + "   ".join(moved))
    if answered["words_known"] == 0:
        lines.append("    no word of it is known: the answer says nothing")
    return "\n".join(lines)


def lines_of_standard_input() -> Iterator[str]:
    """The lines of standard input as text; a clear end for one that is not UTF-8."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"line {number} of standard input is not UTF-8 ({error.reason} at byte {error.start}): "
                "convert it first, for example with iconv"
            ) from None


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns 0, or raises SystemExit with a message: 1 cannot answer, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.predict",
        description="Ask a saved classifier. Without texts, it reads standard input, one text a line.",
        epilog="Exit codes: 0 answered, 1 the classifier or the input cannot be read, 2 wrong usage.",
    )
    parser.add_argument("folder", type=Path, help="what helpers.artefact.save wrote")
    parser.add_argument("texts", nargs="*", metavar="text")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--mattered",
        type=int,
        default=5,
        metavar="N",
        help="show the N words that mattered most (default 5); 0 is many times as fast",
    )
    options = parser.parse_intermixed_args(arguments)
    if not 0 <= options.mattered <= MOST_SPANS:
        parser.error(f"--mattered must be 0 to {MOST_SPANS}; got {options.mattered}")
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        artefact = artefacts.load(options.folder)
        typed = not options.texts and sys.stdin.isatty()
        if typed:
            print("Type a text and press Enter; Ctrl+D (on Windows Ctrl+Z, Enter) ends.", file=sys.stderr)
        texts = iter(options.texts) if options.texts else lines_of_standard_input()
        while part := list(itertools.islice(texts, 1 if typed else LINES_AT_ONCE)):
            for text, answered in zip(part, answer(artefact, part, mattered=options.mattered), strict=True):
                line = json.dumps({"text": text} | answered) if options.json else for_people(text, answered)
                print(line, flush=typed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ArtefactError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    return 0


if __name__ == "__main__":
    main()
