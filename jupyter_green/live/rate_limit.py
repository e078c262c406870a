"""Rate limit of messages to the page: at most five in any second.

A Jupyter server drops messages above its own limit, user output included. Messages keep a minimum
interval; once a second an urgent one (a final record) may come sooner. The interval is measured from the
end of one send to the start of the next, so it also holds on a slow machine.
"""

from __future__ import annotations

from dataclasses import dataclass

DISTANCE_SECONDS = 0.26
"""Four intervals exceed a second, so a second holds four regular messages and one urgent one."""


@dataclass
class RateLimit:
    """Keeps a minimum interval between messages."""

    distance: float = DISTANCE_SECONDS
    """Seconds between two messages."""
    urgent_every: float = 4 * DISTANCE_SECONDS
    """Seconds after which another urgent message may ignore the interval."""
    _last: float = float("-inf")
    _urgent: float = float("-inf")

    def wait(self, now: float, *, urgent: bool = False) -> float:
        """Return the seconds until a message may be sent, 0 for now; `now` is from a monotonic clock."""
        regular = self._last + self.distance
        earliest = min(regular, max(self._last, self._urgent + self.urgent_every)) if urgent else regular
        return max(0.0, earliest - now)

    def sent(self, now: float) -> None:
        """Note that a message was just sent."""
        if now < self._last + self.distance:
            self._urgent = now
        self._last = now
