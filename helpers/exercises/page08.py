"""Exercises of page 08, repairing the classifier: whose score moves, pads, two readers, a log, a bug hunt."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, a_function
from helpers.exercises.comparing import plain, same
from helpers.invariants import all_invariants

# 08.3  Two readers, one summary


class Summaries:
    """The answer is a function of (states, h_n), called on what bidirectional LSTMs of two sizes give."""

    sizes = ((3, 5, 2), (4, 2, 3))  # batch, time, hidden: all different, none 1

    def __init__(self) -> None:
        self.inputs = []
        for batch, time, hidden in self.sizes:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(batch)
                lstm = nn.LSTM(4, hidden, batch_first=True, bidirectional=True)
                states, (h_n, _) = lstm(torch.randn(batch, time, 4))
            self.inputs.append((states, h_n))

    def __call__(self, answer: Any) -> list:
        answer = a_function(answer)
        summaries = [answer(states.clone(), h_n.clone()) for states, h_n in self.inputs]
        if not all(isinstance(one, Tensor) or one is ... for one in summaries):
            raise NotAnAnswer("Return one tensor, a row for each review.")
        return summaries

    def describe(self, observed: list, right: list, tolerance: float) -> str:
        batch, time, hidden = self.sizes[0]
        shape = list(torch.tensor(observed[0]).shape)
        words = (
            f"For {batch} reviews, {time} words and {hidden} units a direction your summary has shape {shape}"
        )
        if shape != [batch, 2 * hidden]:
            return f"{words}; [{batch}, {2 * hidden}] is wanted."
        return f"{words}, as it should; its values are not right yet."


def both_ends(states: Tensor, h_n: Tensor) -> Tensor:
    return torch.cat([h_n[0], h_n[1]], dim=1)


def turned_over(states: Tensor, h_n: Tensor) -> Tensor:
    return h_n.transpose(1, 2).reshape(h_n.shape[1], -1)


def each_where_it_starts(states: Tensor, h_n: Tensor) -> Tensor:
    hidden = h_n.shape[2]
    return torch.cat([states[:, 0, :hidden], states[:, -1, hidden:]], dim=1)


# 08.4  An honest log


class Follower:
    """Reads no review: it answers with the commonest label of the batch that it was told last."""

    def __init__(self) -> None:
        self.mood, self.read = 0, []

    def answer(self, rows: Tensor) -> Tensor:
        self.read.append(rows.clone())
        return torch.full((len(rows),), self.mood)

    def learn(self, labels: Tensor) -> None:
        self.mood = int(2 * labels.sum() > len(labels))


SORTED_LABELS = torch.arange(1003) // 502  # 502 negative, then 501 positive: no multiple of a batch


def log_of(answer: Callable) -> dict:
    """What a solution of 08.4 reads and reports, for labels that come sorted."""
    a_function(answer)

    def epoch(generator: torch.Generator) -> tuple[list, list, Any]:
        follower = Follower()
        reported = answer(follower, SORTED_LABELS.clone(), generator)
        return torch.cat(follower.read).tolist(), [len(rows) for rows in follower.read], reported

    generator = torch.Generator().manual_seed(3)
    (first, sizes, reported), (second, _, _) = epoch(generator), epoch(generator)
    again, _, _ = epoch(torch.Generator().manual_seed(3))
    hits, batches = 0, []
    mood = 0
    for rows in torch.tensor(first).split(sizes):
        batches.append((SORTED_LABELS[rows] == mood).sum().item())
        hits, mood = hits + batches[-1], int(2 * SORTED_LABELS[rows].sum() > len(rows))
    known = {
        "right": hits / len(first),
        "mean of batches": sum(hit / size for hit, size in zip(batches, sizes, strict=True)) / len(sizes),
        "full batches": hits / (len(sizes) * sizes[0]),
        "all but the last batch": hits / max(1, (len(sizes) - 1) * sizes[0]),
        "count": hits,
        "last batch": batches[-1] / sizes[-1],
    }
    reported = plain(reported)
    if reported is not ... and not isinstance(reported, (int, float)):
        raise NotAnAnswer("Return one number: the share of right answers.")
    names = [name for name, value in known.items() if same(reported, value, 1e-6)]
    if not names and reported in [round(known["right"], digits) for digits in (3, 4, 5)]:
        names = ["right"]  # a log may round
    if not names and isinstance(reported, float) and reported > 1:
        names = ["above one"]
    return {
        "every review is read once in an epoch": sorted(first) == list(range(len(SORTED_LABELS))),
        "labels come mixed": hits / len(first) < 0.7,
        "the next epoch has another order": first != second,
        "the generator decides the order": first == again,
        "the share of all reviews is returned": names[0] if names else "another number",
    }


def running_accuracy(model: Follower, labels: Tensor, generator: torch.Generator) -> float:
    order = torch.randperm(len(labels), generator=generator)
    right = 0
    for rows in order.split(32):
        right += (model.answer(rows) == labels[rows]).sum().item()
        model.learn(labels[rows])
    return right / len(labels)


def fails(what: str) -> Callable[[dict], bool]:
    """A test of what was seen in 08.4: every review is read, and this does not hold."""
    return lambda seen: seen["every review is read once in an epoch"] and not seen[what]


def reports(what: str) -> Callable[[dict], bool]:
    return lambda seen: seen["the share of all reviews is returned"] == what


# 08.5  Three planted bugs

SIZES = (30, 6, 7, 3)  # vocabulary, embedding, hidden, classes
LENGTHS = torch.tensor([6, 3, 1, 5])
IDS = torch.tensor([[5, 9, 5, 2, 17, 9], [21, 4, 3, 0, 0, 0], [8, 0, 0, 0, 0, 0], [9, 9, 12, 29, 6, 0]])


def hunted(
    read: str = "right", *, axes: str = "right", clamp: bool = True, time_first: bool = False
) -> type[nn.Module]:
    """The class of 08.5, mended but for the place that it reads and its axes: see `places_of`, `states_of`.

    time_first: whether it takes its states for [time, batch, hidden]; only its errors tell the difference.
    """

    class Suspect(nn.Module):
        def __init__(self, vocab_size: int, embedding_dim: int, hidden_dim: int, num_classes: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
            self.lstm = nn.LSTM(embedding_dim, hidden_dim)
            self.fc = nn.Linear(hidden_dim, num_classes)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            embedded = F.dropout(self.embedding(ids), 0.2, training=self.training)
            states = states_of(self.lstm, embedded, axes)  # [batch, time, hidden]
            rows, places = torch.arange(len(ids)), places_of(lengths, ids.shape[1], read, clamp)
            if time_first and axes == "right":
                states = states.transpose(0, 1)  # [time, batch, hidden]
            return self.fc(states[places, rows] if time_first else states[rows, places])

    return Suspect


def states_of(lstm: nn.LSTM, embedded: Tensor, axes: str) -> Tensor:
    """What a class takes for the states [batch, time, hidden], its axes handled in one of four ways."""
    batch, time, size = embedded.shape
    time_first, batch_first = (nn.LSTM(size, lstm.hidden_size, batch_first=first) for first in (False, True))
    time_first.load_state_dict(lstm.state_dict())
    batch_first.load_state_dict(lstm.state_dict())
    return {
        "right": lambda: batch_first(embedded)[0],
        "view": lambda: time_first(embedded.reshape(time, batch, size))[0].transpose(0, 1),
        "as they come": lambda: time_first(embedded)[0],
        "batch_first and view": lambda: batch_first(embedded.reshape(time, batch, size))[0].transpose(0, 1),
    }[axes]()


def places_of(lengths: Tensor, time: int, read: str, clamp: bool = True) -> Tensor:
    """The time at which each review is read: at its last word, before it, after it, or at the batch's end."""
    places = {
        "right": lengths - 1,
        "length": lengths,
        "end": torch.full_like(lengths, time - 1),
        "two off": lengths - 2,
        "two off the longest": lengths.clamp(max=time - 1) - 1,
    }[read]
    return places.clamp(max=time - 1) if clamp else places


AXES = {"view": "MB08", "as they come": "BF01", "batch_first and view": "BF03", "right": ""}
READS = {"length": "PL07", "end": "PL01", "two off": "PL23", "two off the longest": "PL23", "right": ""}


@torch.no_grad()
def looks_like(model: nn.Module, logits: Tensor) -> str:
    """The mistake that gives these logits with this model's own weights; "" if none that is known."""
    if logits.dim() > 2:  # [batch, batch, classes]: every review at the moment of every other
        return "BF12"
    try:
        embedded = model.embedding(IDS)  # [batch, time, embedding]
        for axes, of_axes in AXES.items():
            states = states_of(model.lstm, embedded, axes)
            for read, of_read in READS.items():
                summary = states[torch.arange(len(IDS)), places_of(LENGTHS, IDS.shape[1], read)]
                if torch.allclose(model.fc(summary), logits, atol=1e-6):
                    turned_twice = of_axes == "BF01" and model.lstm.batch_first  # gives the same numbers
                    return "BF03" if turned_twice else of_axes or of_read
    except Exception:  # other layers than the given ones: the properties alone speak
        return ""
    return ""


def a_model(mended: Any, sizes: tuple[int, ...]) -> nn.Module:
    """A model of these sizes, of the class that the answer must be. Page 11 asks for one, too."""
    model = mended(*sizes) if callable(mended) else None
    if not isinstance(model, nn.Module):
        raise NotAnAnswer("Give the class, without brackets behind its name: mended = Suspect.")
    return model


def properties(mended: Any) -> dict:
    """The four properties of a mended class, whether its dropout still works, and what it looks like."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        model = a_model(mended, SIZES).train()
        drops = not torch.equal(model(IDS, LENGTHS), model(IDS, LENGTHS))
        model.eval()
        found = {finding.name: finding.holds for finding in all_invariants(model, IDS, LENGTHS)}
        known = looks_like(model, model(IDS, LENGTHS))
    return {**found, "dropout in training": drops, "known": known}


class Properties:
    """The answer is a class; it is judged by what it does, not by how it is written."""

    def __call__(self, answer: Any) -> dict:
        return properties(answer)

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        broken = [name for name in right if name != "known" and observed[name] != right[name]]
        holds = [name for name in right if name != "known" and name not in broken]
        words = f"Still broken: {', '.join(broken)}." if broken else "All properties hold."
        return words + (f" Already right: {', '.join(holds)}." if holds and broken else "")


def is_known(mistake: str) -> Callable[[dict], bool]:
    return lambda seen: seen["known"] == mistake.lower()


EXERCISES = (
    Exercise(
        id="08.1",
        title="Whose score moves?",
        kind="predict",
        minutes=3,
        difficulty=1,
        hints=(
            "What does this LSTM take for time: the words of a review, or the reviews of the batch?",
            "Write the last column from top to bottom, as on paper. Which entries of the running state have "
            "the changed token in them?",
        ),
        answer=[1, 2, 3],
        also_right=([3, 2, 1],),
        fingerprints=(
            Fingerprint("BF01", [1]),
            Fingerprint("BF05", [0, 1, 2, 3]),
            Fingerprint("BF06", [0, 1]),
            Fingerprint("BF07", []),
            Fingerprint("BF08", [2, 3]),
            Fingerprint("BF09", [1, 2]),
            Fingerprint("BF10", [2, 3, 4]),
            Fingerprint("BF11", [3]),
        ),
        because="The rows are its time: what stands in row 1 is heard in row 1 and in every row below it.",
    ),
    Exercise(
        id="08.2",
        title="Nineteen pads",
        kind="vote",
        minutes=3,
        difficulty=2,
        hints=(
            "Put x = 0 into the four gates. Which terms are left?",
            "Without x the gates still have their biases and the old state h. What does the forget gate do "
            "to the memory at each such step?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("PL02", "a"),
            Fingerprint("PL21", "c"),
            Fingerprint("PL22", "d"),
        ),
        because="Zero in does not mean that nothing happens. Run the next cell and watch the state move.",
    ),
    Exercise(
        id="08.3",
        title="Two readers, one summary",
        kind="complete",
        minutes=4,
        difficulty=2,
        hints=(
            "At which end of the review does each of the two readers finish?",
            "h_n holds one finished state for each direction. Lay the two of each review beside each other.",
        ),
        answer=both_ends,
        observe=Summaries(),
        also_right=(
            lambda states, h_n: torch.cat([h_n[1], h_n[0]], dim=1),
            lambda states, h_n: h_n.permute(1, 2, 0).flatten(1),  # unit by unit, the readers in turn
        ),
        fingerprints=(
            Fingerprint("HS05", lambda states, h_n: states[:, -1]),
            Fingerprint("HS05", lambda states, h_n: states[:, 0]),
            Fingerprint("HS06", lambda states, h_n: h_n.reshape(h_n.shape[1], -1)),
            Fingerprint("HS06", lambda states, h_n: h_n.flatten(1)),
            Fingerprint("HS06", turned_over),
            Fingerprint("HS07", lambda states, h_n: h_n[-1]),
            Fingerprint("HS07", lambda states, h_n: h_n[0]),
            Fingerprint("HS11", lambda states, h_n: h_n[0] + h_n[1]),
            Fingerprint("HS11", lambda states, h_n: h_n.mean(dim=0)),
            Fingerprint("HS12", lambda states, h_n: torch.cat([h_n[0], h_n[1]])),
            Fingerprint("HS13", each_where_it_starts),
            Fingerprint("HS14", lambda states, h_n: h_n),
            Fingerprint("HS14", lambda states, h_n: h_n.transpose(0, 1)),
            Fingerprint("HS14", lambda states, h_n: h_n.permute(1, 2, 0)),
            Fingerprint("HS15", lambda states, h_n: torch.cat([states[:, 0], states[:, -1]], dim=1)),
            Fingerprint("HS15", lambda states, h_n: torch.cat([states[:, -1], states[:, 0]], dim=1)),
        ),
        because="Each reader is asked where it has finished. (With pads the second one must also be told "
        "where to start.)",
    ),
    Exercise(
        id="08.4",
        title="An honest log",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "Which order makes the last batch say nothing about the next one? And of how many reviews is the "
            "share taken?",
            "The generator can shuffle the numbers 0 to n − 1. The share counts every review once, whichever "
            "batch it stood in.",
        ),
        answer=running_accuracy,
        observe=log_of,
        fingerprints=(
            Fingerprint("EV19", when=lambda seen: not seen["every review is read once in an epoch"]),
            Fingerprint("EV03", when=fails("labels come mixed")),
            Fingerprint("SE10", when=fails("the generator decides the order")),
            Fingerprint("SE02", when=fails("the next epoch has another order")),
            Fingerprint("EV13", when=reports("full batches")),
            Fingerprint("EV13", when=reports("all but the last batch")),
            Fingerprint("EV06", when=reports("mean of batches")),
            Fingerprint("EV12", when=reports("last batch")),
            Fingerprint("EV20", when=reports("count")),
            Fingerprint("EV20", when=reports("above one")),
        ),
        because="Now the model without eyes scores like a coin, in the log as in life.",
    ),
    Exercise(
        id="08.5",
        title="Three planted bugs",
        kind="find-the-bug",
        minutes=12,
        difficulty=3,
        hints=(
            "Run the four tests first. Which failure would make all the others unreliable?",
            "A noisy model fails for free, so make it answer twice alike first. Then write the shape behind "
            "each line: which axis does the LSTM take for time? Last, take a review of 3 words and say aloud "
            "which place is read.",
        ),
        answer=hunted(),
        observe=Properties(),
        fingerprints=(
            Fingerprint("TE05", when=lambda seen: not seen["evaluate twice"]),
            Fingerprint("MB08", when=is_known("MB08")),
            Fingerprint("BF01", when=is_known("BF01")),
            Fingerprint("BF03", when=is_known("BF03")),
            Fingerprint("PL07", when=is_known("PL07")),
            Fingerprint("PL01", when=is_known("PL01")),
            Fingerprint("PL23", when=is_known("PL23")),
            Fingerprint("BF12", when=is_known("BF12")),
            Fingerprint("BF01", hunted(axes="as they come", clamp=False, time_first=True)),
            Fingerprint("PL07", hunted("length", clamp=False)),
            Fingerprint("PL07", hunted("length", clamp=False, time_first=True)),
            Fingerprint("TE06", when=lambda seen: not seen["dropout in training"]),
        ),
        because="All four properties hold, and the dropout still works. No accuracy was needed to get here.",
    ),
)
