"""Page 09: mistakes and right answers, written as a reader would write them."""

WRONG = {
    "09.1": [
        ("LN02", "guess = 0.5"),
        ("LN03", "guess = 0"),
        ("CE02", "import math\nguess = math.log2(2)"),
        ("LN04", "guess = 2.3"),
        (None, "guess = 0.2"),
    ],
    "09.2": [
        (
            "EV06",
            "def accuracy(right, size):\n"
            "    shares = []\n"
            "    for r, s in zip(right, size):\n"
            "        shares.append(r / s)\n"
            "    return sum(shares) / len(shares)",
        ),
        (
            "EV12",
            "def accuracy(right, size):\n    for r, s in zip(right, size):\n        a = r / s\n    return a",
        ),
        ("EV13", "def accuracy(right, size):\n    return sum(right) / (size[0] * len(right))"),
        (None, "def accuracy(right, size):\n    return 1.0"),
    ],
    "09.3": [
        ("SE06", "def standard_error(accuracy, reviews):\n    return accuracy * (1 - accuracy) / reviews"),
        (
            "SE07",
            "import math\n"
            "def standard_error(accuracy, reviews):\n"
            "    return math.sqrt(accuracy * (1 - accuracy))",
        ),
        (
            "SE08",
            "import math\n"
            "def standard_error(p, n):\n"
            "    spread = math.sqrt(p * (1 - p))\n"
            "    return spread / n",
        ),
        ("SE09", "import math\ndef standard_error(p, n):\n    return math.sqrt(p / n)"),
        (None, "def standard_error(p, n):\n    return 0.0021"),
    ],
    "09.4": [
        (
            "EV02",
            "def report(validation, test):\n"
            "    best = max(range(len(test)), key=lambda e: test[e])\n"
            "    return test[best]",
        ),
        ("EV14", "def report(validation, test):\n    return test[len(validation) - 1]"),
        ("EV15", "def report(validation, test):\n    return sorted(validation)[-1]"),
        ("EV16", "import numpy as np\ndef report(validation, test):\n    return np.mean(test)"),
    ],
    "09.5": [("EV01", "vote = 'a'"), ("EV17", "vote = 'B'"), ("EV18", "vote = 'd)'")],
}

RIGHT = {
    "09.1": ["import math\nguess = math.log(2)", "guess = 0.69", "guess = 0.7"],
    "09.2": [
        "def accuracy(right, size):\n"
        "    total = 0\n"
        "    for r in right:\n"
        "        total += r\n"
        "    return total / sum(size)",
        "import torch\n"
        "def accuracy(right, size):\n"
        "    return torch.tensor(right).sum() / torch.tensor(size).sum()",
    ],
    "09.3": [
        "import math\ndef standard_error(p, n):\n    return math.sqrt(p * (1 - p)) / math.sqrt(n)",
        "import numpy as np\ndef standard_error(p, n):\n    return np.sqrt((p - p**2) / n)",
    ],
    "09.4": [
        "import numpy as np\ndef report(validation, test):\n    return test[int(np.argmax(validation))]",
        "def report(validation, test):\n    return max(zip(validation, test))[1]",
    ],
    "09.5": ["vote = 'C'"],
}
