"""A pytest plugin: a client of a kernel that starts slowly has no answers left over when it is ready.

`wait_for_ready` asks each second until there is an answer. The answers to what it asked more than once come later, and
are then taken for answers to something else: a test that starts a kernel passes or fails by the second.
"""

from __future__ import annotations

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.client import KernelClient
from jupyter_client.utils import ensure_async, run_sync

PATIENCE = 60.0
_wait = KernelClient._async_wait_for_ready


async def _wait_and_drain(self: KernelClient, timeout: float | None = None) -> None:
    await _wait(self, timeout)
    last = self.kernel_info()
    for channel, kind in ((self.shell_channel, "kernel_info_reply"), (self.iopub_channel, "status")):
        while True:
            message = await ensure_async(channel.get_msg(timeout=PATIENCE))
            mine = message["parent_header"].get("msg_id") == last and message["msg_type"] == kind
            if mine and message["content"].get("execution_state") in (None, "idle"):
                break


KernelClient._async_wait_for_ready = _wait_and_drain  # type: ignore[method-assign]  # the plugin is these replacements
AsyncKernelClient.wait_for_ready = _wait_and_drain  # type: ignore[method-assign]
BlockingKernelClient.wait_for_ready = run_sync(_wait_and_drain)  # type: ignore[method-assign]
