"""What lines of magics have in common: options that refuse in one sentence, and names looked up in the notebook."""

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
    """Return the words of a line; quotes around a word fall away, those within an expression stay.

    ``models["small one"] --data '(x, y)'`` is three words, and the first is an expression that Python reads.

    Raises
    ------
    ValueError
        If a quote is not closed.
    """
    if _WORD.sub("", line).strip():
        raise ValueError("a quote is not closed")
    found = []
    for word in _WORD.findall(line):
        quoted = _QUOTED.fullmatch(word)
        found.append(word if quoted is None else "".join(part or "" for part in quoted.groups()))
    return found


def _amounts(words: list[str]) -> list[str]:
    """Join an amount such as -1pt to its option: it is refused as an amount, and not taken for an option itself."""
    found: list[str] = []
    for word in words:
        if re.match(r"-\.?\d", word) and found and re.fullmatch(r"--[\w-]+", found[-1]):
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


class Options(argparse.ArgumentParser):
    """A parser whose complaint is one sentence.

    Parameters
    ----------
    name : str
        Of the magic.
    """

    def __init__(self, name: str) -> None:
        super().__init__(prog=f"%{name}", add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise it as a sentence."""
        raise UsageError(f"{self.prog}: {message}; {self.prog}? shows what it takes.")

    def of(self, line: str) -> argparse.Namespace:
        """Return the options of a line.

        Raises
        ------
        UsageError
            If they make no sense.
        """
        try:
            return self.parse_args(_amounts(words_of(line)))
        except ValueError as error:
            raise UsageError(f"{self.prog}: {error}; put a text with spaces in quotes.") from None


def value(shell: Any, name: str, expression: str) -> Any:
    """Return what an expression is in the notebook.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's.
    name : str
        Of the magic that asks.
    expression : str
        A name, or what Python evaluates.

    Raises
    ------
    UsageError
        If it is nothing there.
    """
    space = shell.user_ns
    if expression in space:
        return space[expression]
    try:
        return shell.ev(expression)
    except (NameError, SyntaxError, AttributeError, LookupError) as error:
        raise UsageError(f"%{name}: {expression!r} is nothing in this notebook ({one_line(error, 160)}).") from None
    except Exception as error:  # an expression of the person's may raise anything; it is said and never hidden
        said = f"{type(error).__name__}: {one_line(error, 160)}"
        raise UsageError(f"%{name}: {expression!r} can't be evaluated ({said}).") from error


def column_or_values(shell: Any, name: str, word: str | None) -> Any:
    """Return the values that a word stands for in the notebook, else the word: the name of a column.

    Parameters
    ----------
    shell : InteractiveShell
        The notebook's.
    name : str
        Of the magic that asks.
    word : str or None
        What was written; None stays None.
    """
    if word is None:
        return None
    own = value(shell, name, word) if word in shell.user_ns or "[" in word else None
    return word if own is None or isinstance(own, str) or not hasattr(own, "__len__") else own


def nameable(name: str) -> bool:
    """Whether a variable can have this name."""
    return name.isidentifier() and not keyword.iskeyword(name)


def tolerance_of(text: str) -> float:
    """Return a share that is written as ``5%`` or ``0.05``.

    Raises
    ------
    ValueError
        If it is none from 0 up.
    """
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is no tolerance; write a share such as 5%.")
    return value


def is_number(text: str) -> bool:
    """Whether a text is a number, whatever its value."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def count_units(text: str, namespace: dict[str, Any]) -> float:
    """Number of units named by an option: a number, or a variable that is one or has a length.

    Raises
    ------
    ValueError
        If it is neither; one sentence.
    """
    try:
        number = float(text)
    except ValueError:
        if text not in namespace:
            raise ValueError(f"-u wants a number or the name of a variable; {text!r} is neither.") from None
        value = namespace[text]
        try:
            number = float(len(value)) if hasattr(value, "__len__") else float(value)
        except TypeError:
            raise ValueError(
                f"-u wants a number; the variable {text!r} is neither a number nor has a length."
            ) from None
    if not 0 < number < float("inf"):
        raise ValueError(f"-u wants a number above 0, not {text}.")
    return number


def need_torch(name: str) -> None:
    """Refuse where PyTorch, which asks every model its questions, can't be imported.

    Raises
    ------
    UsageError
        With what to install; one sentence.
    """
    try:
        import torch  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError(
            f"%{name} needs PyTorch, which can't be imported here; run: pip install 'jupyter_green[shrink]'."
        ) from None
