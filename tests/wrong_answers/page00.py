"""Page 00: mistakes and right answers, written as a reader would write them."""

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
        (None, "def slope(f, w, nudge):\n    return 3"),
        (None, "def slope(f, w, nudge):\n    return f(w + nudge)"),
    ],
    "00.3": [
        ("LN01", "vote = 'a'"),
        ("DC09", "vote = 'C'"),
        ("LR05", "vote = '(d)'"),
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
}
