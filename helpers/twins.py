"""Two generated corpora of reviews on which word order is everything (taught in 06; used in 07, 08, 10, 11).

**Twins.** A review is ``opening? + denial? + core + closing?``. Its core holds one positive and one negative
adjective, and the grammar says which of the two decides. Reviews come in quadruples: a core in two forms, one
in which the first decides and one in which the second does, each with the adjectives in both orders:

    the plot was not dull , it was gripping .     1        the plot was dull , it was not gripping .     0
    the plot was not gripping , it was dull .     0        the plot was gripping , it was not dull .     1

Three theorems follow, and `tests/test_twins.py` holds the code to them:

1. Exchanging the two adjectives keeps the bag of words and flips the label. Whatever is computed from the
   bag of words is right on exactly one half of the twins, and no logistic regression on word counts has a
   mean loss below ln 2 on them.
2. In a quadruple each order of the two adjectives has both labels. "The first polar word decides", "the last
   one does" and every sum over a lexicon are right on exactly one half.
3. In the gap corpus, whose fillers have ``distance`` words, twins have the same bag of n-grams for every n up
   to ``distance`` (indeed up to ``distance`` + 2, and for no greater n).

One review in five is plain: two adjectives of one polarity, which any bag of words can tell. Without them a
network gets no first hint of what an adjective is worth, and its loss stays at ln 2. Prior art for pairs that
differ in word order, or in one deciding phrase: PAWS (Zhang, Baldridge and He 2019) and contrast sets
(Gardner et al. 2020).

Random choices use nothing of ``random.Random`` but its ``random()``, whose sequence Python promises to keep:
one seed gives one corpus, in every process and on every machine.
"""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import pandas as pd

POSITIVE = (
    "admirable", "brilliant", "charming", "delightful", "excellent", "exquisite", "fabulous", "fantastic",
    "gripping", "impressive", "lovely", "magnificent", "marvellous", "outstanding", "pleasant", "remarkable",
    "splendid", "superb", "terrific", "wonderful",
)  # fmt: skip
NEGATIVE = (
    "annoying", "appalling", "awful", "bland", "disappointing", "dismal", "dreadful", "dreary",
    "dull", "feeble", "horrible", "lousy", "mediocre", "miserable", "pathetic", "poor",
    "shoddy", "terrible", "tiresome", "unpleasant",
)  # fmt: skip

POLARITY = dict.fromkeys(NEGATIVE, 0) | dict.fromkeys(POSITIVE, 1)
MIXED_PAIRS = list(itertools.product(POSITIVE, NEGATIVE))
POSITIVE_PAIRS = list(itertools.combinations(POSITIVE, 2))
NEGATIVE_PAIRS = list(itertools.combinations(NEGATIVE, 2))

# What a review speaks of: how one meets it, and ten aspects of it.
DOMAINS = {
    "film": (
        "watched this film",
        "plot acting dialogue ending music pacing script camera cast story",
    ),
    "book": (
        "read this book",
        "plot story ending dialogue prose style humour narrator setting cover",
    ),
    "cafe": (
        "went to this cafe",
        "coffee cake menu service waiter bread soup terrace atmosphere lighting",
    ),
    "hotel": (
        "stayed at this hotel",
        "room bed breakfast lobby view pool garden bathroom service atmosphere",
    ),
    "phone": (
        "bought this phone",
        "screen battery keyboard sound design case speaker charger camera menu",
    ),
}
STORIES = ("film", "book")  # "gripping" is said of these only

SPEAKERS = (
    ("my brother", "he"), ("my sister", "she"), ("my neighbour", "he"), ("my aunt", "she"),
    ("the critic", "he"), ("my teacher", "she"), ("my colleague", "he"), ("the guide", "she"),
)  # fmt: skip
FILLERS = (
    "to be honest",
    "as far as i remember",
    "all things considered",
    "by and large",
    "if you ask me",
    "strictly speaking",
    "between you and me",
    "looking back",
)
OPENINGS = (
    "yesterday we {visit} .",
    "my cousin and i {visit} .",
    "i {visit} on a rainy sunday .",
    "some weeks ago we {visit} .",
    "in march i {visit} after work .",
    "i {visit} for my birthday .",
    "two old friends and i {visit} .",
    "early in june we {visit} .",
    "my parents and i {visit} .",
    "back from spain i {visit} .",
    "during a heat wave we {visit} .",
    "one summer we {visit} .",
)
CLOSINGS = (
    "we talked about it all evening .",
    "i wrote this the same night .",
    "that is all about the {domain} .",
    "i paid for the {domain} myself .",
    "below are three photographs .",
    "more about the {domain} next week .",
    "then we took the bus back .",
    "questions are welcome here .",
    "a longer report follows on monday .",
    "prices have gone up since spring .",
    "the children slept all afternoon .",
)
DENIALS = (
    "do not believe {who} when {pronoun} says that",
    "{who} is wrong to say that",
    "i cannot agree with people who say that",
)

# Each family: the form in which the FIRST adjective decides, and the form in which the SECOND does.
FAMILIES = {
    "not": ("the {N} was {A} , it was not {B}", "the {N} was not {A} , it was {B}"),
    "but": ("the {N} was {A} , even if the {M} was {B}", "the {N} was {A} , but the {M} was {B}"),
    "although": (
        "it was {A} , {mid} , although the {N} was {B}",
        "although the {N} was {A} , {mid} , it was {B}",
    ),
    "despite": (
        "it was {A} , {mid} , in spite of the {B} {N}",
        "in spite of the {A} {N} , {mid} , it was {B}",
    ),
    "said": (
        "i found it {A} ; {who} said , {mid} , that it was {B}",
        "{who} said , {mid} , that it was {A} ; i found it {B}",
    ),
    "expected": (
        "i got something {A} when , {mid} , i had expected something {B}",
        "i had expected something {A} and , {mid} , i got something {B}",
    ),
    "time": (
        "this year , {mid} , the {N} was {A} ; last year it was {B}",
        "last year , {mid} , the {N} was {A} ; this year it was {B}",
    ),
    "scale": ("the {N} was far more {A} than {B}", "the {N} was far less {A} than {B}"),
    "nobody": (
        "everybody i asked would call it {A} , {mid} ; nobody i asked would call it {B}",
        "nobody i asked would call it {A} , {mid} ; everybody i asked would call it {B}",
    ),
    "rather": ("i would call it {A} , {mid} , rather than {B}", "far from {A} , {mid} , i would call it {B}"),
}
PLAIN = (
    "the {N} was {A} , {mid} , and the {M} was {B}",
    "it was {A} , {mid} , and the {N} was {B}",
    "{who} said , {mid} , that it was {A} and i found it {B}",
    "everybody i asked would call it {A} , {mid} , and {B}",
)

# How many quadruples and how many plain reviews a split has.
SIZES = {"train": (1000, 1000), "validation": (150, 150), "test": (250, 250)}
# How many of every twenty adjective pairs go to validation and to test; the others go to train.
PAIRS_OF_TWENTY = {"validation": 3, "test": 4}
# How often a review has each optional part.
CHANCE = {"opening": 0.95, "denial": 0.25, "closing": 0.45}
# What is said while one thinks: the neutral words of the gap corpus.
HESITATIONS = (
    "actually", "again", "anyway", "basically", "honestly", "indeed",
    "maybe", "now", "perhaps", "probably", "somehow", "then",
)  # fmt: skip

Item = TypeVar("Item")
Pair = tuple[str, str]
Row = tuple[str, int, int, str, int]
Frames = dict[str, pd.DataFrame]


class Quadruple(NamedTuple):
    """Four texts with their labels: two forms, each with its two adjectives in both orders."""

    family: str
    denials: int
    texts: list[tuple[str, int]]


def twin_frames(seed: int = 0) -> Frames:
    """The twin corpus: a frame for each of train, validation and test.

    Columns: ``text`` (lower-case tokens with one space between them), ``label`` (0 negative, 1 positive),
    ``quadruple`` (a number that the four reviews of a quadruple share within a split; -1 for a plain review),
    ``family`` (the name of the core's family, or "plain") and ``denials`` (how many stand before the core).
    """

    def quadruple(rng: random.Random, pair: Pair, number: int) -> Quadruple:
        return _twin_quadruple(rng, pair, number, denials=int(rng.random() < CHANCE["denial"]))

    return _split_frames(seed, quadruple, _plain_review)


def denied_twins(denials: int, quadruples: int = 250, seed: int = 0) -> pd.DataFrame:
    """Twins with so many denials, one inside the other; adjective pairs of the test split only.

    Each denial flips the label once more: a model that learned "a denial flips", and not "each denial flips",
    is wrong on two. The splits of the corpus have 0 or 1. Columns as in `twin_frames`.
    Raises ValueError for more denials than there are speakers for: the core may have a speaker of its own.
    """
    if not 0 <= denials < len(SPEAKERS):
        raise ValueError(f"denials must be 0 to {len(SPEAKERS) - 1}: one speaker each; got {denials}")

    def quadruple(rng: random.Random, pair: Pair, number: int) -> Quadruple:
        return _twin_quadruple(rng, pair, number, denials)

    rng = random.Random(seed)
    pairs = _deal(rng, MIXED_PAIRS)["test"]
    return _frame(_quadruple_rows(rng, quadruples, pairs, quadruple, seen=set()))


def gap_frames(distance: int, seed: int = 0) -> Frames:
    """The gap corpus: "this year FILLER it was A FILLER . last year FILLER it was B FILLER ."

    The years come in both orders, and the label is the polarity of this year's adjective. Each filler is
    ``distance`` hesitations long; a review has two of them, and both its sentences have the same two.
    Splits, plain reviews and columns as in `twin_frames`.
    """

    def sentences(rng: random.Random) -> tuple[str, str]:
        before, after = (" ".join(_pick(rng, HESITATIONS) for _ in range(distance)) for _ in range(2))
        this, last = (f"{year} year {before} it was {{}} {after} ." for year in ("this", "last"))
        return f"{this} {last}", f"{last} {this}"

    def quadruple(rng: random.Random, pair: Pair, _: int) -> Quadruple:
        return Quadruple("gap", 0, _fill(sentences(rng), pair))

    def plain(rng: random.Random, pair: Pair) -> str:
        return _pick(rng, sentences(rng)).format(*_shuffled(rng, pair))

    return _split_frames(seed, quadruple, plain)


def polar_words(text: str) -> list[str]:
    """The adjectives of the two lists in ``text``, in their order."""
    return [word for word in text.split() if word in POLARITY]


def twin(text: str) -> str:
    """``text`` with its two adjectives exchanged: the same bag of words, and in both corpora the other label.

    Raises ValueError unless ``text`` has exactly one positive and one negative adjective.
    """
    words = text.split()
    places = [place for place, word in enumerate(words) if word in POLARITY]
    if sorted(POLARITY[words[place]] for place in places) != [0, 1]:
        raise ValueError(
            f"a twin exchanges one positive and one negative adjective, but the adjectives of {text!r} are "
            f"{polar_words(text)}. Take a review whose quadruple is not -1."
        )
    first, second = places
    words[first], words[second] = words[second], words[first]
    return " ".join(words)


def anagram_key(text: str) -> str:
    """The words of ``text`` in sorted order: equal for two texts exactly if their bags of words are."""
    return " ".join(sorted(text.split()))


def _split_frames(
    seed: int,
    quadruple: Callable[[random.Random, Pair, int], Quadruple],
    plain: Callable[[random.Random, Pair], str],
) -> Frames:
    """Deal the adjective pairs to the splits; fill each split with quadruples and plain reviews, shuffled."""
    rng = random.Random(seed)
    mixed, positive, negative = (_deal(rng, pairs) for pairs in (MIXED_PAIRS, POSITIVE_PAIRS, NEGATIVE_PAIRS))
    seen: set[str] = set()
    frames = {}
    for split, (quadruples, plains) in SIZES.items():
        rows = _quadruple_rows(rng, quadruples, mixed[split], quadruple, seen)
        while len(rows) < 4 * quadruples + plains:
            label = len(rows) % 2
            text = plain(rng, _pick(rng, (negative, positive)[label][split]))
            if text not in seen:
                seen.add(text)
                rows.append((text, label, -1, "plain", 0))
        frames[split] = _frame(_shuffled(rng, rows))
    return frames


def _quadruple_rows(
    rng: random.Random,
    count: int,
    pairs: Sequence[Pair],
    quadruple: Callable[[random.Random, Pair, int], Quadruple],
    seen: set[str],
) -> list[Row]:
    """Rows of ``count`` quadruples, none with a text in ``seen``, which takes up the new texts."""
    rows: list[Row] = []
    while len(rows) < 4 * count:
        number = len(rows) // 4
        family, denials, texts = quadruple(rng, _pick(rng, pairs), number)
        if seen.isdisjoint(text for text, _ in texts):
            seen.update(text for text, _ in texts)
            rows += [(text, label, number, family, denials) for text, label in texts]
    return rows


def _twin_quadruple(rng: random.Random, pair: Pair, number: int, denials: int) -> Quadruple:
    """A quadruple of the family whose turn it is, with ``denials`` denials before its core."""
    family = list(FAMILIES)[number % len(FAMILIES)]
    domain, slots = _slots(rng, pair)
    opening, closing = _opening_and_closing(rng, domain)
    silent = [speaker for speaker in SPEAKERS if speaker[0] != slots["who"]]
    for depth in range(denials):
        who, pronoun = speaker = _pick(rng, silent)
        silent.remove(speaker)
        denial = _pick(rng, DENIALS if depth == 0 else DENIALS[1:])  # an order cannot be what somebody says
        opening += denial.format(who=who, pronoun=pronoun) + " "
    forms = [f"{opening}{form.format(A='{}', B='{}', **slots)} .{closing}" for form in FAMILIES[family]]
    texts = [(text, label ^ denials % 2) for text, label in _fill(forms, pair)]
    return Quadruple(family, denials, texts)


def _fill(forms: Sequence[str], pair: Pair) -> list[tuple[str, int]]:
    """Both forms with the adjectives in both orders; the first decides in form 0, the second in form 1."""
    orders = (pair, pair[::-1])
    return [
        (form.format(*order), POLARITY[order[decides]])
        for decides, form in enumerate(forms)
        for order in orders
    ]


def _plain_review(rng: random.Random, pair: Pair) -> str:
    """A review with two adjectives of one polarity and no denial."""
    domain, slots = _slots(rng, pair)
    opening, closing = _opening_and_closing(rng, domain)
    first, second = _shuffled(rng, pair)
    return f"{opening}{_pick(rng, PLAIN).format(A=first, B=second, **slots)} .{closing}"


def _slots(rng: random.Random, pair: Pair) -> tuple[str, dict[str, str]]:
    """A domain that suits the adjectives, and words for a core's places: two aspects, a filler, a speaker."""
    domain = _pick(rng, STORIES if "gripping" in pair else tuple(DOMAINS))
    aspect, other = _shuffled(rng, DOMAINS[domain][1].split())[:2]
    return domain, {"N": aspect, "M": other, "mid": _pick(rng, FILLERS), "who": _pick(rng, SPEAKERS)[0]}


def _opening_and_closing(rng: random.Random, domain: str) -> tuple[str, str]:
    """The sentences before and after the core, each with the space that joins it; either may be missing."""
    opening = closing = ""
    if rng.random() < CHANCE["opening"]:
        opening = _pick(rng, OPENINGS).format(visit=DOMAINS[domain][0]) + " "
    if rng.random() < CHANCE["closing"]:
        closing = " " + _pick(rng, CLOSINGS).format(domain=domain)
    return opening, closing


def _deal(rng: random.Random, pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs, shuffled and dealt to the splits: no pair in two of them."""
    pairs = _shuffled(rng, pairs)
    validation = len(pairs) * PAIRS_OF_TWENTY["validation"] // 20
    test = validation + len(pairs) * PAIRS_OF_TWENTY["test"] // 20
    return {"train": pairs[test:], "validation": pairs[:validation], "test": pairs[validation:test]}


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["text", "label", "quadruple", "family", "denials"])


def _pick(rng: random.Random, options: Sequence[Item]) -> Item:
    return options[int(rng.random() * len(options))]


def _shuffled(rng: random.Random, items: Sequence[Item]) -> list[Item]:
    return sorted(items, key=lambda _: rng.random())
