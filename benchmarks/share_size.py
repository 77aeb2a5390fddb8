"""How long a share of a video should take: a simulated cluster with slow nodes and pre-emption.

    python benchmarks/share_size.py [--figure docs/images/share-size.png]

Videos of ``--hours`` of work in all are cut into shares of equal length and handed out one by one, in order, to
``--workers``.  A share begins with ``--start`` seconds (a job starts, the net is loaded).  Nodes differ: the time of a
share is multiplied by a log-normal factor of the node, and one node in fifty takes three times as long.  A worker is
pre-empted after an exponential time; its share waits ``--requeue`` seconds and is done by whoever is free then: from
its last chunk on, which loses at most the work of ``--chunk`` seconds, or, for comparison, from its beginning.

What it prints for each length: the time until all is done over the time that a perfect cluster of these very nodes
takes, and the share of the work that was lost or spent on starting.  Each figure is the mean of ``--repeats`` clusters.
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
    """Seconds, but for the number of ``workers``; ``between`` pre-emptions of a worker on average."""

    workers: int
    start: float
    between: float
    requeue: float
    chunk: float


def simulate(cluster: Cluster, work: float, share: float, seed: int, *, chunks: bool) -> tuple[float, float]:
    """Time until ``work`` seconds in shares of ``share`` seconds are done over the least possible, and work wasted.

    ``chunks`` says whether a share goes on from its last chunk.
    """
    draw = np.random.default_rng(seed)
    slowness = np.exp(draw.normal(0, 0.15, cluster.workers))
    slowness[draw.random(cluster.workers) < 0.02] *= 3
    count = max(1, round(work / share))
    # the shares that wait: since when, which, how much of each is left
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
        heapq.heappush(free, (now + until, worker))  # the node serves another job, then us again
    ideal = work / np.sum(1 / slowness)
    return end / ideal, 1 - useful / spent


def table(cluster: Cluster, work: float, repeats: int, *, chunks: bool) -> list[tuple[float, float, float]]:
    """Minutes of a share, time over the least possible, part of the work wasted."""
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
    axes[0].set(ylabel="time / least possible", ylim=(1, 4))
    axes[1].set(ylabel="work lost or spent on starting, %", ylim=(0, 80))
    for side in axes:
        side.set(xlabel="minutes of a share", xscale="log")
        side.set_xticks(MINUTES, [f"{minutes:g}" for minutes in MINUTES])
        side.minorticks_off()
        side.axvline(20, color="#999999", linewidth=1, linestyle=":")
        side.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1000, help="of work in all")
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--start", type=float, default=30, help="seconds")
    parser.add_argument("--between", type=float, default=2, help="hours between pre-emptions of a worker")
    parser.add_argument("--requeue", type=float, default=120, help="seconds; SLURM's own delay")
    parser.add_argument("--chunk", type=float, default=20, help="seconds")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--figure", type=Path)
    call = parser.parse_args(words)
    cluster = Cluster(call.workers, call.start, 3600 * call.between, call.requeue, call.chunk)
    calm = Cluster(call.workers, call.start, 3600 * 10_000, call.requeue, call.chunk)
    work = 3600 * call.hours
    found = {
        "pre-empted, goes on from its last chunk": table(cluster, work, call.repeats, chunks=True),
        "pre-empted, begins again": table(cluster, work, call.repeats, chunks=False) if call.between >= 0.5 else [],
        "never pre-empted": table(calm, work, call.repeats, chunks=True),
    }
    for name, rows in found.items():
        print(name)
        for minutes, slow, waste in rows:
            print(f"  {minutes:6g} min: {slow:5.2f} times the least possible, {100 * waste:4.1f} % wasted")
    if call.figure:
        draw_figure({name: rows for name, rows in found.items() if rows}, call.figure)


if __name__ == "__main__":
    main()
