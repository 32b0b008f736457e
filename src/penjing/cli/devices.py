"""`penjing devices` and `penjing fit`: what there is to run on, and whether a model fits there.

Asks the devices room and hands what it says to `device_pages.py`; computes nothing itself.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from penjing.app.fitting import shape_of
from penjing.cli import device_pages as pages
from penjing.cli.options import whole
from penjing.cli.output import Output
from penjing.core.errors import BadInput, UsageError
from penjing.core.units import parse_size

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.devices.fit import FitEstimate
    from penjing.devices.profile import DeviceProfile
    from penjing.devices.recommend import Limits, Recommendation
    from penjing.devices.shape import ModelShape
    from penjing.devices.speed import Speed

EXAMPLES: Mapping[str, str] = {
    "devices": "penjing devices show pi-5-8gb",
    "fit": """
        penjing fit smollm2-135m-instruct --device pi-zero-2w
        penjing fit qwen2.5-0.5b-instruct --codec Q4_0 --recommend --ram 4GB --price 100 --watts 10
    """,
}


def register(parser: ArgumentParser, command: str) -> None:
    """Add the arguments of one command."""
    if command == "devices":
        parser.add_argument("what", nargs="?", choices=("list", "show", "this"), default="list")
        parser.add_argument("name", nargs="?", help="the device to show")
        return
    parser.add_argument("model", metavar="MODEL", help="a name, a .gguf file, a bundle or a folder")
    parser.add_argument("--device", metavar="D", help="a device (penjing devices); default: this")
    parser.add_argument("--context", type=whole(1), default=2048, metavar="N", help="tokens (2048)")
    parser.add_argument("--codec", metavar="C", help="as if its weights were stored so, like Q4_0")
    parser.add_argument("--recommend", action="store_true", help="rank every device instead")
    parser.add_argument("--ram", metavar="SIZE", help="with --recommend: RAM, at most")
    parser.add_argument("--price", type=float, metavar="USD", help="... dollars, at most")
    parser.add_argument("--watts", type=float, metavar="W", help="... watts under load, at most")
    parser.add_argument("--speed", type=float, metavar="T", help="... tokens a second, at least")


def run(args: Namespace) -> int:
    """Do it; 1 when the model does not fit or no device suits."""
    from penjing.bundle.home import Home

    output = Output(args.json, quiet=args.quiet)
    home = Home.from_environment()
    if args.command == "devices":
        return _devices(args.what, args.name, output, home)
    _check(args)
    shape = shape_of(args.model, args.codec, home, output.progress())
    if not args.recommend:
        return _fit(shape, args.device, args.context, output, home)
    from penjing.devices.recommend import Limits

    ram = None if args.ram is None else parse_size(args.ram)
    limits = Limits(ram=ram, price=args.price, watts=args.watts, min_decode=args.speed)
    return _recommend(shape, limits, args.context, output)


def _devices(what: str, name: str | None, output: Output, home: Home) -> int:
    from penjing.devices.find import find_device
    from penjing.devices.profile import load_devices

    if (what == "show") != (name is not None):
        raise UsageError("write penjing devices list, penjing devices show NAME or ... this")
    if what == "list":
        devices = load_devices()
        document = {"devices": [_brief(device) for device in devices.values()]}
        output.emit(document, lambda console: pages.draw_list(console, devices))
        return 0
    device = find_device(what if name is None else name, home=home.root)
    output.emit(_profile(device), lambda console: pages.draw_device(console, device))
    return 0


def _check(args: Namespace) -> None:
    limits = {"--price": args.price, "--watts": args.watts, "--speed": args.speed}
    for option, value in limits.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise BadInput(f"{option} must be a number above 0")
    given = [
        option for option, value in (*limits.items(), ("--ram", args.ram)) if value is not None
    ]
    if given and not args.recommend:
        raise UsageError(f"{given[0]} belongs to --recommend: add it, or name a --device")
    if args.codec is not None:
        from penjing.bundle.codecs import codec

        codec(args.codec)  # refuses an unknown one
    if args.device is not None and args.recommend:
        raise UsageError("--device asks about one device and --recommend about all: choose one")


def _fit(shape: ModelShape, name: str | None, context: int, output: Output, home: Home) -> int:
    from penjing.devices.find import find_device
    from penjing.devices.fit import fit

    device = find_device("this" if name is None else name, home=home.root)
    estimate = fit(shape, device, context)
    output.emit(_estimate(estimate), lambda console: pages.draw_fit(console, estimate))
    return 1 if estimate.fits == "no" else 0


def _recommend(shape: ModelShape, limits: Limits, context: int, output: Output) -> int:
    from penjing.devices.recommend import recommend

    found = recommend(shape, limits, context=context)
    output.emit(_ranking(found), lambda console: pages.draw_ranking(console, found, shape))
    return 0 if found.best else 1


# ------------------------------------------------------------------------------------- documents


def _brief(device: DeviceProfile) -> dict[str, Any]:
    return {
        "name": device.name,
        "title": device.title,
        "kind": device.kind,
        "cores": device.cpu.cores,
        "ram_bytes": device.memory.ram_bytes,
        "app_bytes": device.memory.app_bytes,
        "bandwidth_gbs": device.memory.bandwidth_gbs,
        "gops_int8": device.compute.gops_int8,
        "load_watts": device.power.load_watts,
        "price_usd": device.price.usd,
        "measured_runs": len(device.measured),
    }


def _profile(device: DeviceProfile) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(device)


def _estimate(estimate: FitEstimate) -> dict[str, Any]:
    ram, speed = estimate.ram, estimate.speed
    return {
        "model": estimate.model.name,
        "device": estimate.device.name,
        "context": estimate.context,
        "fits": estimate.fits,
        "verdict": estimate.verdict,
        "ram": {**vars(ram), "total": ram.total},
        "ram_usable": estimate.ram_usable,
        "headroom": estimate.headroom,
        "storage": {
            "needed": estimate.model.weight_bytes,
            "usable": estimate.storage_usable,
            "fits": estimate.storage_fits,
        },
        "speed": None if speed is None else _speed(speed),
    }


def _speed(speed: Speed) -> dict[str, Any]:
    return {
        "prefill_tokens_per_second": vars(speed.prefill),
        "decode_tokens_per_second": vars(speed.decode),
        "decode_tokens_per_second_at_start": vars(speed.decode_start),
        "first_token_seconds": vars(speed.first_token),
        "decode_margin": speed.decode_margin,
        "prefill_margin": speed.prefill_margin,
        "published_runs": speed.runs,
        "caution": speed.caution,
    }


def _ranking(found: Recommendation) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "summary": found.summary,
        "best": found.best.estimate.device.name if found.best else None,
        "choices": [
            {
                "suits": choice.suits,
                "misses": list(choice.misses),
                "score": choice.score,
                "reason": choice.reason,
                "price_usd": choice.estimate.device.price.usd,
                "load_watts": choice.estimate.device.power.load_watts,
                **_estimate(choice.estimate),
            }
            for choice in found.choices
        ],
    }
