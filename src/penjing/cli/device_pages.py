"""How devices and fits look to people: rich tables of what `devices.py` found out.

Draws only; rich is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penjing.core.units import format_count, format_duration, format_size

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.devices.fit import FitEstimate
    from penjing.devices.profile import DeviceProfile, Origin
    from penjing.devices.recommend import Recommendation
    from penjing.devices.shape import ModelShape
    from penjing.devices.speed import Range, Speed

_COLOURS = {"yes": "green", "tight": "yellow", "no": "red"}


def draw_list(console: Console, devices: Mapping[str, DeviceProfile]) -> None:
    """Every device, a line each."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", style="cyan", no_wrap=True)
    table.add_column("device")
    for column in ("cores", "RAM to use", "memory", "load", "price", "runs"):
        table.add_column(column, justify="right", no_wrap=True)
    for device in devices.values():
        memory, power, price = device.memory, device.power, device.price
        table.add_row(
            device.name,
            device.title,
            str(device.cpu.cores),
            _about(memory.app_bytes, format_size, memory.origin),
            _about(memory.bandwidth_gbs, lambda value: f"{value:.0f} GB/s", None),
            _about(power.load_watts, lambda value: f"{value:.0f} W", power.origin),
            _about(price.usd, lambda value: f"${value:.0f}", price.origin),
            str(len(device.measured)),
        )
    console.print(table)
    console.print()
    console.print(
        "~ an estimate; runs: published measurements. penjing devices show NAME: sources."
    )


def _about(value: Any, text: Callable[[Any], str], origin: Origin | None) -> str:
    """A number as people read it, with ~ where it is an estimate and - where it is unknown."""
    if value is None:
        return "-"
    return f"{'~' if origin and origin.estimate else ''}{text(value)}"


def draw_device(console: Console, device: DeviceProfile) -> None:
    """One device: every fact and where it was read."""
    from rich.markup import escape
    from rich.table import Table

    console.print(f"[bold]{escape(device.title)}[/bold]  [cyan]{device.name}[/cyan]\n")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, origin in _facts(device):
        table.add_row(label, escape(text))
        table.add_row("", f"[dim]{escape(_said(origin))}[/dim]")
    console.print(table)
    if device.measured:
        console.print()
        console.print(_runs(device))


def _facts(device: DeviceProfile) -> list[tuple[str, str, Origin]]:
    cpu, compute, memory = device.cpu, device.compute, device.memory
    clock = f" at {cpu.clock_ghz:g} GHz" if cpu.clock_ghz else ""
    speed = _join(
        (memory.bandwidth_gbs, "{:g} GB/s theoretical"), (memory.stream_gbs, "{:g} GB/s measured")
    )
    ram = f"{format_size(memory.ram_bytes)}, {format_size(memory.app_bytes)} for one program"
    peak = _join(
        (compute.gops_int8, "{:.0f} int8 GOP/s"), (compute.gflops_fp32, "{:.0f} fp32 GFLOP/s")
    )
    power = _join(
        (device.power.load_watts, "{:g} W under load"), (device.power.idle_watts, "{:g} W idle")
    )
    rows = [
        (
            "CPU",
            f"{cpu.model}{clock}; {', '.join(cpu.isa) or 'no known instruction sets'}",
            cpu.origin,
        ),
        ("peak", peak, compute.origin),
        ("memory", f"{ram}; {speed}", memory.origin),
        ("storage", _join((device.storage.bytes, "{}"), text=format_size), device.storage.origin),
        ("power", power, device.power.origin),
        ("price", _join((device.price.usd, "${:.0f}")), device.price.origin),
    ]
    for part in device.accelerators:
        tops = f", {part.tops_int8:g} int8 TOPS" if part.tops_int8 else ""
        rows.append(("besides", f"{part.name}{tops}", part.origin))
    return rows


def _join(*parts: tuple[float | None, str], text: Callable[[float], str] | None = None) -> str:
    known = [
        form.format(text(value) if text else value) for value, form in parts if value is not None
    ]
    return ", ".join(known) or "unknown"


def _said(origin: Origin) -> str:
    start = "estimate: " if origin.estimate else ""
    note = f"{start}{origin.note}; " if origin.note else start
    return f"{note}{origin.source}, {origin.date}"


def _runs(device: DeviceProfile) -> Any:
    from rich.table import Table

    table = Table(
        box=None, title="published runs", title_justify="left", header_style="bold",
        pad_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip
    for column in ("model", "codec", "on"):
        table.add_column(column, no_wrap=True)
    table.add_column("prefill", justify="right", no_wrap=True)
    table.add_column("decode", justify="right", no_wrap=True)
    table.add_column("where", overflow="fold", style="dim")
    for row in device.measured:
        table.add_row(
            row.model,
            row.codec,
            row.backend,
            "-" if row.prefill is None else f"{row.prefill:g}",
            "-" if row.decode is None else f"{row.decode:g}",
            _said(row.origin),
        )
    return table


def draw_fit(console: Console, estimate: FitEstimate) -> None:
    """Where the memory goes, how fast it is, and the verdict."""
    from rich.markup import escape
    from rich.table import Table

    model, device, ram = estimate.model, estimate.device, estimate.ram
    console.print(
        f"[bold]{escape(model.name)}[/bold] on [bold]{escape(device.title)}[/bold], "
        f"{estimate.context} tokens of context\n"
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    weights = f"{format_count(model.parameters)} parameters"
    for label, size, note in (
        ("weights", ram.weights, weights),
        ("KV cache", ram.kv, "f16, the context full"),
        ("computing", ram.compute, "activations and one row of logits"),
        ("program", ram.process, "engine, vocabulary, Python"),
    ):
        table.add_row(label, format_size(size), note)
    room = f"of {format_size(estimate.ram_usable)} that a program can use"
    table.add_row("[bold]RAM[/bold]", f"[bold]{format_size(ram.total)}[/bold]", room)
    storage = estimate.storage_usable
    table.add_row(
        "storage", format_size(model.weight_bytes),
        "free space unknown" if storage is None else f"of {format_size(storage)}",
    )  # fmt: skip
    console.print(table)
    if estimate.speed is not None:
        console.print()
        _draw_speed(console, estimate.speed)
    console.print()
    console.print(f"[{_COLOURS[estimate.fits]}]{escape(estimate.verdict)}[/]")


def _draw_speed(console: Console, speed: Speed) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    for label, value, margin in (
        ("reads", speed.prefill, speed.prefill_margin),
        ("writes, at the start", speed.decode_start, speed.decode_margin),
        ("writes, context full", speed.decode, speed.decode_margin),
    ):
        table.add_row(label, f"{_number(value.mid)} tok/s", f"x/÷ {margin:.2g} ({_span(value)})")
    first = speed.first_token
    table.add_row(
        "first word after", format_duration(first.mid),
        f"{format_duration(first.low)} to {format_duration(first.high)}, 200-token prompt",
    )  # fmt: skip
    console.print(table)
    runs = f"{speed.runs} published run{'s' if speed.runs > 1 else ''} on its family"
    basis = runs if speed.runs else "runs on other devices only"
    console.print(f"[dim]estimated for the CPU from {basis}[/dim]")
    if speed.caution:
        console.print(f"[yellow]{speed.caution}[/yellow]")


def _span(value: Range) -> str:
    return f"{_number(value.low)} to {_number(value.high)}"


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def draw_ranking(console: Console, found: Recommendation, shape: ModelShape) -> None:
    """Every device for one model, best first."""
    from rich.markup import escape
    from rich.table import Table

    size = f"{format_size(shape.weight_bytes)} of weights"
    console.print(f"Devices for [bold]{escape(shape.name)}[/bold] ({size}): {found.rule}\n")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("name", style="cyan", no_wrap=True)
    for column in ("fits", "tok/s", "price", "load"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("why not", overflow="fold")
    for choice in found.choices:
        estimate, device = choice.estimate, choice.estimate.device
        speed = estimate.speed
        table.add_row(
            "[green]✓[/green]" if choice.suits else "",
            device.name,
            f"[{_COLOURS[estimate.fits]}]{estimate.fits}[/]",
            "-" if speed is None else _number(speed.decode_start.mid),
            _about(device.price.usd, lambda value: f"${value:.0f}", device.price.origin),
            _about(device.power.load_watts, lambda value: f"{value:.0f} W", device.power.origin),
            ", ".join(choice.misses),
        )
    console.print(table)
    console.print()
    console.print(escape(found.summary))
