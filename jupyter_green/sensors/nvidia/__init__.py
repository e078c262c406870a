"""NVIDIA GPUs: the energy counter if the driver has one, else the power reading.

What a GPU supports is found by calling the driver, not from its generation: vGPUs and some consumer GPUs have
no counter although their generation does. A reading covers the whole GPU, whoever uses it: MIG slices have no
meter of their own, and a Grace module may have one for the whole module only; `SensorInfo.scope` says which.
Nothing here needs CUDA or a framework.

Not yet tested on real GPUs: built against NVIDIA's headers and a simulated driver. Readings of a driver that
calls itself simulated have the quality "simulated", never "measured".
"""

from __future__ import annotations

from .discovery import discover

__all__ = ["discover"]
