"""How often the kernel may speak: at most five messages in any second, whatever happens in it.

A server that is told more drops messages, a person's own output among them. Messages keep a distance, and once
a second one that a person waits for (a final figure) may come sooner. The distance counts from the end of
one sending to the beginning of the next, so that no slow machine brings them closer.
"""

from __future__ import annotations

from dataclasses import dataclass

DISTANCE_SECONDS = 0.26
"""Four of them are more than a second, so that there are four messages in one, and the urgent one."""


@dataclass
class RateLimit:
    """Keeps a distance between messages.

    Parameters
    ----------
    distance : float
        Seconds between two messages.
    urgent_every : float
        Seconds after which another one may be sent without regard to the distance.
    """

    distance: float = DISTANCE_SECONDS
    urgent_every: float = 4 * DISTANCE_SECONDS
    _last: float = float("-inf")
    _urgent: float = float("-inf")

    def wait(self, now: float, *, urgent: bool = False) -> float:
        """Seconds until a message may be sent, 0 for now; `now` is any clock that never runs backwards."""
        regular = self._last + self.distance
        earliest = min(regular, max(self._last, self._urgent + self.urgent_every)) if urgent else regular
        return max(0.0, earliest - now)

    def sent(self, now: float) -> None:
        """A message was just sent."""
        if now < self._last + self.distance:
            self._urgent = now
        self._last = now
