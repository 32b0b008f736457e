"""`penjing distill`: a model learns to say what its teacher says; a GGUF comes out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from penjing.app.distilling import CODECS, Distilling, distil
from penjing.cli.options import number, path, size, threads, whole
from penjing.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "distill": """
        penjing distill narrow.gguf -o healed.gguf --teacher smollm2-135m-instruct
        penjing distill narrow.gguf -o healed.gguf --teacher smollm2-135m-instruct --hidden 0.5
        penjing distill shallow.gguf -o healed.gguf --teacher smollm2-135m-instruct --labels 64
        penjing compress healed.gguf -o bundle --size 60MB
    """,
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    add, share, weight = parser.add_argument, number(0, 1), number(0, 1e6)
    add("student", help="a model's name, a .gguf file or a Hugging Face folder")
    add("-o", "--output", required=True, type=path, metavar="FILE", help="the .gguf to be made")
    add("--teacher", required=True, metavar="MODEL", help="the model it learns from; same tokens")
    add(
        "--alpha", type=share, default=0.0, metavar="S", help="share of cross-entropy with the text"
    )
    add("--temperature", type=number(0.01, 100), default=1.0, metavar="T", help="of the logits")
    add("--reverse", type=share, default=0.0, metavar="S", help="share of KL that is reversed")
    add("--hidden", type=weight, default=0.0, metavar="W", help="weight of hidden states")
    add("--attention", type=weight, default=0.0, metavar="W", help="weight of attention maps")
    add("--distances", type=weight, default=0.0, metavar="W", help="weight of tokens' distances")
    add("--angles", type=weight, default=0.0, metavar="W", help="weight of angles between tokens")
    add("--labels", type=whole(0), default=0, metavar="K", help="soft labels kept of each position")
    add("--on-policy", type=share, default=0.0, metavar="S", help="share the student writes itself")
    add("--text", action="append", metavar="FILE|NAME", help="text to train on (default: the mix)")
    add("--held-out", default="encyclopedia", metavar="FILE|NAME", help="text it is measured on")
    add("--windows", type=whole(1), default=20, help="of 512 tokens of that text (default: 20)")
    add("--minutes", type=number(0.1, 1e5), metavar="M", help="time to train (default: 10)")
    add("--steps", type=whole(1), metavar="N", help="steps to train, in place of a time")
    add("--codec", default=CODECS[0], help=f"{', '.join(CODECS)} (default: {CODECS[0]})")
    add("--seed", type=whole(0), default=0, help="of the order of the text (default: 0)")
    add("--threads", type=threads, help="cores to use (default: all)")
    add("--ram", type=size, help="memory it may take, such as 4GB")
    add("--overwrite", action="store_true", help="replace the file that is there")


def run(args: Namespace) -> int:
    """Train, and show what it gave."""
    output = Output(args.json, quiet=args.quiet)
    given = {field.name: getattr(args, field.name) for field in fields(Distilling)}
    asked = Distilling(**{**given, "text": tuple(args.text or ())})
    made = distil(asked, output.progress())
    output.emit(made, lambda console: _draw(made, console))
    return 0


def _draw(made: Mapping[str, Any], console: Console) -> None:
    for name, (before, after) in made["domains"].items():
        console.print(f"{name}: KLD {before:.4f} -> {after:.4f}", markup=False)
    before, after = (
        {item["metric"]: item for item in made["quality"][when]["measurements"]}
        for when in ("before", "after")
    )
    console.print(f"held out, in the engine, after {made['steps']} steps:")
    for metric in ("kld_mean", "same_top"):
        if metric in before and metric in after:
            console.print(
                f"{metric}: {before[metric]['value']:.4f} -> {after[metric]['value']:.4f} "
                f"({after[metric]['low']:.4f} to {after[metric]['high']:.4f})",
                markup=False,
            )
    console.print(
        f"\nTo round it: penjing compress {made['output']} -o DIR --size SIZE", markup=False
    )
