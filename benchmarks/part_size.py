"""Simulate a cluster with slow nodes and preemption to find the best length of a part of a video.

    python benchmarks/part_size.py [--figure docs/images/part-size.png]

Videos with ``--hours`` of work in total are split into parts of equal length, which ``--workers`` process in order.
Each start of a part costs ``--start`` seconds, in which the process starts and loads the network.  The speed of the
nodes varies: the time of a part is multiplied by a log-normal factor of its node, and one node in fifty is three times
as slow.  A worker is preempted after an exponentially distributed time.  Its part waits ``--requeue`` seconds and is
then continued by the next free worker, either from its last chunk, which loses at most the work of ``--chunk`` seconds,
or, for comparison, from the beginning.

For each length, the script prints the total time relative to that of an ideal cluster with the same nodes, and the
fraction of the work that was lost or spent on starting.  All values are means over ``--repeats`` simulated clusters.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MINUTES = (0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320)


@dataclass(frozen=True)
class Cluster:
    """A cluster of ``workers`` nodes; times in seconds, ``between`` is the mean time between preemptions."""

    workers: int
    start: float
    between: float
    requeue: float
    chunk: float


def simulate(cluster: Cluster, work: float, part: float, seed: int, *, chunks: bool) -> tuple[float, float]:
    """Process ``work`` seconds in parts of ``part`` seconds; return time / optimum and the fraction of work wasted.

    With ``chunks``, a preempted part continues from its last chunk, otherwise from its beginning.
    """
    draw = np.random.default_rng(seed)
    slowness = np.exp(draw.normal(0, 0.15, cluster.workers))
    slowness[draw.random(cluster.workers) < 0.02] *= 3
    count = max(1, round(work / part))
    # waiting parts: (time since when, number, remaining work)
    queue = [(0.0, number, work / count) for number in range(count)]
    heapq.heapify(queue)
    free = [(0.0, worker) for worker in range(cluster.workers)]
    heapq.heapify(free)
    end = spent = useful = 0.0
    while queue:
        ready, number, left = heapq.heappop(queue)
        now, worker = heapq.heappop(free)
        now = max(now, ready)
        needed = cluster.start + left * slowness[worker]
        until = draw.exponential(cluster.between)
        if until >= needed:
            spent, useful = spent + needed, useful + needed - cluster.start
            end = max(end, now + needed)
            heapq.heappush(free, (now + needed, worker))
            continue
        done = max(0.0, until - cluster.start)
        safe = (done - done % cluster.chunk) / slowness[worker] if chunks else 0.0
        spent, useful = spent + until, useful + safe * slowness[worker]
        heapq.heappush(queue, (now + until + cluster.requeue, number, left - safe))
        heapq.heappush(free, (now + until, worker))  # the node is free again after another job
    ideal = work / np.sum(1 / slowness)
    return end / ideal, 1 - useful / spent


def table(cluster: Cluster, work: float, repeats: int, *, chunks: bool) -> list[tuple[float, float, float]]:
    """Return one row per length: minutes per part, time / optimum, fraction of the work wasted."""
    rows = []
    for minutes in MINUTES:
        seen = [simulate(cluster, work, 60 * minutes, seed, chunks=chunks) for seed in range(repeats)]
        rows.append((minutes, *np.mean(seen, axis=0)))
    return rows


def draw_figure(found: dict[str, list[tuple[float, float, float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    styles = (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "^"))
    for (name, rows), (color, marker) in zip(found.items(), styles, strict=False):
        minutes, slow, waste = zip(*rows, strict=True)
        axes[0].plot(minutes, slow, color=color, marker=marker, label=name)
        axes[1].plot(minutes, [100 * one for one in waste], color=color, marker=marker, label=name)
    axes[0].set(ylabel="time / optimum", ylim=(1, 4))
    axes[1].set(ylabel="wasted work (%)", ylim=(0, 80))
    for side in axes:
        side.set(xlabel="minutes per part", xscale="log")
        side.set_xticks(MINUTES, [f"{minutes:g}" for minutes in MINUTES])
        side.minorticks_off()
        side.axvline(20, color="#999999", linewidth=1, linestyle=":")
        side.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1000, help="total work")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--start", type=float, default=30, help="seconds per start")
    parser.add_argument("--between", type=float, default=2, help="mean hours between preemptions of a worker")
    parser.add_argument("--requeue", type=float, default=120, help="seconds until a preempted part restarts")
    parser.add_argument("--chunk", type=float, default=20, help="seconds of work per chunk")
    parser.add_argument("--repeats", type=int, default=20, help="simulated clusters")
    parser.add_argument("--figure", type=Path, help="save a plot to this file")
    call = parser.parse_args(words)
    cluster = Cluster(call.workers, call.start, 3600 * call.between, call.requeue, call.chunk)
    calm = Cluster(call.workers, call.start, 3600 * 10_000, call.requeue, call.chunk)
    work = 3600 * call.hours
    found = {
        "preempted, continues from its last chunk": table(cluster, work, call.repeats, chunks=True),
        "preempted, starts over": table(cluster, work, call.repeats, chunks=False) if call.between >= 0.5 else [],
        "never preempted": table(calm, work, call.repeats, chunks=True),
    }
    for name, rows in found.items():
        print(name)
        for minutes, slow, waste in rows:
            print(f"  {minutes:6g} min: {slow:5.2f} times the optimum, {100 * waste:4.1f} % wasted")
    if call.figure:
        draw_figure({name: rows for name, rows in found.items() if rows}, call.figure)


if __name__ == "__main__":
    main()
