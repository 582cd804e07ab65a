"""Page 00: mistakes and right answers, written as a reader would write them."""

SIZES = "vocabulary, embedding, hidden, classes"
COUNTED = f"    words, first, layer = count_parts({SIZES})\n"


def two(second: str) -> str:
    """An answer to 00.4 with this second memory."""
    return (
        f"def with_two_memories({SIZES}):\n{COUNTED}    second = {second}\n"
        "    return words + first + second + layer"
    )


def model(total: str) -> str:
    """An answer to 00.5 that returns this."""
    return f"def count_model({SIZES}, memories):\n{COUNTED}    return {total}"


WRONG = {
    "00.1": [
        ("SL01", "guess = 3 * 2.1"),
        ("SL02", "guess = 3"),
        ("SL03", "guess = 0.1"),
        (None, "guess = 0.7"),
        (None, "guess = 'a little'"),
    ],
    "00.2": [
        ("SL05", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return rise"),
        ("SL04", "def slope(f, w, nudge):\n    return f(w) / w"),
        ("SL06", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return nudge / rise"),
        ("SL07", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return rise * nudge"),
        ("SL08", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return rise / w"),
        ("SL08", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return rise / (w + nudge)"),
        ("SL04", "def slope(f, w, nudge):\n    return f(w + nudge) / nudge"),
        ("SL09", "def slope(f, w, nudge):\n    rise = f(w + nudge) - f(w)\n    return abs(rise) / nudge"),
        ("SL10", "def slope(f, w, nudge):\n    return f(1) - f(0)"),
        ("SL10", "def slope(f, w, nudge):\n    return f(w + 1) - f(w)"),
        (None, "def slope(f, w, nudge):\n    return round((f(w + nudge) - f(w)) / nudge)"),
        ("SL09", "def slope(f, w, nudge):\n    rise = f(w) - f(w + nudge)\n    return rise / nudge"),
        (None, "def slope(f, w, nudge):\n    return 3"),
        (None, "def slope(f, w, nudge):\n    return f(w + nudge)"),
    ],
    "00.3": [
        ("LN01", "vote = 'a'"),
        ("DC09", "vote = 'C'"),
        ("LR05", "vote = '(d)'"),
    ],
    "00.4": [
        ("PT01", two("first")),
        ("PT01", two("4 * hidden * (embedding + hidden + 2)")),
        ("PT02", two("4 * hidden * (hidden + 2)")),
        ("PT03", two("hidden * 4 * (hidden + hidden)")),
        ("PT03", two("8 * hidden ** 2")),
        ("PT04", two("hidden * (hidden + hidden + 2)")),
        ("PT05", two("0")),
        (None, two("first + hidden")),
        (None, two("torch_counts(vocabulary, embedding, hidden, classes, 2)[1]")),
    ],
    "00.5": [
        ("PT01", model("words + memories * first + layer")),
        ("PT02", model("words + first + (memories - 1) * 4 * hidden * (hidden + 2) + layer")),
        ("PT03", model("words + first + (memories - 1) * 8 * hidden * hidden + layer")),
        ("PT04", model("words + first + (memories - 1) * hidden * (2 * hidden + 2) + layer")),
        ("PT05", model("words + first + layer")),
        ("PT06", model("memories * (words + first + layer)")),
        ("PT07", model("words + first + memories * hidden * 4 * (hidden + hidden + 2) + layer")),
        ("PT07", model("words + first + (memories - 2) * hidden * 4 * (hidden + hidden + 2) + layer")),
        ("PT08", model("words + memories * hidden * 4 * (hidden + hidden + 2) + layer")),
        (None, model("words * first * layer * memories")),
    ],
}

RIGHT = {
    "00.1": ["guess = 3 * 0.1", "guess = '0.3'", "guess = 0.30000000000000004"],
    "00.2": [
        "def slope(function, at, step):\n    return (function(at + step) - function(at)) / step",
        "slope = lambda f, w, nudge: (f(w + nudge) - f(w - nudge)) / (2 * nudge)",
        "import torch\ndef slope(f, w, nudge):\n    return torch.tensor(f(w + nudge) - f(w)) / nudge",
    ],
    "00.3": ["vote = 'B'", "vote = ' b) '"],
    "00.4": [
        two("4 * hidden * (2 * hidden + 2)"),
        two("8 * hidden * (hidden + 1)"),
        two("torch_counts(hidden, hidden, hidden, classes)[1]"),
        "def with_two_memories(*sizes):\n    return sum(torch_counts(*sizes, memories=2))",
    ],
    "00.5": [
        "def count_model(*sizes):\n    return sum(torch_counts(*sizes))",
        "def count_model(words, embedding, hidden, classes, memories):\n"
        "    total, reads = words * embedding, embedding\n"
        "    for _ in range(memories):\n"
        "        total += 4 * hidden * (reads + hidden + 2)\n"
        "        reads = hidden\n"
        "    return total + classes * hidden + classes",
    ],
}
