"""The formulas that carry the derivations stand on their pages as they are here, and here they are computed.

A page's cells check its code, and nothing runs a line of LaTeX: a sign lost there would mislead for years.
So each formula is given with the numbers of its parts, left side first, which must be one number (or table).
A formula that is edited on its page is missed here, and has to be computed anew.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from exercise_player import read_page
from torch import Tensor

from helpers.gradcheck import central_difference

R = torch.Generator().manual_seed(7)


def table(*shape: int) -> Tensor:
    return torch.randn(shape, generator=R, dtype=torch.float64, requires_grad=True)


def slope(loss: Tensor, *along: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, along, retain_graph=True))


# What the letters stand for. A loss without a name is a sum with fixed weights: its dZ, dH, dh are known.

x, u, h = 0.7, 1.3, 0.1  # numbers
v, q = math.exp(-x), 1 + math.exp(-x)
s = 1 / q


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


# 03: a line through five points
xs, ys = table(5).detach(), table(5).detach()
w, b = table(), table()
errors = w * xs + b - ys
mean_square = (errors**2).mean()
w_slope, b_slope = slope(mean_square, w, b)

# 04: scores z of three classes, the truth is class 1
z = table(3)
p = z.softmax(dim=0)
y = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
price = F.cross_entropy(z, torch.tensor(1))
(z_slope,) = slope(price, z)
pixels, weights, biases = table(4).detach(), table(3, 4), table(3)
of_photo = weights @ pixels + biases
weight_slope, bias_slope = slope(F.cross_entropy(of_photo, torch.tensor(1)), weights, biases)

# 05: Z = X @ W + b, three samples, two inputs, four outputs
X, W, bias, dZ = table(3, 2), table(2, 4), table(4), table(3, 4).detach()
dX, dW, db = slope(((X @ W + bias) * dZ).sum(), X, W, bias)
bent, dH, wanted = table(3, 4), table(3, 4).detach(), table(3, 4).detach()
(relu_slope,) = slope((bent.relu() * dH).sum(), bent)
(square_slope,) = slope(F.mse_loss(bent, wanted), bent)

# 07: three words through a tanh; then one step of a cell with one unit
words, rnn = table(3), table(3)
first = torch.tanh(rnn[0] * words[0] + rnn[2])
second = torch.tanh(rnn[0] * words[1] + rnn[1] * first + rnn[2])
third = torch.tanh(rnn[0] * words[2] + rnn[1] * second + rnn[2])
word, h0, c0, w4, u4, b4 = table(), table(), table(), table(4), table(4), table(4)
z4 = w4 * word + u4 * h0 + b4
i, f, g, o = z4[0].sigmoid(), z4[1].sigmoid(), z4[2].tanh(), z4[3].sigmoid()
c = f * c0 + i * g
t = c.tanh()
dh, dc_next = 0.8, -0.3
said = dh * o * t + dc_next * c  # what this word says, and what the next one asks of the belt
do, dt_whole, dc, df, dc0, di, dg = slope(said, o, t, c, f, c0, i, g)
dz4, dw4, du4, db4, dx, dh0 = slope(said, z4, w4, u4, b4, word, h0)
dt = dh * o

# 07, many units: the step of PyTorch's cell, with the pre-activations kept
cell = torch.nn.LSTMCell(3, 2, dtype=torch.float64)
xB, hB, cB, W_ih, W_hh, bB = table(5, 3), table(5, 2), table(5, 2), table(8, 3), table(8, 2), table(8)
Z = xB @ W_ih.T + hB @ W_hh.T + bB
bends = (torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid)
gates = [bend(part) for bend, part in zip(bends, Z.chunk(4, dim=1), strict=True)]
new_c = gates[1] * cB + gates[0] * gates[2]
new_h = gates[3] * new_c.tanh()
states = (new_h * torch.linspace(-1, 1, 10, dtype=torch.float64).view(5, 2)).sum()
dZB, dxB, dhB, dW_ih, dW_hh, dbB = slope(states, Z, xB, hB, W_ih, W_hh, bB)
theirs = torch.func.functional_call(
    cell, {"weight_ih": W_ih, "weight_hh": W_hh, "bias_ih": bB, "bias_hh": 0 * bB}, (xB, (hB, cB))
)

FORMULAS = [
    ("01", r"\frac{f(x+h)-f(x-h)}{2h}", ((x + h) ** 2 - (x - h) ** 2) / (2 * h), 2 * x),
    (
        "01",
        r"\frac{ds}{dz} = (-1)\cdot v\cdot 1\cdot\left(-\frac{1}{q^2}\right) = \frac{v}{q^2} = "
        r"\frac{1}{q}\cdot\frac{v}{q} = s\,(1-s)",
        *(central_difference(sigma, x), -1 * v * 1 * (-1 / q**2), v / q**2, 1 / q * (v / q), s * (1 - s)),
    ),
    (
        "01",
        r"\frac{(1+h)^3-(1-h)^3}{2h} = \frac{6h + 2h^3}{2h} = 3 + h^2",
        *(((1 + h) ** 3 - (1 - h) ** 3) / (2 * h), (6 * h + 2 * h**3) / (2 * h), 3 + h**2),
    ),
    ("03", r"L = \frac{1}{n} \sum_{i=1}^{n} (w x_i + b - y_i)^2", mean_square, F.mse_loss(w * xs + b, ys)),
    (
        "03",
        r"\frac{\partial L}{\partial w} = \frac{2}{n}\sum_{i=1}^n e_i x_i",
        w_slope,
        2 / 5 * (errors * xs).sum(),
    ),
    ("03", r"\frac{\partial L}{\partial b} = \frac{2}{n}\sum_{i=1}^n e_i", b_slope, 2 / 5 * errors.sum()),
    (
        "03",
        r"u_\text{new} = u - \text{lr} \cdot \lambda u = (1 - \text{lr}\cdot\lambda)\, u",
        *(u - 0.1 * central_difference(lambda u: 15 / 2 * u**2, u), u - 0.1 * 15 * u, (1 - 0.1 * 15) * u),
    ),
    (
        "04",
        r"\frac{d}{dp}(-p\ln p) = -\ln p - 1",
        *(central_difference(lambda p: -p * math.log(p), x), -math.log(x) - 1),
    ),
    ("04", r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}", p, z.exp() / z.exp().sum()),
    (
        "04",
        r"L &= -\ln p_t = -\ln \frac{e^{z_t}}{\sum_j e^{z_j}}",
        price,
        -(z[1].exp() / z.exp().sum()).log(),
    ),
    ("04", r"&= \ln\Big(\sum_j e^{z_j}\Big) - z_t", price, z.exp().sum().log() - z[1]),
    (
        "04",
        r"\frac{\partial}{\partial z_i}\ln\Big(\sum_j e^{z_j}\Big) &= "
        r"\frac{1}{\sum_j e^{z_j}}\cdot e^{z_i} = p_i",
        *(slope(z.exp().sum().log(), z)[0], 1 / z.exp().sum() * z.exp(), p),
    ),
    ("04", r"\frac{\partial}{\partial z_i}(-z_t) &= -y_i", slope(-z[1], z)[0], -y),
    ("04", r"\frac{\partial L}{\partial z_i} &= p_i - y_i", z_slope, p - y),
    (
        "04",
        r"\frac{d}{dz}(p-1)^2 = 2(p-1)\cdot p(1-p)",
        *(central_difference(lambda z: (sigma(z) - 1) ** 2, x), 2 * (s - 1) * s * (1 - s)),
    ),
    (
        "04",
        r"\frac{d}{dz}(-\ln p) = -\frac1p\cdot p(1-p) = p - 1",
        *(central_difference(lambda z: -math.log(sigma(z)), x), -1 / s * s * (1 - s), s - 1),
    ),
    (
        "04",
        r"\ln p_i = (z_i - m) - \ln\sum_j e^{z_j - m}",
        p.log(),
        (z - z.max()) - (z - z.max()).exp().sum().log(),
    ),
    (
        "04",
        r"\frac{\partial L}{\partial w_{cj}} = (p_c - y_c)\, x_j",
        weight_slope,
        torch.outer(of_photo.softmax(0) - y, pixels),
    ),
    ("04", r"\frac{\partial L}{\partial b_c} = p_c - y_c", bias_slope, of_photo.softmax(0) - y),
    ("05", r"Z_{nj} = \sum_i X_{ni}\, W_{ij} + b_j", X @ W + bias, torch.einsum("ni,ij->nj", X, W) + bias),
    ("05", r"dW_{ij} = \sum_n X_{ni}\; dZ_{nj}", dW, torch.einsum("ni,nj->ij", X, dZ)),
    ("05", r"dX_{ni} = \sum_j dZ_{nj}\; W_{ij}", dX, torch.einsum("nj,ij->ni", dZ, W)),
    ("05", r"db_j = \sum_n dZ_{nj}", db, dZ.sum(dim=0)),
    (
        "05",
        r"dZ_{nj} = \begin{cases} dH_{nj} & \text{if } Z_{nj} > 0 \\ 0 & \text{otherwise}\end{cases}",
        *(relu_slope, torch.where(bent > 0, dH, 0)),
    ),
    ("05", r"dZ_{nj} = \frac{2}{M}\,(Z_{nj} - y_{nj})", square_slope, 2 / 12 * (bent - wanted)),
    (
        "07",
        r"\frac{\partial h_3}{\partial x_1} = w(1-h_1^2)\cdot u(1-h_2^2)\cdot u(1-h_3^2)",
        slope(third, words)[0][0],
        rnn[0] * (1 - first**2) * rnn[1] * (1 - second**2) * rnn[1] * (1 - third**2),
    ),
    ("07", r"do = dh \cdot t", do, dh * t),
    ("07", r"dt = dh \cdot o", dt_whole, dh * o),
    ("07", r"dc = dt\,(1 - t^2) + dc_\text{next}", dc, dt * (1 - t**2) + dc_next),
    ("07", r"df = dc\cdot c_0", df, dc * c0),
    ("07", r"dc_0 = dc\cdot f", dc0, dc * f),
    ("07", r"di = dc\cdot g", di, dc * g),
    ("07", r"dg = dc\cdot i", dg, dc * i),
    ("07", r"dz_i = di\; i(1-i)", dz4[0], di * i * (1 - i)),
    ("07", r"dz_f = df\; f(1-f)", dz4[1], df * f * (1 - f)),
    ("07", r"dz_g = dg\,(1-g^2)", dz4[2], dg * (1 - g**2)),
    ("07", r"dz_o = do\; o(1-o)", dz4[3], do * o * (1 - o)),
    ("07", r"dw_k = dz_k\,x", dw4, dz4 * word),
    ("07", r"du_k = dz_k\,h_0", du4, dz4 * h0),
    ("07", r"db_k = dz_k", db4, dz4),
    ("07", r"dx = \sum_k dz_k\,w_k", dx, (dz4 * w4).sum()),
    ("07", r"dh_0 = \sum_k dz_k\,u_k", dh0, (dz4 * u4).sum()),
    (
        "07",
        r"Z = x\,W_{ih}^\mathsf{T} + h\,W_{hh}^\mathsf{T} + b",
        torch.stack(theirs),
        torch.stack([new_h, new_c]),
    ),
    ("07", r"dx = dZ\,W_{ih}", dxB, dZB @ W_ih),
    ("07", r"dh = dZ\,W_{hh}", dhB, dZB @ W_hh),
    ("07", r"dW_{ih} = dZ^\mathsf{T} x", dW_ih, dZB.T @ xB),
    ("07", r"dW_{hh} = dZ^\mathsf{T} h", dW_hh, dZB.T @ hB),
]


@pytest.mark.parametrize(
    "line", FORMULAS, ids=[f"{number}-{line[0]}" for number, line in enumerate(FORMULAS)]
)
def test_a_formula_stands_on_its_page_and_its_parts_are_equal(line: tuple) -> None:
    page, formula, *parts = line
    text = "\n".join(cell.source for cell in read_page(page).cells if cell.cell_type == "markdown")
    assert formula in text, "the formula was edited: compute its parts here anew"
    left, *others = (torch.as_tensor(part, dtype=torch.float64).detach() for part in parts)
    for other in others:
        assert left.shape == other.shape and torch.allclose(left, other, rtol=1e-8, atol=1e-9)
