"""Price of electricity: an exact decimal with its currency, parsed from text.

Ambiguous text is rejected with a message that says how to write it: ``$`` stands for several currencies, and ``1,234``
for two numbers.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from jupyter_green.errors import GreenError

from .kilowatt_hours import EXACT, kilowatt_hours

# ISO 4217 codes of currencies in use.
_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
# Unambiguous currency signs; "$", "¥" and "kr" are ambiguous and rejected.
SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₽": "RUB", "zł": "PLN", "US$": "USD"}
_SHARED = {"$": "USD", "¥": "JPY", "KR": "SEK", "C": "EUR", "CT": "EUR", "CENT": "EUR", "CENTS": "EUR"}
_ASK = "write it like '0.25 EUR/kWh'"

_PER = re.compile(r"\s*(?:/|\bper\b)\s*(?P<unit>[kKmM][wW][hH])\s*$", re.IGNORECASE)
_NUMBER = r"(?P<number>[+-]?\d[\d.,]*)"
_MONEY = re.compile(rf"(?P<before>[^\d\s.,+-]+)?\s*{_NUMBER}\s*(?P<after>[^\d\s.,+-]+)?")


class BadTariff(GreenError, ValueError):
    """An invalid price. The message is one sentence that says how to write it."""


@dataclass(frozen=True)
class Tariff:
    """A price of electricity.

    Parameters
    ----------
    per_kwh : Decimal
        Price of one kWh in `currency`.
    currency : str
        ISO 4217 code, such as ``"EUR"``.
    """

    per_kwh: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.per_kwh.is_finite() or self.per_kwh < 0:
            raise BadTariff(f"A price per kWh is a number from 0 up, not {self.per_kwh}: {_ASK}.")
        if self.currency not in CURRENCIES:
            raise BadTariff(_no_currency(self.currency))

    @classmethod
    def parse(cls, text: str) -> Tariff:
        """Parse a price such as ``"0.25 EUR/kWh"``, ``"€0.25"`` or ``"250 EUR/MWh"``; per kWh unless it says MWh.

        Raises
        ------
        BadTariff
            If the number, the currency or the unit is missing or ambiguous.
        """
        stripped = text.strip()
        unit = _PER.search(stripped)
        amount = stripped[: unit.start()].strip() if unit else stripped
        if "/" in amount or re.search(r"\bper\b", amount):
            raise BadTariff(f"The price {text!r} is not per kWh or MWh: {_ASK}.")
        match = _MONEY.fullmatch(amount)
        if match is None:
            raise BadTariff(f"The price {text!r} can't be read: {_ASK}.")
        signs = [sign for sign in (match["before"], match["after"]) if sign]
        if len(signs) != 1:
            problem = "names no currency" if not signs else "names two currencies"
            raise BadTariff(f"The price {text!r} {problem}: {_ASK}.")
        price = _number(match["number"], text)
        if unit and unit["unit"].casefold() == "mwh":
            price = price.scaleb(-3, EXACT)
        return cls(price, _currency(signs[0]))

    def cost(self, joules: float, pue: Decimal = Decimal(1)) -> Decimal:
        """Return the cost of `joules` (J) at the devices: joules x PUE x price.

        Raises
        ------
        ValueError
            If `joules` is negative or not finite.
        """
        return EXACT.multiply(EXACT.multiply(kilowatt_hours(joules), pue), self.per_kwh)

    def __str__(self) -> str:
        return f"{self.per_kwh.normalize():f} {self.currency}/kWh"


def version_of(terms: Mapping[str, Decimal | str]) -> str:
    """Return the version of a tariff: eight hex digits of a hash of its terms.

    It depends on the terms alone, so that it can be verified on any machine.

    Parameters
    ----------
    terms : mapping of str to Decimal or str
        Terms of the tariff; terms of 0 are ignored.
    """
    texts = {
        name: f"{term.normalize():f}" if isinstance(term, Decimal) else term for name, term in sorted(terms.items())
    }
    canonical = ";".join(f"{name}={text}" for name, text in texts.items() if text != "0")
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def _number(digits: str, text: str) -> Decimal:
    if digits.startswith("-"):
        raise BadTariff(f"The price {text!r} is negative: {_ASK}.")
    digits = digits.removeprefix("+")
    if re.fullmatch(r"\d+(\.\d+)?", digits):
        return Decimal(digits)
    comma = re.fullmatch(r"(\d+),(\d+)", digits)
    # "0,25" can only be a decimal comma; "1,234" may also be one thousand.
    if comma and (len(comma[2]) != 3 or comma[1] == "0"):
        return Decimal(f"{comma[1]}.{comma[2]}")
    raise BadTariff(f"The number in {text!r} is ambiguous: use a point for decimals and nothing for thousands.")


def _currency(sign: str) -> str:
    if sign in SIGNS:
        return SIGNS[sign]
    code = sign.upper()
    if code in SIGNS:
        return SIGNS[code]
    if code in _SHARED:
        raise BadTariff(
            f"{sign!r} stands for more than one currency: write its code, such as '0.25 {_SHARED[code]}/kWh'."
        )
    return code


def _no_currency(code: str) -> str:
    anagrams = sorted(currency for currency in CURRENCIES if sorted(currency) == sorted(code))
    suggestions = anagrams or difflib.get_close_matches(code, sorted(CURRENCIES), n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(suggestions)}? Else " if suggestions else ""
    return f"{code!r} is not a currency code: {hint}{_ASK}."
