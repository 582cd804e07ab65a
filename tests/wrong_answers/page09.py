"""Page 09: mistakes and right answers, written as a reader would write them."""

LOOP = """from torch.nn import functional as F
def learn_by_heart(model, batch, steps=200):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(steps):
        BEFORE
        logits = model(batch.ids, batch.lengths)
        loss = F.cross_entropy(logits, batch.labels)
        loss.backward()
        AFTER
        losses.append(loss.item())
    return losses
"""
CLOCK = """def seconds_of(work, device):
    BEFORE
    start = device.clock()
    work()
    AFTER
"""
REPORT = """def report(validation, labels, answers):
    best = validation.index(max(validation))
    given = answers[best]
    accuracy = sum(a == b for a, b in zip(labels, given)) / len(labels)
    hits = sum(a * b for a, b in zip(labels, given))
    RETURN
"""


def loop(before: str, after: str) -> str:
    return LOOP.replace("BEFORE", before).replace("AFTER", after)


def clock(before: str, after: str) -> str:
    return CLOCK.replace("BEFORE", before).replace("AFTER", after)


WRONG = {
    "09.1": [
        ("EV01", "guess = 0.5"),
        ("EV21", "guess = 0.75"),
        ("EV21", "guess = 1"),
        ("EV22", "guess = 0.02"),
        ("EV24", "guess = 57"),
        (None, "guess = 0.6"),
    ],
    "09.2": [
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
        ("SE11", "def standard_error(p, n):\n    return 1.96 * (p * (1 - p) / n) ** 0.5"),
        ("SE12", "def standard_error(p, n):\n    return p * (1 - p) / n**0.5"),
        ("EV24", "def standard_error(p, n):\n    return 100 * (p * (1 - p) / n) ** 0.5"),
        (None, "def standard_error(p, n):\n    return 0.0021"),
    ],
    "09.3": [
        ("ZG01", loop("pass", "optimizer.step()")),
        ("ZG03", loop("pass", "optimizer.zero_grad()\n        optimizer.step()")),
        ("DC08", loop("optimizer.zero_grad()", "pass")),
        (None, loop("optimizer.zero_grad()", "optimizer.step()").replace("0.02", "1e-5")),
    ],
    "09.4": [
        ("AM01", 'order = "debhac"'),
        ("AM01", 'order = "debac"'),
        ("AM03", 'order = "dehba"'),
        ("AM04", 'order = "dghbac"'),
        ("AM05", 'order = "dehbfc"'),
        ("ZG01", 'order = "ehbac"'),
        ("ZG03", 'order = "edhbac"'),
        ("AM06", 'order = "dehabc"'),
        ("AM06", 'order = "dehacb"'),
        ("AM07", 'order = "dehbca"'),
        ("AM07", 'order = "cdehba"'),
        (None, 'order = "dhebac"'),
    ],
    "09.5": [
        ("GP01", clock("pass", "return device.clock() - start")),
        ("GP01", clock("device.synchronize()", "return device.clock() - start")),
        ("GP09", clock("pass", "device.synchronize()\n    return device.clock() - start")),
        (
            "GP08",
            clock(
                "device.synchronize()",
                "seconds = device.clock() - start\n    device.synchronize()\n    return seconds",
            ),
        ),
        (
            "GP10",
            "def seconds_of(work, device):\n"
            "    device.synchronize()\n"
            "    work()\n"
            "    start = device.clock()\n"
            "    device.synchronize()\n"
            "    return device.clock() - start",
        ),
    ],
    "09.6": [
        (
            "EV02",
            REPORT.replace(
                "validation.index(max(validation))",
                "max(range(len(answers)), key=lambda e: sum(a == b for a, b in zip(labels, answers[e])))",
            ).replace("RETURN", "return accuracy, hits / sum(given), hits / sum(labels)"),
        ),
        ("EV05", REPORT.replace("RETURN", "return accuracy, hits / sum(labels), hits / sum(given)")),
        (
            "EV14",
            REPORT.replace("validation.index(max(validation))", "-1").replace(
                "RETURN", "return accuracy, hits / sum(given), hits / sum(labels)"
            ),
        ),
        (
            "EV15",
            REPORT.replace("RETURN", "return max(validation), hits / sum(given), hits / sum(labels)"),
        ),
        (
            "EV23",
            REPORT.replace("a * b for", "(1 - a) * (1 - b) for").replace(
                "RETURN", "return accuracy, hits / given.count(0), hits / labels.count(0)"
            ),
        ),
        (
            "EV24",
            REPORT.replace(
                "RETURN", "r = [accuracy, hits / sum(given), hits / sum(labels)]\n    RETURN"
            ).replace("RETURN", "return [100 * share for share in r]"),
        ),
        (None, REPORT.replace("RETURN", "return accuracy, 1.0, 1.0")),
    ],
}

RIGHT = {
    "09.1": ["guess = 0.57", "guess = 0.58", "guess = 0.5 + 2.25 * (0.25 / 250) ** 0.5"],
    "09.2": [
        "import math\ndef standard_error(p, n):\n    return math.sqrt(p * (1 - p)) / math.sqrt(n)",
        "import numpy as np\ndef standard_error(p, n):\n    return np.sqrt((p - p**2) / n)",
    ],
    "09.3": [
        loop("for p in model.parameters():\n            p.grad = None", "optimizer.step()"),
        loop("pass", "optimizer.step()\n        optimizer.zero_grad()"),
        loop("model.zero_grad()", "optimizer.step()").replace("loss.item()", "loss"),
        loop("optimizer.step()\n        optimizer.zero_grad()", "pass"),
    ],
    "09.4": ['order = "d e h b a c"', 'order = ["e", "h", "b", "a", "c", "d"]'],
    "09.5": [
        "import torch\n"
        + clock(
            "device.synchronize()", "device.synchronize()\n    end = device.clock()\n    return end - start"
        )
    ],
    "09.6": [
        REPORT.replace("RETURN", "return [accuracy, hits / sum(given), hits / sum(labels)]"),
        "from sklearn.metrics import accuracy_score, precision_score, recall_score\n"
        "import numpy as np\n"
        "def report(validation, labels, answers):\n"
        "    given = answers[int(np.argmax(validation))]\n"
        "    return (accuracy_score(labels, given), precision_score(labels, given),"
        " recall_score(labels, given))",
    ],
}
