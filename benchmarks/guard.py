"""Network guard and CPU clock of measured processes."""

from __future__ import annotations

import time

# Measured processes get no network access: connections are refused and counted.
GUARD = """
import socket as _socket
_refused = []
def _guard(name, original, address_of):
    def guarded(*arguments, **options):
        address = address_of(arguments)
        host = address[0] if isinstance(address, tuple) else address
        if isinstance(host, bytes): host = host.decode("ascii", "replace")
        own = ("", "localhost", "::1", "0.0.0.0")
        if isinstance(host, str) and host not in own and not host.startswith(("127.", "/")):
            _refused.append(host)
            raise OSError(f"The benchmark refuses the network: {host}")
        return original(*arguments, **options)
    return guarded
_socket.getaddrinfo = _guard("getaddrinfo", _socket.getaddrinfo, lambda a: a[0] if a else None)
_socket.socket.connect = _guard("connect", _socket.socket.connect, lambda a: a[1] if len(a) > 1 else None)
"""


def processor_seconds(pid: int) -> float:
    """Return the CPU seconds of a process with all its threads, from its own clock (Linux)."""
    return time.clock_gettime((~pid << 3) | 2)
