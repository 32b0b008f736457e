"""The budget solver, a knapsack: one choice per group, the least loss, never a byte too many. Pure.

This is the multiple-choice knapsack, solved to a proven gap by `branch.py`. Losses are taken as
additive: the assembly must be measured afterwards. Where decoding must not take longer than a
limit, time is given a price in loss, and the least price that keeps the limit is found (Lagrangian
relaxation, Fisher 1981).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from penjing.core.errors import BudgetError
from penjing.core.units import format_size
from penjing.workshop.search.branch import NODES, least_loss
from penjing.workshop.search.choice import Allocation, Choice, Choices, smallest
from penjing.workshop.search.uniform import best_uniform

_DOUBLINGS, _HALVINGS = 60, 20  # of the price of time
_FEW = 8  # boxes looked into at each price of time
_FAR = 200.0  # a loss is not turned over further than by exp(200)


def allocate(
    choices: Choices,
    budget: int,
    *,
    fixed: int = 0,
    time: float | None = None,
) -> Allocation:
    """The least predicted loss within `budget` bytes, `fixed` of which are already spent.

    With `time`, a token takes no longer than that, in tokens of the starting model. Raises
    BudgetError naming the smallest total that is possible, or the shortest time. Equal inputs give
    equal plans.
    """
    found = _cheapest(choices, budget, fixed)
    if time is None or found.time <= time:
        return found
    dear, price = found, _price(choices)
    for _ in range(_DOUBLINGS):
        dear = _priced(choices, budget, fixed, price)
        if dear.time <= time:
            break
        price *= 2
    else:
        raise BudgetError(
            f"{1 / time:.2f} times the starting model's speed is not possible in "
            f"{format_size(budget)}: the fastest found is {1 / dear.time:.2f} times"
        )
    low, high = 0.0, price
    for _ in range(_HALVINGS):
        price = (low + high) / 2
        tried = _priced(choices, budget, fixed, price)
        if tried.time <= time:
            dear, high = min(dear, tried, key=lambda one: one.loss), price
        else:
            low = price
    room = budget - fixed - dear.nbytes
    chosen = _spend(dear.chosen, choices, room, time - dear.time)
    return Allocation(chosen, found.bound)


def _price(choices: Choices) -> float:
    """A small price of time to begin with: the whole range of losses over that of times, halved."""
    losses = sum(max(c.loss for c in row) - min(c.loss for c in row) for row in choices.values())
    times = sum(max(c.time for c in row) - min(c.time for c in row) for row in choices.values())
    return max(losses, 1e-9) / max(times, 1e-9) / 2**10


def _priced(choices: Choices, budget: int, fixed: int, price: float) -> Allocation:
    """The best for loss and time together, with true losses."""
    dearer = {
        name: [replace(choice, loss=choice.loss + price * choice.time) for choice in row]
        for name, row in choices.items()
    }
    return _true(_cheapest(dearer, budget, fixed, _FEW), choices)


def _cheapest(choices: Choices, budget: int, fixed: int, nodes: int = NODES) -> Allocation:
    """The least loss in the budget, whatever the time; never more than one codec everywhere."""
    least = smallest(choices) + fixed
    if least > budget:
        raise BudgetError(
            f"{format_size(budget)} is not possible for this model: the smallest is "
            f"{format_size(least)} ({least} bytes)"
        )
    found = least_loss(choices, budget - fixed, nodes=nodes)
    even = best_uniform(choices, budget - fixed)
    if even is None or found.loss <= even.loss:
        return found
    return Allocation(even.chosen, found.bound)


def inverted(choices: Choices, budget: int, *, fixed: int = 0) -> Allocation:
    """A negative control: the most bits for the groups that matter least, in the same budget.

    How much a group matters is what its smallest choice costs per byte of its largest. The solver
    is shown losses in which that is turned over about its geometric mean; those of the result are
    the true ones. BudgetError as in `allocate`.
    """
    matters = {name: _matters(row) for name, row in choices.items()}
    logs = {name: math.log(value) for name, value in matters.items() if value > 0}
    mean = sum(logs.values()) / len(logs) if logs else 0.0
    factors = dict.fromkeys(choices, 1.0)
    for name, value in logs.items():
        factors[name] = math.exp(min(_FAR, max(-_FAR, 2 * (mean - value))))
    turned = {
        name: [replace(choice, loss=choice.loss * factors[name]) for choice in row]
        for name, row in choices.items()
    }
    return _true(allocate(turned, budget, fixed=fixed), choices)


def _true(found: Allocation, choices: Choices) -> Allocation:
    """The same codecs with the table's own losses."""
    true = {(name, choice.codec): choice for name, row in choices.items() for choice in row}
    return Allocation({name: true[name, c.codec] for name, c in found.chosen.items()})


def _matters(row: Sequence[Choice]) -> float:
    worst = min(row, key=lambda choice: (choice.nbytes, choice.loss, choice.codec))
    return worst.loss / max(choice.nbytes for choice in row)


def _spend(
    chosen: Mapping[str, Choice],
    choices: Choices,
    room: int,
    time: float,
) -> dict[str, Choice]:
    """Buy the best upgrade that still fits, until none does; `time` is what is left of that."""
    out = dict(chosen)
    while True:
        offers = [
            (out[name].loss - choice.loss, -choice.nbytes, name, choice)
            for name, row in choices.items()
            for choice in row
            if choice.nbytes - out[name].nbytes <= room
            and choice.loss < out[name].loss
            and choice.time - out[name].time <= time
        ]
        if not offers:
            return out
        _, _, name, choice = max(offers, key=lambda offer: offer[:3])
        room -= choice.nbytes - out[name].nbytes
        time -= choice.time - out[name].time
        out[name] = choice
