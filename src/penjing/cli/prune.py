"""`penjing prune`: channels, heads, layers or tokens of a model are left out; a GGUF comes out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from penjing.app.pruning import CALIBRATION, Pruning, prune
from penjing.cli.options import number, path, size, threads, whole
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "prune": """
        penjing prune smollm2-135m-instruct -o narrow.gguf --ffn 0.75
        penjing prune smollm2-135m-instruct -o shallow.gguf --sublayers 6
        penjing prune gemma-3-270m -o small.gguf --vocabulary mix-encyclopedia --tokens 63488
        penjing distill narrow.gguf -o healed.gguf --teacher smollm2-135m-instruct
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    add, share = parser.add_argument, number(0.01, 1)
    add("model", help="a model's name, a .gguf file or a Hugging Face folder")
    add("-o", "--output", required=True, type=path, metavar="FILE", help="the .gguf to be made")
    add("--ffn", type=share, default=1.0, metavar="S", help="share of channels that stays, 0.75")
    add("--heads", type=share, default=1.0, metavar="S", help="share of key-value heads that stays")
    add("--hidden", type=share, default=1.0, metavar="S", help="share of the residual stream")
    add("--uneven", action="store_true", help="layers that matter more keep more channels (llama)")
    add("--layers", type=whole(0), default=0, metavar="N", help="drop the N layers missed least")
    add("--sublayers", type=whole(0), default=0, metavar="N", help="drop N halves (llama)")
    add(
        "--vocabulary",
        action="append",
        metavar="FILE|NAME",
        help="keep the tokens of this text and of its languages; may be given more than once",
    )
    add("--tokens", type=whole(1), metavar="N", help="the most tokens that stay")
    add("--score", default="wanda", help="magnitude, wanda, taylor or random (default: wanda)")
    add("--repair", action="store_true", help="what stays takes over the work of what goes")
    add("--text", default=CALIBRATION, metavar="FILE|NAME", help="text that scores are measured on")
    add("--held-out", default="encyclopedia", metavar="FILE|NAME", help="text it is measured on")
    add("--windows", type=whole(1), default=20, help="of 512 tokens of that text (default: 20)")
    add("--seed", type=whole(0), default=0, help="of chance and intervals (default: 0)")
    add("--threads", type=threads, help="cores to use (default: all)")
    add("--ram", type=size, help="memory it may take, such as 2GB")
    add("--overwrite", action="store_true", help="replace the file that is there")


def run(args: Namespace) -> int:
    """Prune, and show what is left."""
    output = Output(args.json, quiet=args.quiet)
    given = {field.name: getattr(args, field.name) for field in fields(Pruning)}
    asked = Pruning(**{**given, "vocabulary": tuple(args.vocabulary or ())})
    made = prune(asked, output.progress())
    output.emit(made, lambda console: _draw(made, console))
    return 0


def _draw(made: Mapping[str, Any], console: Console) -> None:
    from penjing.core.units import format_count, format_size

    for step in made["dropped"]:
        console.print(f"left out: {', '.join(step['parts'])} (KLD so far {step['kld']:.4f})")
    for when in ("before", "after"):
        facts = made[when]
        console.print(
            f"{when}: {facts['architecture']}, {format_count(facts['parameters'])} parameters, "
            f"{format_size(facts['bytes'])}, {facts['layers']} layers, {facts['tokens']} tokens"
        )
    for item in made["quality"]["measurements"]:
        if item["metric"] in ("kld_mean", "same_top", "perplexity_ratio"):
            console.print(f"{item['metric']}: {item['value']:.4f}", markup=False)
    console.print(
        f"\nTo heal it: penjing distill {made['output']} -o FILE --teacher {made['model']}",
        markup=False,
    )
