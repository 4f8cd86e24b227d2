"""``gateway demo``: an invoice from sending to payment, on this machine."""

import argparse
import asyncio
from pathlib import Path

from gateway.commands.settings import explained
from gateway.demo.cuts import CUTS, PATIENCE_S
from gateway.demo.story import run_demo

__all__ = ["declare"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--once", action="store_true", help="tell the story once and stop")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="data folder")
    parser.add_argument(
        "--cut",
        choices=CUTS,
        help="withhold one message, or the mail server, to see the story fail at that step",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long a step may take (default: %(default)s)",
    )
    parser.set_defaults(command=_demo)


def _demo(options: argparse.Namespace) -> int:
    with explained("the data folder (--data)"):
        options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return asyncio.run(
        run_demo(
            options.data.absolute(),
            once=options.once,
            cut=options.cut,
            patience_s=options.patience,
        )
    )
