"""The measures as Prometheus reads them: a page of families, made in pieces.

It decides the names of families and writes the lines of histograms itself: `prometheus_client`, which negotiates the
format and writes all else, takes 7 µs a line, where the figures of a model are up to ninety lines; here a line takes
0.3 µs. Nothing in here is on the path of a call. No piece takes longer than a millisecond, so whoever has them made may
let the reactor turn between two of them.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Final, Protocol

from attrs import frozen
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GC_COLLECTOR
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.utils import floatToGoString
from twisted import __version__ as twisted_version

from targon_gw.core.census import DRAINING, STATES
from targon_gw.core.gateway import Gateway
from targon_gw.core.ledger import Ending
from targon_gw.core.measures import OUTCOMES, RESCUED_BY, RESCUES, Histogram, Measures, Row

PIECE: Final = 1_000
"""Lines, about, of one piece: a third of a millisecond."""
_EOF: Final = b"# EOF\n"
_KNOWN: Final = re.compile(r"\A(text/plain|application/openmetrics-text); version=[0-2]\.0\.[014]; [a-z0-9; =-]+\Z")
_OVERHEAD: Final = "Time of a call, up to a stream's first event, that no vendor was waited for; pauses count."

Encoder = Callable[["One"], bytes]
Labels = Mapping[str, str]


class Lag(Protocol):
    """How late the reactor is; see `targon_gw.lag`."""

    @property
    def worst(self) -> float: ...


@frozen
class Scene:
    """What there is to tell of, at monotonic `now`."""

    measures: Measures
    lag: Lag
    version: str
    now: float
    started_at: float
    """When the daemon began, Unix seconds."""
    read_at: float
    """When settings were last read and taken, Unix seconds."""
    taken: bool
    """Whether the last reading of the settings was taken."""
    clock_ahead: float
    """By how many seconds the system's clock is ahead of the one that the daemon goes by."""

    @property
    def gateway(self) -> Gateway:
        """The gateway that was measured."""
        return self.measures.gateway


@frozen
class One:
    """A family in the place of a registry."""

    metric: Metric

    def collect(self) -> list[Metric]:
        """As a registry's."""
        return [self.metric]


def encoding(accept: str) -> tuple[Encoder, str]:
    """What encodes, and the content type, for an Accept header: OpenMetrics where that is asked for.

    The library says back what version it was asked for; versions that there are not, and what it stumbles over, are
    answered as no Accept at all.
    """
    try:
        encoder, content_type = choose_encoder(accept)
    except TypeError:  # a version that is no number
        encoder, content_type = choose_encoder("")
    return (encoder, content_type) if _KNOWN.search(content_type) else choose_encoder("")


def pieces(scene: Scene, accept: str) -> Iterator[bytes]:
    """The page in pieces, each of them small; figures are those of the moment when a piece is asked for."""
    encoder, content_type = encoding(accept)
    measures = scene.measures
    measures.fold()
    yield from _calls(measures)
    yield from _histograms("targon_gw_overhead_seconds", _OVERHEAD, [({}, measures.overhead)])
    flushes = [({"result": "written" if ok else "failed"}, histogram) for ok, histogram in measures.flushes.items()]
    waits = [({"result": how}, histogram) for how, histogram in measures.waits.items()]
    yield from _histograms("targon_gw_wait_seconds", "How long calls waited for a key, of those that had to.", waits)
    yield from _histograms("targon_gw_flush_seconds", "How long it took to write the state.", flushes)
    for families in (_vendors(scene), _gateway(scene), _process(scene), GC_COLLECTOR.collect()):
        for metric in families:
            yield encoder(One(metric)).removesuffix(_EOF)
    if "openmetrics" in content_type:
        yield _EOF


def _calls(measures: Measures) -> Iterator[bytes]:
    """OpenTelemetry's."""
    rows = list(measures.rows.values())
    yield from _histograms(
        "gen_ai_server_request_duration_seconds",
        "From admission to settlement of a call.",
        (
            (_labels(row, {"error_type": error} if error else {}), histogram)
            for row in rows
            for error, histogram in (("", row.served), *row.failed.items())
            if any(histogram.counts)
        ),
    )
    yield from _histograms(
        "gen_ai_server_time_to_first_token_seconds",
        "From admission to the first event of a stream, failed attempts before it included.",
        ((_labels(row, {}), row.first) for row in rows if any(row.first.counts)),
    )
    yield from _histograms(
        "gen_ai_client_token_usage",
        "Tokens of a call, as they are charged: the vendor's own figures, or else an estimate.",
        (
            (_labels(row, {"gen_ai_token_type": kind}), histogram)
            for row in rows
            for kind, histogram in (("input", row.input), ("output", row.output))
            if any(histogram.counts)
        ),
    )


def _labels(row: Row, more: Labels) -> Labels:
    return {
        "gen_ai_operation_name": row.operation,
        "gen_ai_provider_name": row.upstream,
        "gen_ai_request_model": row.model,
        **more,
    }


def _vendors(scene: Scene) -> Iterator[Metric]:
    """Keys, attempts and transitions, by upstream."""
    measures, gateway = scene.measures, scene.gateway
    keys = GaugeMetricFamily(
        "targon_gw_keys", "Keys of the vendor, by the state that they are in.", labels=["upstream", "state"]
    )
    for pool in [*gateway.pools.values(), *gateway.leaving.values()]:
        census = pool.census(scene.now)
        for state in STATES:
            keys.add_metric([pool.name, state], census[state])
        keys.add_metric([pool.name, DRAINING], len(pool.draining))
    yield keys
    attempts = CounterMetricFamily(
        "targon_gw_attempts", "Attempts of clients' calls, by how they came out.", labels=["upstream", "outcome"]
    )
    for name in dict.fromkeys([*gateway.pools, *(upstream for upstream, _ in measures.attempts)]):
        for outcome in OUTCOMES.values():
            attempts.add_metric([name, outcome], measures.attempts[name, outcome])
    yield attempts
    transitions = CounterMetricFamily(
        "targon_gw_key_transitions",
        "Changes in the health of keys and of the accounts behind them.",
        labels=["upstream", "from", "to", "reason"],
    )
    for labels, count in measures.transitions.items():
        transitions.add_metric([*labels], count)
    yield transitions


def _gateway(scene: Scene) -> Iterator[Metric]:
    """The gateway's own."""
    measures, gateway = scene.measures, scene.gateway
    yield GaugeMetricFamily("targon_gw_calls_in_flight", "Calls admitted and not yet settled.", len(gateway.calls))
    yield GaugeMetricFamily(
        "targon_gw_calls_waiting", "Calls in flight that wait for a key to be free.", len(gateway.waiting)
    )
    endings = CounterMetricFamily(
        "targon_gw_stream_endings", "Calls that were to be streamed, by how they ended.", labels=["ending"]
    )
    for ending in Ending:
        endings.add_metric([ending.value], measures.endings[ending])
    yield endings
    rescues = CounterMetricFamily(
        "targon_gw_rescues", "Cut streams that were asked for again.", labels=["by", "result"]
    )
    for by in RESCUED_BY:
        for result in RESCUES:
            rescues.add_metric([by, result], measures.rescues[by, result])
    yield rescues
    yield GaugeMetricFamily(
        "targon_gw_reload_success_timestamp_seconds", "When settings were last read and taken.", scene.read_at
    )
    yield GaugeMetricFamily(
        "targon_gw_reload_successful", "Whether the settings that were last read are in force.", float(scene.taken)
    )
    yield GaugeMetricFamily(
        "targon_gw_recording", "Whether usage can be recorded; no call is admitted otherwise.", float(not gateway.shut)
    )
    yield GaugeMetricFamily("targon_gw_draining", "Whether the gateway is about to end.", float(gateway.draining))
    yield GaugeMetricFamily(
        "targon_gw_loop_lag_seconds", "By how much the reactor was late at worst in the last minute.", scene.lag.worst
    )
    yield GaugeMetricFamily(
        "targon_gw_clock_ahead_seconds",
        "By how much the system's clock is ahead of the one that the gateway goes by since its start.",
        scene.clock_ahead,
    )
    versions = {
        "version": scene.version,
        "python": platform.python_version(),
        "twisted": twisted_version,
        "jit": _jit(),
    }
    yield InfoMetricFamily("targon_gw_build", "The program that runs.", versions)


def _jit() -> str:
    """Whether Python compiles what it runs often: `on`, `off`, or `none` where it can't (before 3.14)."""
    jit = getattr(sys, "_jit", None)
    if jit is None or not jit.is_available():
        return "none"
    return "on" if jit.is_enabled() else "off"


def _process(scene: Scene) -> Iterator[Metric]:
    """What `prometheus_client` tells of its process, but for how open files are counted: it lists them, which takes
    15 ms where there are 10,000. Linux says the number since 6.2."""
    with open("/proc/self/statm", "rb") as file:
        size, resident, *_ = map(int, file.read().split())
    page = resource.getpagesize()
    count = os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = "Total user and system CPU time spent in seconds."
    yield CounterMetricFamily("process_cpu_seconds", told, time.process_time())
    yield GaugeMetricFamily("process_virtual_memory_bytes", "Virtual memory size in bytes.", size * page)
    yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory size in bytes.", resident * page)
    told = "Start time of the process since unix epoch in seconds."
    yield GaugeMetricFamily("process_start_time_seconds", told, scene.started_at)
    yield GaugeMetricFamily("process_open_fds", "Number of open file descriptors.", count)
    yield GaugeMetricFamily("process_max_fds", "Maximum number of open file descriptors.", most)


def _histograms(name: str, told: str, histograms: Iterable[tuple[Labels, Histogram]]) -> Iterator[bytes]:
    """The family of those histograms, in pieces."""
    lines = [f"# HELP {name} {told}\n# TYPE {name} histogram\n"]
    for labels, histogram in histograms:
        plain = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
        head = f'{name}_bucket{{{plain}{"," if plain else ""}le="'
        counts = list(accumulate(histogram.counts))
        lines += [
            f'{head}{bound}"}} {count}\n' for bound, count in zip(_written(histogram.bounds), counts, strict=True)
        ]
        behind = f"{{{plain}}}" if plain else ""
        lines.append(f"{name}_count{behind} {counts[-1]}\n{name}_sum{behind} {floatToGoString(histogram.total)}\n")
        if len(lines) >= PIECE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


@lru_cache(maxsize=16)
def _written(bounds: tuple[float, ...]) -> list[str]:
    """The bounds as labels: to write them anew takes longer than the rest of the line."""
    return [*map(floatToGoString, bounds), "+Inf"]


def _escaped(value: str) -> str:
    """A label's value as both formats write it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
