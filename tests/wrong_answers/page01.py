"""Page 01: mistakes and right answers, written as a reader would write them."""

CUBE = "def slope_of_cube(x):\n    u = 5 - 2 * x\n    outer = 3 * u**2\n    return {}\n"
TANH = "def slope_of_tanh(x):\n    outer = 1 - {} ** 2\n    inner = {}\n    return outer * inner\n"
GOOD_CUBE, GOOD_TANH = CUBE.format("outer * -2"), TANH.format("math.tanh(3 * x)", "3")

CHECK = "def is_right(own, f, x):\n    h = {}\n    measured = {}\n    return {}\n"
BOTH_SIDES = "(f(x + h) - f(x - h)) / (2 * h)"
SHARE = "abs(own - measured) / max(abs(own), abs(measured)) < 1e-6"

SOFTPLUS = "def softplus_and_slope(z):\n    v = math.exp(z)\n    q = 1 + v\n    return math.log(q), {}\n"

WRONG = {
    "01.1": [
        ("DC01", "guess = 2"),
        ("DC11", "guess = x"),
        ("DC12", "guess = 3 + 2"),
        ("DC12", "guess = 3 + 1 + 1 + 2"),
        ("DC13", "guess = -6"),
        ("SL03", "guess = 1"),
        ("SL05", "guess = 0.006"),
        ("SL05", "guess = 0.006009"),
        ("SL11", "guess = 15"),
        ("FD03", "guess = 6.009"),
        (None, "guess = 40"),
    ],
    "01.2": [
        ("DC01", CUBE.format("outer") + GOOD_TANH),
        ("DC01", GOOD_CUBE + TANH.format("math.tanh(3 * x)", "1")),
        ("DC02", GOOD_CUBE + TANH.format("math.tanh(x)", "3")),
        ("DC06", GOOD_CUBE + TANH.format("(3 * x)", "3")),
        ("DC06", GOOD_CUBE + TANH.format("x", "3")),
        ("DC12", CUBE.format("outer + -2") + GOOD_TANH),
        ("DC14", CUBE.format("outer * 2") + GOOD_TANH),
        ("DC19", CUBE.format("outer * (5 - 2 * x)") + GOOD_TANH),
        ("DC19", GOOD_CUBE + TANH.format("math.tanh(3 * x)", "3 * x")),
        (None, GOOD_CUBE + TANH.format("math.tanh(3)", "3")),
        (None, "slope_of_cube, slope_of_tanh = 1, 2"),
    ],
    "01.3": [
        ("FD07", "guess = 'a'"),
        ("FD07", "guess = 'b'"),
        ("FD01", "guess = 'd'"),
    ],
    "01.4": [
        ("FD01", CHECK.format("1e-15", BOTH_SIDES, SHARE)),
        (
            "FD02",
            "def is_right(own, f, x):\n    x = np.float32(x)\n    h = np.float32(1e-5)\n"
            f"    measured = {BOTH_SIDES}\n    return {SHARE}\n",
        ),
        ("FD03", CHECK.format("1e-5", "(f(x + h) - f(x)) / h", SHARE)),
        ("FD05", CHECK.format("1e-5", BOTH_SIDES, "abs(own - measured) < 1e-6")),
        ("FD05", CHECK.format("1e-5", BOTH_SIDES, "round(own, 6) == round(measured, 6)")),
        ("FD05", CHECK.format("1e-5", BOTH_SIDES, "np.isclose(own, measured)")),
        ("FD05", CHECK.format("1e-5", BOTH_SIDES, "abs(own - measured) < 1e-9")),
        ("FD07", CHECK.format("0.1", BOTH_SIDES, SHARE)),
        ("FD08", CHECK.format("1e-5", BOTH_SIDES, "(own - measured) / max(abs(own), abs(measured)) < 1e-6")),
        ("FD08", CHECK.format("1e-5", BOTH_SIDES, "(own - measured) / own < 1e-6")),
        ("FD09", CHECK.format("1e-5", "(f(x + h) - f(x - h)) / h", SHARE)),
        ("FD10", CHECK.format("1e-5", BOTH_SIDES, "abs(own - measured) / max(own, measured) < 1e-6")),
        ("FD10", CHECK.format("1e-5", BOTH_SIDES, "abs(own - measured) / own < 1e-6")),
        ("FD11", CHECK.format("1e-5", BOTH_SIDES, "abs(abs(own) / abs(measured) - 1) < 1e-6")),
        (None, CHECK.format("1e-5", BOTH_SIDES, "np.isclose(own, measured, atol=0)")),  # ten times too lax
        (None, CHECK.format("1e-5", BOTH_SIDES, SHARE.replace("<", ">"))),
        (
            None,
            "def is_right(own, f, x):\n    x = torch.tensor(x, requires_grad=True)\n"
            "    f(x).backward()\n    return abs(own / x.grad.item() - 1) < 1e-6",
        ),
        (None, CHECK.format("1e-5", BOTH_SIDES, "True or measured")),
        (None, "def is_right(own, f, x):\n    return True"),
        (None, CHECK.format("1e-5", BOTH_SIDES, "abs(own - measured) / max(own, measured) < 1e-3")),
        (None, "is_right = 'yes'"),
    ],
    "01.5": [
        ("DC01", SOFTPLUS.format("1 / q")),
        ("DC02", SOFTPLUS.format("1 / z * v")),
        ("DC02", SOFTPLUS.format("1 / v * v")),
        ("DC20", SOFTPLUS.format("1 / q * z * math.exp(z - 1)")),
        ("DC11", SOFTPLUS.format("v")),
        ("DC12", SOFTPLUS.format("v + 1 + 1 / q")),
        ("DC12", SOFTPLUS.format("v + 1 / q")),
        (None, SOFTPLUS.format("0.5")),
        (None, SOFTPLUS.format("v / q").replace("math.log(q), v / q", "v / q, math.log(q)")),
        (None, "def softplus_and_slope(z):\n    return math.log(1 + math.exp(z))"),
    ],
}

RIGHT = {
    "01.1": ["guess = 2 * 1 * 1 * 3", "guess = '6'", "guess = 2 * e * x"],
    "01.2": [
        "slope_of_cube = lambda x: -6 * (5 - 2 * x) ** 2\n"
        "slope_of_tanh = lambda x: 3 / math.cosh(3 * x) ** 2",
        "slope_of_cube = lambda x: central_difference(lambda x: (5 - 2 * x) ** 3, x)\n" + GOOD_TANH,
    ],
    "01.3": ["guess = 'C'", "guess = '(c)'"],
    "01.4": [
        CHECK.format("1e-6", BOTH_SIDES, "math.isclose(own, measured, rel_tol=1e-6)"),
        "def is_right(own, f, x):\n    m = central_difference(f, x)\n    return abs(own / m - 1) < 1e-6",
        CHECK.format("1e-4", BOTH_SIDES, "np.isclose(own, measured, rtol=1e-6, atol=0)"),
        "def is_right(own, f, x):\n    x = np.float64(x)\n    h = 1e-5 * abs(x)\n"
        f"    measured = {BOTH_SIDES}\n    return abs(own - measured) / (abs(own) + abs(measured)) < 1e-6",
    ],
    "01.5": [
        SOFTPLUS.format("1 / q * 1 * v"),
        "def softplus_and_slope(z):\n    return [math.log1p(math.exp(z)), 1 / (1 + math.exp(-z))]",
        "def softplus_and_slope(z):\n    z = torch.tensor(z, dtype=torch.float64, requires_grad=True)\n"
        "    r = (1 + z.exp()).log()\n    r.backward()\n    return r.item(), z.grad.item()",
    ],
}
