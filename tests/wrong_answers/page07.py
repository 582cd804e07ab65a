"""Page 07: mistakes and right answers, written as a reader would write them."""


def coupled(dc0: str, df: str) -> str:
    return (
        "def coupled_back(dc, f, g, c0):\n"
        "    dg = dc * (1 - f)\n"
        f"    dc0 = {dc0}\n"
        f"    df = {df}\n"
        "    return dg, dc0, df"
    )


LSTM = "    lstm = nn.LSTM(inputs, hidden).double()\n    with torch.no_grad():\n"
BUILD = {
    "right": (
        "        lstm.bias_ih_l0[hidden : 2 * hidden] = 1.0\n        lstm.bias_hh_l0[hidden : 2 * hidden] = 0"
    ),
    "both": (
        "        for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0):\n            bias[hidden : 2 * hidden] = 1.0"
    ),
    "one": "        lstm.bias_ih_l0[hidden : 2 * hidden] = 1.0",
    "first quarter": "        lstm.bias_ih_l0[:hidden] = 1.0\n        lstm.bias_hh_l0[:hidden] = 0",
    "halves": (
        "        for bias in (lstm.bias_ih_l0, lstm.bias_hh_l0):\n            bias[hidden : 2 * hidden] = 0.5"
    ),
    "everywhere": "        lstm.bias_ih_l0[:] = 1.0\n        lstm.bias_hh_l0[:] = 0",
}


def bug_hunt(
    build: str = "right",
    order: str = "i, z_f, z_g, z_o",
    g: str = "z_g.tanh()",
    h: str = "o * c.tanh()",
    said: str = "h",
    c: str = "f * c + i * g",
    returned: str = "torch.stack(said)",
) -> str:
    return (
        "def build(inputs, hidden):\n"
        f"{LSTM}{BUILD[build]}\n"
        "    return lstm\n\n\n"
        "def read(lstm, xs):\n"
        "    h = c = torch.zeros(xs.shape[1], lstm.hidden_size, dtype=xs.dtype)\n"
        "    said = []\n"
        "    for x in xs:\n"
        "        z = x @ lstm.weight_ih_l0.T + h @ lstm.weight_hh_l0.T + lstm.bias_ih_l0 + lstm.bias_hh_l0\n"
        f"        z_{order} = z.chunk(4, dim=1)\n"
        f"        i, f, g, o = z_i.sigmoid(), z_f.sigmoid(), {g}, z_o.sigmoid()\n"
        f"        c = {c}\n"
        f"        h = {h}\n"
        f"        said.append({said})\n"
        f"    return {returned}\n\n\n"
        "mended = (build, read)"
    )


AS_SHIPPED = bug_hunt("both", "i, z_f, z_o, z_g", "z_g.sigmoid()", "o * c", "c")


def gru(
    order: str = "r, z, n",
    new: str = "(1 - z) * n + z * h",
    candidate: str = "torch.tanh(word_n + r * state_n)",
    last: str = "",
) -> str:
    one, two, three = order.split(", ")
    return (
        "def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):\n"
        f"    word_{one}, word_{two}, word_{three} = (x @ W_ih.T + b_ih).chunk(3, dim=1)\n"
        f"    state_{one}, state_{two}, state_{three} = (h @ W_hh.T + b_hh).chunk(3, dim=1)\n"
        "    size = h.shape[1]\n"
        "    r = torch.sigmoid(word_r + state_r)\n"
        "    z = torch.sigmoid(word_z + state_z)\n"
        f"    n = {candidate}\n"
        f"    new = {new}\n"
        f"    return new{last}"
    )


BY_TORCH = (
    "def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):\n    return torch.gru_cell(x, h, W_ih, W_hh, b_ih, b_hh)"
)
LETTER_BY_LETTER = """
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    size = h.shape[1]
    a, b = x.matmul(W_ih.t()) + b_ih, h.matmul(W_hh.t()) + b_hh
    r = 1 / (1 + torch.exp(-a[:, :size] - b[:, :size]))
    z = 1 / (1 + torch.exp(-a[:, size:2 * size] - b[:, size:2 * size]))
    n = (a[:, 2 * size:] + r * b[:, 2 * size:]).tanh()
    return n + z * (h - n)
"""

BY_OWN_LSTM = """
def build(inputs, hidden):
    lstm = nn.LSTM(inputs, hidden).double()
    set_forget_bias(lstm, 1.0)
    return lstm


def read(lstm, xs):
    zero = torch.zeros(xs.shape[1], lstm.hidden_size, dtype=xs.dtype)
    weights = lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0
    return lstm_forward(xs, zero, zero, weights)[0]


mended = (build, read)
"""
BY_LERP = """
def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    H = h.shape[1]
    word = torch.einsum("be,ke->bk", x, W_ih) + b_ih
    said = torch.einsum("bh,kh->bk", h, W_hh) + b_hh
    gates = torch.sigmoid(word[:, :2 * H] + said[:, :2 * H])
    return torch.lerp(torch.tanh(word[:, 2 * H:] + gates[:, :H] * said[:, 2 * H:]), h, gates[:, H:])
"""

WRONG = {
    "07.1": [
        ("LG02", "guess = 0.45"),
        ("LG02", "guess = 0.75 * 0.6"),
        ("LG02", "guess = 0.6"),
        ("LG08", "guess = 0.5"),
        ("LG09", "guess = 0.975"),
        ("LG11", "guess = 0.5 + 0.6"),
        ("LG17", "guess = 0.5 + 0.75"),
        ("LG18", "guess = 0.7398"),
        (None, "guess = 1 * 0.5 * 0.75 * 0.6"),
        (None, "guess = 0.85"),
    ],
    "07.2": [
        ("DC04", coupled("dc * f", "dc * c0")),
        ("DC04", coupled("dc * f", "-dc * g")),
        ("DC04", coupled("dc", "dc * c0")),
        ("DC04", coupled("dc * f", "dc * g")),
        ("DC14", coupled("dc * f", "dc * (c0 + g)")),
        ("DC14", coupled("f * dc", "dc * g - dc * c0")),
        ("BP06", coupled("dc", "dc * (c0 - g)")),
        ("LG02", coupled("dc * (1 - f)", "dc * (c0 - g)")),
        ("LG10", coupled("dc * c0", "dc * c0 - dc * g")),
        ("LG10", coupled("dc * f", "dc * f")),
        ("LG10", coupled("dc * f", "dc * f - dc * (1 - f)")),
        ("TG15", coupled("f", "c0 - g")),
        ("TG15", coupled("dc * f", "dc * c0 - g")),
        ("TG15", coupled("f", "dc * (c0 - g)")),
        ("LG20", coupled("dc * f", "dc * (c0 - g) * f * (1 - f)")),
        (None, coupled("7", "7")),
        (None, coupled("dc * (c0 - g)", "dc * f")),
        (None, "coupled_back = 3"),
    ],
    "07.3": [("LG05", "vote = 'a'"), ("BP05", "vote = '(B)'"), ("LG07", "vote = 'c'")],
    "07.4": [
        ("LG01", AS_SHIPPED),
        ("LG01", bug_hunt(order="f, z_i, z_g, z_o")),
        ("LG01", bug_hunt(order="i, z_f, z_o, z_g", said="c")),
        ("LG01", bug_hunt(order="i, z_o, z_f, z_g")),  # ONNX
        ("LG01", bug_hunt(order="i, z_o, z_g, z_f")),
        ("LG06", bug_hunt("both", g="z_g.sigmoid()", h="o * c", said="c")),
        ("LG06", bug_hunt(g="z_g")),
        ("LG18", bug_hunt(c="(f * c + i * g).tanh()", h="o * c")),
        ("LG18", bug_hunt(c="torch.tanh(f * c + i * g)")),
        ("LG06", bug_hunt(h="o * c")),
        ("LG06", bug_hunt(h="o * c.sigmoid()")),
        ("LG06", bug_hunt(g="z_g.sigmoid()")),
        ("HS09", bug_hunt("both", said="c")),
        ("HS09", bug_hunt(said="c")),
        ("LG04", bug_hunt("both")),
        ("LG04", bug_hunt("one")),
        ("LG04", bug_hunt("first quarter")),
        (None, bug_hunt("everywhere")),
        (None, bug_hunt(h="c.tanh()")),
        (None, bug_hunt(returned="torch.stack(said), (h, c)")),
        (None, bug_hunt(returned="torch.stack(said, dim=1)")),
        (None, bug_hunt().replace("    return lstm\n", "", 1)),
        (None, bug_hunt().replace("(build, read)", "(build(4, 2), read)")),
        (None, "mended = 3"),
    ],
    "07.5": [
        ("LG12", gru(new="z * n + (1 - z) * h")),
        ("LG13", gru(order="z, r, n")),
        ("LG13", gru(order="z, r, n", new="z * n + (1 - z) * h")),
        ("LG13", gru(order="r, n, z")),
        ("LG13", gru(order="n, r, z")),
        ("LG13", gru(order="z, n, r", new="z * n + (1 - z) * h")),
        ("LG14", gru(candidate="torch.tanh(word_n + (r * h) @ W_hh[2 * size:].T + b_hh[2 * size:])")),
        ("LG15", gru(candidate="torch.tanh(word_n + r * (h @ W_hh[2 * size:].T) + b_hh[2 * size:])")),
        ("LG16", gru(candidate="torch.tanh(word_n + state_n)")),
        ("LG19", gru(candidate="torch.tanh(r * (word_n + state_n))")),
        ("LG19", gru(candidate="torch.tanh(r * word_n + state_n)")),
        ("LG16", gru(candidate="torch.tanh(word_n + state_n)", new="z * n + (1 - z) * h")),
        ("LG06", gru(candidate="torch.sigmoid(word_n + r * state_n)")),
        ("LG06", gru(candidate="word_n + r * state_n")),
        ("TG07", gru(last=".detach()")),
        ("TG07", gru(new="(1 - z) * n + z * h.detach()")),
        (None, gru(new="(1 - z) * n + z * h.abs()")),
        (None, gru(last="[0]")),
        (None, "gru_step = 3"),
    ],
}

RIGHT = {
    "07.1": ["guess = 1 * 0.5 + 0.75 * 0.6", "guess = '0.95'", "guess = torch.tensor(0.95)"],
    "07.2": [coupled("f * dc", "dc * c0 - dc * g"), coupled("dc * f", "-dc * (g - c0)")],
    "07.3": ["vote = 'D'", "vote = '(d)'"],
    "07.4": [
        bug_hunt(),
        bug_hunt("halves", h="torch.tanh(c) * o"),
        "def build(inputs, hidden):\n    lstm = nn.LSTM(inputs, hidden).double()\n"
        "    set_forget_bias(lstm, 1.0)\n    return lstm\n\n\n"
        "def read(lstm, xs):\n    return lstm(xs)[0]\n\n\nmended = [build, read]",
        BY_OWN_LSTM,
    ],
    "07.5": [gru(), BY_TORCH, LETTER_BY_LETTER, BY_LERP],
}
