"""Parsers for values on a command line.

Each raises argparse.ArgumentTypeError with a clear text.
"""
import argparse
import re
from collections.abc import Callable
from typing import NoReturn

from ..verdict.verdict import CODES

MIB_PER_UNIT = {"M": 1, "G": 1024}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that prints errors as one line. The usage text would hide them."""

    def error(self, message: str) -> NoReturn:
        self.exit(CODES["error"], f"{self.prog}: {message}\n")


def count(text: str) -> int:
    """A number of things: from 1, at most six digits."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: whole numbers from 1)")
    return int(text)


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`, decimal or 0x-hexadecimal."""
    allowed = f"{low} to {high}" if high is not None else f"{low} or more"

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]+", text):
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number (allowed: {allowed})")
        value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
        if value < low or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"{text} is out of range (allowed: {allowed})")
        return value

    return parse


def random_seed(text: str) -> int:
    """A seed from 1. With 0 the kernel would choose one."""
    return integer(1, 2**64 - 1)(text)


def memory(text: str) -> int:
    """Guest memory in MiB. GRUB needs at least 16 MiB; more than 64 GiB was not tried."""
    match = re.fullmatch(r"([0-9]{1,6})([MG])", text)
    mib = int(match[1]) * MIB_PER_UNIT[match[2]] if match else 0
    if not 16 <= mib <= 65536:
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: 16M to 64G, such as 512M or 4G)")
    return mib


def nonce(text: str) -> int:
    """The 64-bit number that identifies the run of a log."""
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{1,16}", text):
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: up to 16 hexadecimal digits)")
    return int(text, 16)


def allocator(text: str) -> str:
    """An allocator's name. Only the kernel knows which allocators exist."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text):
        raise argparse.ArgumentTypeError(f"'{text}' (allowed: letters, digits, - and _)")
    return text


def kernel_arguments(text: str) -> list[str]:
    """Words for the kernel, which checks them.

    Only characters that a loader cannot pass are refused.
    """
    if not re.fullmatch(r"[ -~]*", text) or re.search(r"[\"'\\]", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} (allowed: printable ASCII without quotes and backslash)")
    return text.split()


def regex(text: str) -> re.Pattern[str]:
    """A regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None


def add_checks(parser: argparse._ActionsContainer) -> None:
    """Add --expect and --forbid."""
    parser.add_argument("--expect", type=regex, action="append", default=[], metavar="REGEX",
                        help="fail unless a line of the kernel matches (may be repeated)")
    parser.add_argument("--forbid", type=regex, action="append", default=[], metavar="REGEX",
                        help="fail if a line of the kernel matches (may be repeated)")
