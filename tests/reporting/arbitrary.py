"""Records drawn at random for property tests: any numbers a sensor could make up, any text a person could."""

from __future__ import annotations

from hypothesis import strategies as st

from jupyter_green.records import Component, EnergyRecord, Trace

TEXT = st.text(max_size=30)
JOULES = st.one_of(
    st.none(),
    st.floats(1e-9, 1e12),
    st.sampled_from([0.0, -0.2, 999.95, 1e-300, 1e60, float("nan"), float("inf")]),
)
HALFWIDTH = st.one_of(st.none(), st.floats(0, 1e6), st.sampled_from([0.0, 1e-300, 1e60, float("inf")]))
MAYBE = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


def components(quality: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Component]:
    return st.builds(
        Component,
        kind=st.sampled_from(["gpu", "cpu", "dram", "other"]),
        device=TEXT,
        key=TEXT,
        joules=JOULES,
        uncertainty=HALFWIDTH,
        gain_uncertainty=st.one_of(st.none(), st.floats(0, 1e6)),
        method=st.sampled_from(["counter", "power", "model"]),
        quality=st.sampled_from(["measured", "estimated", "simulated"]) if quality is None else quality,
        scope=TEXT,
        source=st.sampled_from(["", "nvidia", "rapl"]),
        idle_joules=MAYBE,
        own_joules=st.one_of(st.none(), st.floats(0, 1e6)),
        shared=st.sampled_from([None, True, False]),
        tick_seconds=MAYBE,
        note=st.one_of(st.none(), TEXT),
        celsius=MAYBE,
        clock_mhz=MAYBE,
        clock_spread_mhz=st.one_of(st.none(), st.floats(0, 1e4)),
        throttle=st.one_of(st.none(), st.lists(TEXT, max_size=3).map(tuple)),
    )


TRACES = st.builds(
    Trace,
    series=st.dictionaries(TEXT, st.lists(st.tuples(st.floats(0, 100), MAYBE), max_size=200).map(tuple), max_size=3),
    seconds=st.floats(0, 100),
    simulated=st.booleans(),
)


def records(quality: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[EnergyRecord]:
    return st.builds(
        EnergyRecord,
        components=st.lists(components(quality), max_size=4).map(tuple),
        seconds=st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, 1e-9])),
        started_at=st.floats(0, 2e9),
        span=st.sampled_from(["cell", "window", "gap", "trial"]),
        status=st.sampled_from(["ok", "error", "interrupted", "killed"]),
        final=st.booleans(),
        label=st.one_of(st.none(), TEXT),
        execution_count=st.one_of(st.none(), st.integers(0, 9999)),
        notebook=st.one_of(st.none(), TEXT),
        units=MAYBE,
        unit=st.one_of(st.none(), TEXT),
        overhead_seconds=st.floats(0, 1),
        co2e_grams=MAYBE,
        co2e_source=st.one_of(st.none(), TEXT),
        cost=MAYBE,
        currency=st.one_of(st.none(), TEXT),
        notes=st.lists(TEXT, max_size=2).map(tuple),
        trace=st.one_of(st.none(), TRACES),
    )
