"""Exercises of page 06, text to tensors: names, means over words, twins, a faulty pipeline, pairs."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import torch

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, a_function, same

# 06.2  The mean over the words of a padded batch


def vectors(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)  # the places of pads are not 0


def with_a_zero(batch: torch.Tensor) -> torch.Tensor:
    batch[1, 3, 0] = 0.0  # one number of a word's vector: a 0 does not make a pad
    return batch


PADDED = (
    (with_a_zero(vectors(3, 5, 2, seed=1)), torch.tensor([2, 5, 1])),
    (vectors(4, 6, 3, seed=2), torch.tensor([3, 1, 4, 2])),  # no row fills its batch
)


class Means(OnInputs):
    """The answer is a function of padded batches; say which reviews of which batch it gets wrong."""

    def describe(self, observed: list, right: list, tolerance: float) -> str:
        for (embedded, lengths), means, expected in zip(self.inputs, observed, right, strict=True):
            wide = f"In a batch {embedded.shape[1]} places wide with lengths {lengths.tolist()}"
            if shape_of(means) != shape_of(expected):
                return f"{wide} your result has shape {shape_of(means)}; asked for is {shape_of(expected)}."
            wrong = [n for n, row in enumerate(expected) if not same(means[n], row, tolerance)]
            if wrong:
                return f"{wide} these rows are not right yet: {', '.join(map(str, wrong))}."
        return ""


def shape_of(value: Any) -> list[int]:
    """The shape of nested lists, as observed tables are."""
    return [len(value), *shape_of(value[0])] if isinstance(value, list) and value else []


def share(guess: float) -> float:
    """A guess of 06.3 as a share: 980 of 1,000 and 0.98 are one answer."""
    return guess if 0 < guess <= 1 else guess / 1000


def words_only(embedded: torch.Tensor, lengths: torch.Tensor, one_more: int = 0) -> torch.Tensor:
    """embedded with 0 in the places of pads; `one_more` lets that many pads through."""
    real = torch.arange(embedded.shape[1]) < lengths[:, None] + one_more  # [batch, time]
    return embedded * real[..., None]


# 06.4  A pipeline with four faults

TRAIN = [
    "The plot was not dull, it was gripping!",
    "Gripping, gripping.",
    "The ending was not good but dull.",
    "A film about a bus.",
]
SMALL_WORDS = {"the", "a", "was", "not"}  # the stop words that occur more than once in TRAIN
NEW = ["A masterpiece, not dull.", "", "The bus was gripping."]


class Salted(str):
    """A word with a hash of its own choice, as every process has: what depends on hashes shows."""

    salt = 0

    def __hash__(self) -> int:
        return hash((Salted.salt, str.__hash__(self)))


def order_depends_on_hashes(prepare: Callable) -> bool:
    """Whether the words come in another order when their hashes are other ones."""
    scope = getattr(prepare, "__globals__", {})
    if "tokenize" not in scope:
        return False
    original, orders = scope["tokenize"], []
    scope["tokenize"] = lambda text: [Salted(token) for token in original(text)]
    try:
        for Salted.salt in (1, 2, 3):
            orders.append([str(word) for word in prepare(list(TRAIN), list(NEW))[0]])
    except Exception:  # mixes salted words with others: nothing can be said
        return False
    finally:
        scope["tokenize"] = original
    return orders != orders[:1] * 3


class Pipeline:
    """The answer is the function of 06.4; what it gives is observed property by property."""

    def __call__(self, prepare: Any) -> dict:
        tokenize = getattr(a_function(prepare), "__globals__", {}).get("tokenize", own_tokens)
        words, *parts = prepare(list(TRAIN), list(NEW))
        if len(parts) != 2 or any(len(part) != 2 for part in parts):
            raise NotAnAnswer("Return the words, then (ids, lengths) of train, then (ids, lengths) of new.")
        strange = [word for word in words if not isinstance(word, str)]
        if strange:
            raise NotAnAnswer(f"The list of words holds {strange[0]!r}, which is not a word.")
        words, (new_ids, new_lengths) = list(map(str, words)), parts[1]
        index = {word: place for place, word in enumerate(words)}
        tokens = [tokenize(text) for text in NEW]
        rows = [[index.get(token, 1) for token in part] or [1] for part in tokens]
        lengths = torch.as_tensor(new_lengths).tolist()
        ids = torch.as_tensor(new_ids).tolist()
        known = {token for text in TRAIN for token in tokenize(text)}
        only_new = {token for part in tokens for token in part} - known
        kept = [row[: len(own)] == own for row, own in zip(ids, rows, strict=True)]
        first, first_rows = ids[0][: lengths[0]], list(zip(tokens[0], rows[0], strict=True))
        without_unknown = [number for _, number in first_rows if number != 1]
        without_small = [number for token, number in first_rows if token not in SMALL_WORDS]
        return {
            "no word of the list stands in the new texts only": not set(words) & only_new,
            "every word of the list is a token of a training text": set(words[2:]) <= known,
            "the order of the words is the same in every process": not order_depends_on_hashes(prepare),
            "the small words of the training texts are in the list": set(words) >= SMALL_WORDS,
            "every training word is in the list, and every sign": known <= set(words),
            "an empty text has length 1 and is one <unk>": lengths[1] == 1 and ids[1][0] == 1,
            "no word gets id 0, which says that nothing stands there": all(ids[0][: lengths[0]]),
            "a word that is not in the list is not left out": first != without_unknown,
            "small words are not left out of a text": first != without_small,
            "ids and lengths are those of the tokens, with <unk>, id 1, where one is not in the list": all(
                kept[n] and lengths[n] == len(rows[n]) for n in (0, 2)
            ),
            "pads are 0 and stand to the right of the words": all(
                not any(row[max(1, length) :]) for row, length in zip(ids, lengths, strict=True)
            ),
            "<pad> is 0, <unk> is 1, and no word stands twice": words[:2] == ["<pad>", "<unk>"]
            and len(index) == len(words),
        }

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        missing = [name for name, holds in observed.items() if not holds]
        return f"{len(observed) - len(missing)} of {len(observed)} properties hold. Not yet: {missing[0]}."


def own_tokens(text: str) -> list[str]:
    """The tokens of the texts above; the page's tokenizer is used where the answer has one."""
    return text.lower().replace(",", " ,").replace(".", " .").replace("!", " !").split()


def mended(train: list[str], new: list[str]) -> tuple:
    counts = Counter(token for text in train for token in own_tokens(text))
    words = ["<pad>", "<unk>", *sorted(counts, key=lambda word: (-counts[word], word))]
    index = {word: place for place, word in enumerate(words)}
    parts = []
    for texts in (train, new):
        rows = [[index.get(word, 1) for word in own_tokens(text)] or [1] for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for n, row in enumerate(rows):
            ids[n, : len(row)] = torch.tensor(row)
        parts.append((ids, lengths))
    return words, *parts


def fails(start: str) -> Callable[[dict], bool]:
    """A test of what was seen: the property whose name begins like this does not hold."""
    return lambda seen: not next(holds for name, holds in seen.items() if name.startswith(start))


# 06.5  Pairs of neighbours


def pairs(tokens: list[str]) -> Counter:
    return Counter(" ".join(pair) for pair in pairwise(tokens))


EXERCISES = (
    Exercise(
        id="06.1",
        title="New numbers for old words",
        kind="vote",
        minutes=3,
        difficulty=2,
        hints=(
            "What does each of the two models do with an id: compute with it, or look something up?",
            "Write the four tiny reviews with new ids on paper, and move the rows of the table along. What "
            "does B see, before and after? And A?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("TV05", "a"),
            Fingerprint("TV10", "c"),
            Fingerprint("TV11", "d"),
        ),
        because="An id is a name. Whoever computes with names finds what the numbering put there.",
    ),
    Exercise(
        id="06.2",
        title="Divide by words, not by seats",
        kind="complete",
        minutes=5,
        difficulty=1,
        hints=(
            "Of the places 0, 1, 2, … of a row, which ones hold a word of a review of length 2?",
            "Make a table of True and False of shape [batch, time] first. Then ask which of the numbers in "
            "`kept` are summed for one review, and by how many words they must be shared.",
        ),
        answer=lambda embedded, lengths: words_only(embedded, lengths).sum(dim=1) / lengths[:, None],
        observe=Means(*PADDED),
        fingerprints=(
            Fingerprint("PL08", lambda embedded, lengths: words_only(embedded, lengths).mean(dim=1)),
            Fingerprint("PL08", lambda embedded, lengths: embedded.mean(dim=1)),
            Fingerprint(
                "PL08",
                lambda embedded, lengths: words_only(embedded, lengths).mean(dim=1) / lengths[:, None],
            ),
            Fingerprint(
                "PL12",
                lambda embedded, lengths: words_only(embedded, lengths, 1).sum(dim=1) / lengths[:, None],
            ),
            Fingerprint("PL13", lambda embedded, lengths: embedded.sum(dim=1) / lengths[:, None]),
            Fingerprint("PL14", lambda embedded, lengths: words_only(embedded, lengths).sum(dim=1)),
            Fingerprint(
                "PL15", lambda embedded, lengths: words_only(embedded, lengths).sum(dim=1) / lengths.max()
            ),
            Fingerprint(
                "PL15", lambda embedded, lengths: words_only(embedded, lengths).sum(dim=1) / lengths.sum()
            ),
            Fingerprint(
                "PL15",
                lambda embedded, lengths: embedded[:, : lengths.max()].sum(dim=1) / lengths[:, None],
            ),
            Fingerprint(
                "PL16",
                lambda embedded, lengths: (
                    (embedded - words_only(embedded, lengths)).sum(dim=1) / lengths[:, None]
                ),
            ),
        ),
        because="The same review, alone or in any company, with few pads or many: the same mean.",
    ),
    Exercise(
        id="06.3",
        title="The best bag of words",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "What does a model that gets only the counts see of a twin and of its anagram?",
            "Take one pair of twins. Their bags are equal. How many of the two can such a model have right, "
            "at best and at worst?",
        ),
        answer=500,
        also_right=(0.5, "50 %", "50%", "50 percent", "half", "500 of 1000", "500 of 1,000"),
        tolerance=1e-9,
        fingerprints=(
            Fingerprint("TV09", when=lambda guess: 0.9 <= share(guess) <= 1),
            Fingerprint("TV12", when=lambda guess: 0.5 < share(guess) < 0.9),
            Fingerprint(
                "TV13", when=lambda guess: 0 <= share(guess) < 0.5 and guess != 50
            ),  # 50 may mean percent
        ),
        because="Exactly one of each pair: not about one half, one half.",
    ),
    Exercise(
        id="06.4",
        title="Four faults that run",
        kind="find-the-bug",
        minutes=8,
        difficulty=3,
        hints=(
            "Which of the two lists of texts may the vocabulary know? Which collection in this code has no "
            "order?",
            "Print the words, twice, in two processes. Print ids and lengths of a text that is empty, of one "
            'with a word that training never had, and of "not dull".',
        ),
        answer=mended,
        observe=Pipeline(),
        fingerprints=(
            Fingerprint("TV01", when=fails("no word of the list stands")),
            Fingerprint("TV02", when=fails("the order of the words")),
            Fingerprint("TV06", when=fails("the small words")),
            Fingerprint("PL10", when=fails("an empty text")),
            Fingerprint("TV15", when=fails("no word gets id 0")),
            Fingerprint("TV14", when=fails("a word that is not in the list")),
            Fingerprint("TV06", when=fails("small words are not left out")),
        ),
        because="Everything here ran before, too, and every shape was right.",
    ),
    Exercise(
        id="06.5",
        title="A little order",
        kind="make",
        minutes=8,
        difficulty=2,
        hints=(
            "How many pairs of neighbours have four tokens? And one token?",
            "Write the pairs of not, dull, not, dull on paper, in their order, and count them.",
        ),
        answer=pairs,
        observe=OnInputs(
            (["the", "plot", "was", "not", "dull"],),
            (["not", "dull", "not", "dull"],),
            (["dull"],),
            ([],),
        ),
        fingerprints=(
            Fingerprint("TV09", lambda tokens: Counter(tokens)),
            Fingerprint("NG01", lambda tokens: Counter(" ".join(sorted(pair)) for pair in pairwise(tokens))),
            Fingerprint("NG02", lambda tokens: Counter(" ".join(pair) for pair in combinations(tokens, 2))),
            Fingerprint("NG02", lambda tokens: Counter(map(" ".join, zip(tokens, tokens[2:], strict=False)))),
            Fingerprint("NG03", lambda tokens: pairs(tokens[:-1])),
            Fingerprint("NG04", lambda tokens: pairs([*tokens[-1:], *tokens])),
            Fingerprint("NG05", lambda tokens: Counter(set(pairs(tokens)))),
            Fingerprint("NG06", lambda tokens: pairs(tokens) + Counter(tokens)),
            Fingerprint(
                "NG07",
                lambda tokens: Counter(" ".join(tokens[i : i + 2]) for i in range(0, len(tokens) - 1, 2)),
            ),
            Fingerprint(
                "NG08", lambda tokens: Counter(f"{right} {left}" for left, right in pairwise(tokens))
            ),
            Fingerprint("NG09", lambda tokens: Counter(pairwise(tokens))),
            Fingerprint("NG10", lambda tokens: [" ".join(pair) for pair in pairwise(tokens)]),
            Fingerprint("NG10", lambda tokens: {" ".join(pair) for pair in pairwise(tokens)}),
            *(
                Fingerprint("NG11", lambda tokens, sign=sign: Counter(map(sign.join, pairwise(tokens))))
                for sign in ("", "_", "-", ",", ", ")
            ),
            Fingerprint(
                "NG12", lambda tokens: Counter(" ".join(tokens[i : i + 2]) for i in range(len(tokens)))
            ),
            Fingerprint("NG13", lambda tokens: Counter(" ".join(tokens))),
            Fingerprint("NG13", lambda tokens: Counter("".join(map(" ".join, pairwise(tokens))))),
        ),
        because='"not dull" and "not gripping" are two features now: pairs see one step of order.',
    ),
)
