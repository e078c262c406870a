"""Argument parsing shared by magics: one-sentence errors, and lookup of names in the notebook."""

from __future__ import annotations

import argparse
import keyword
import re
from typing import Any, NoReturn

from IPython.core.error import UsageError

from jupyter_green.reporting.sanitize import one_line

_WORD = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*')+""")
_QUOTED = re.compile(r"""(--?[\w-]+=)?(?:"([^"]*)"|'([^']*)')""")


def words_of(line: str) -> list[str]:
    """Split a line into words; quotes around a word are removed, quotes inside an expression stay.

    ``models["small one"] --data '(x, y)'`` is three words; the first is a Python expression. Raises ValueError if a
    quote is not closed.
    """
    if _WORD.sub("", line).strip():
        raise ValueError("a quote is not closed")
    words = []
    for word in _WORD.findall(line):
        quoted = _QUOTED.fullmatch(word)
        words.append(word if quoted is None else "".join(part or "" for part in quoted.groups()))
    return words


def _amounts(words: list[str]) -> list[str]:
    """Join an amount such as -1pt to its option, so that it is not parsed as an option."""
    joined: list[str] = []
    for word in words:
        if re.match(r"-\.?\d", word) and joined and re.fullmatch(r"--[\w-]+", joined[-1]):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


class Options(argparse.ArgumentParser):
    """An argument parser of one magic, whose error message is one sentence."""

    def __init__(self, name: str) -> None:
        super().__init__(prog=f"%{name}", add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with one sentence."""
        raise UsageError(f"{self.prog}: {message}; {self.prog}? shows the options.")

    def of(self, line: str) -> argparse.Namespace:
        """Parse the options of a line. Raises UsageError if they are invalid."""
        try:
            return self.parse_args(_amounts(words_of(line)))
        except ValueError as error:
            raise UsageError(f"{self.prog}: {error}; put a text with spaces in quotes.") from None


def value(shell: Any, name: str, expression: str) -> Any:
    """Evaluate a variable's name or an expression in the notebook; `name` is the magic's.

    Raises UsageError if it can't be evaluated.
    """
    space = shell.user_ns
    if expression in space:
        return space[expression]
    try:
        return shell.ev(expression)
    except (NameError, SyntaxError, AttributeError, LookupError) as error:
        raise UsageError(f"%{name}: {expression!r} is not defined in this notebook ({one_line(error, 160)}).") from None
    except Exception as error:  # a user's expression may raise anything
        reason = f"{type(error).__name__}: {one_line(error, 160)}"
        raise UsageError(f"%{name}: {expression!r} can't be evaluated ({reason}).") from error


def column_or_values(shell: Any, name: str, word: str | None) -> Any:
    """Return the values of a variable or expression of the notebook, else the word itself: a column's name."""
    if word is None:
        return None
    values = value(shell, name, word) if word in shell.user_ns or "[" in word else None
    return word if values is None or isinstance(values, str) or not hasattr(values, "__len__") else values


def nameable(name: str) -> bool:
    """Whether this is a valid variable name."""
    return name.isidentifier() and not keyword.iskeyword(name)


def tolerance_of(text: str) -> float:
    """Parse a fraction written as ``5%`` or ``0.05``. Raises ValueError if it is not a number, negative or infinite."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is not a tolerance; write a share such as 5%.")
    return value


def is_number(text: str) -> bool:
    """Whether a text parses as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def count_units(text: str, namespace: dict[str, Any]) -> float:
    """Return the number of units: a number, or a variable that is a number or has a length.

    Raises ValueError if it is neither, or not above 0 (one sentence).
    """
    try:
        number = float(text)
    except ValueError:
        if text not in namespace:
            raise ValueError(f"-u takes a number or the name of a variable; {text!r} is neither.") from None
        value = namespace[text]
        try:
            number = float(len(value)) if hasattr(value, "__len__") else float(value)
        except TypeError:
            raise ValueError(
                f"-u takes a number; the variable {text!r} is neither a number nor has a length."
            ) from None
    if not 0 < number < float("inf"):
        raise ValueError(f"-u takes a number above 0, not {text}.")
    return number


def need_torch(name: str) -> None:
    """Raise UsageError, which says what to install, if PyTorch can't be imported."""
    try:
        import torch  # noqa: F401 - availability check only
    except ImportError:
        raise UsageError(
            f"%{name} needs PyTorch, which can't be imported here; run: pip install 'jupyter_green[shrink]'."
        ) from None
