"""Page 02: mistakes and right answers, written as a reader would write them."""

LEDGER = 'ledger = {{"v": [6.0], "u": {}, "x": {}, "y": {}}}'

SOFTPLUS = (
    "def softplus(z):\n    small = math.exp(-abs(z.data))\n"
    "    result = max(z.data, 0.0) + math.log1p(small)\n    return {}\n"
)

WRONG = {
    "02.1": [
        ("DC04", "guess = 7"),
        ("DC04", "guess = 18"),
        ("DC04", "guess = 15"),
        ("TG12", "guess = 1 * 3 * 6 * 15"),
        ("TG01", "guess = 29"),
        ("DC16", "guess = 1 + 3"),
        (None, "guess = 41"),
    ],
    "02.2": [
        ("DC04", LEDGER.format("[9.0, 6.0]", "[30.0]", "[45.0]")),
        ("DC04", LEDGER.format("[9.0, 6.0]", "[6.0]", "[45.0]")),
        ("DC04", LEDGER.format("[9.0]", "[18.0, 7.0]", "[28.0]")),
        ("TG01", LEDGER.format("[9.0, 6.0]", "[18.0, 30.0, 6.0]", "[27.0, 45.0]")),
        ("DC17", LEDGER.format("[9.0, 6.0]", "[45.0, 6.0]", "[30.0]")),
        ("TG02", LEDGER.format("[9.0, 6.0]", "[12.0, 6.0]", "[18.0]")),
        ("TG13", LEDGER.format("[9.0, 6.0]", "[18.0, 6.0]", "[27.0]")),
        ("TG13", LEDGER.format("[9.0, 6.0]", "[30.0, 6.0]", "[27.0]")),
        ("TG15", LEDGER.format("[9.0, 1.0]", "[20.0, 6.0]", "[30.0]")),
        ("TG15", LEDGER.format("[9.0, 6.0]", "[2.0, 1.0]", "[3.0]")),
        ("TG15", LEDGER.format("[9.0, 6.0]", "[30.0, 6.0]", "[3.0]")),
        (None, LEDGER.format("[9.0, 6.0]", "[30.0, 6.0]", "[15.0]")),
        (None, LEDGER.format("15.0", "36.0", "45.0")),
        (None, LEDGER.format("[9.0, 6.0]", "[18.0, 12.0, 6.0]", "[27.0, 18.0]")),
        (None, "ledger = [6, 15, 36, 45]"),
    ],
    "02.3": [
        ("TG02", "order = 'dfbceg'"),
        ("TG14", "order = 'dfbhea'"),
        ("TG06", "order = 'dbcea'"),
        ("TG16", "order = 'dbfcea'"),
        ("TG16", "order = 'dfcea'"),
        ("TG16", "order = 'dfceba'"),
        ("TG16", "order = 'dbcfea'"),
        (None, "order = 'dbceaf'"),
        (None, "order = 'fdbcea'"),
        (None, "order = 'dfbcae'"),
        (None, "order = 'xyz'"),
    ],
    "02.4": [
        ("DC08", "vote = 'a'"),
        ("DC09", "vote = 'c'"),
        ("DC10", "vote = 'd'"),
    ],
    "02.5": [
        ("OV01", "def softplus(z):\n    return (1 + z.exp()).log()"),
        (
            "OV01",
            "def softplus(z):\n    v = math.exp(z.data)\n"
            "    return Value(math.log(1 + v), (z,), (v / (1 + v),), 'softplus')",
        ),
        (
            "OV01",
            "def softplus(z):\n    result = z.data + math.log1p(math.exp(-z.data))\n"
            "    return Value(result, (z,), (z.sigmoid().data,), 'softplus')",
        ),
        ("TG07", SOFTPLUS.format("Value(result)")),
        (
            "TG07",
            "def softplus(z):\n    try:\n        return (1 + z.exp()).log()\n"
            "    except OverflowError:\n        return Value(z.data)",
        ),
        ("DC18", SOFTPLUS.format("Value(result, (z,), ((s := z.sigmoid().data) * (1 - s),), 'softplus')")),
        ("DC18", SOFTPLUS.format("Value(result, (z,), (result * (1 - result),), 'softplus')")),
        ("DC15", SOFTPLUS.format("Value(result, (z,), (result,), 'softplus')")),
        (None, SOFTPLUS.format("Value(result, (z,), (1.0,), 'softplus')")),
        (None, SOFTPLUS.format("Value(result, (z,), (small / (1 + small),), 'softplus')")),
        (None, SOFTPLUS.format("Value(result, (z.data,), (z.sigmoid().data,), 'softplus')")),
        (None, "def softplus(z):\n    return torch.nn.functional.softplus(torch.tensor(z.data))"),
        (None, SOFTPLUS.format("result")),
        (None, SOFTPLUS.format("Value(result, (z,), (z.sigmoid(),), 'softplus')")),
        (None, SOFTPLUS.format("Value(result, z, z.sigmoid().data, 'softplus')")),
    ],
}

RIGHT = {
    "02.1": ["guess = 1 + 3 + 6 + 15", "guess = 7 * 1 + 6 * 3", "guess = '25'"],
    "02.2": [
        LEDGER.format("[9, 6]", "[6, 30]", "45"),
        'ledger = {"y": (45,), "x": (30, 6), "u": (6, 9), "v": (6,)}',
    ],
    "02.3": ["order = 'd f b c e a'", "order = ['d', 'f', 'b', 'c', 'e', 'a']"],
    "02.4": ["vote = 'B'"],
    "02.5": [
        SOFTPLUS.format("Value(result, (z,), (1 - math.exp(-result),), 'softplus')"),
        "def softplus(z):\n    if z.data > 0:\n        return z + (1 + (-z).exp()).log()\n"
        "    return (1 + z.exp()).log()",
        "def softplus(z):\n    return z.relu() + (1 + (z.relu() * -2 + z).exp()).log()",
    ],
}
