"""`adflux doctor`: what works here; under mpiexec, what each rank finds."""

import json
import os
import socket
from collections import defaultdict
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

SHOWN = 64  # ranks in the table


def doctor(
    lmp: Annotated[
        Path | None, typer.Option(help="The lmp to examine; default: this environment's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what works and what is missing; exit code 1 if LAMMPS with JAX potentials
    would not run. Under mpiexec: device, threads, memory and exchange of each rank.
    """
    from ..lmp.doctor import examine, healthy, report
    from ..process import RANK_VARIABLES

    if any(name in os.environ for name in RANK_VARIABLES):
        from ..parallel.failures import world

        if world().size > 1:
            raise typer.Exit(0 if _ranks(world(), as_json) else 1)
    findings = examine(lmp)
    report(findings, as_json)
    raise typer.Exit(0 if healthy(findings) else 1)


class _Rank(NamedTuple):
    """What one rank finds."""

    rank: int
    node: str
    cores: tuple[int, ...]
    threads: int
    device: str
    memory: float | None  # GB that the node has left
    exchange: str


def _ranks(comm, as_json: bool) -> bool:
    """Gather what all ranks find, and print it on the first; would a run work?"""
    from ..parallel.handler import missing_handler
    from ..process import device, prepare

    prepare()
    here = device()
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES") or os.environ.get("ROCR_VISIBLE_DEVICES")
    own = _Rank(
        comm.rank,
        socket.gethostname(),
        _cores(),
        int(os.environ["PJRT_NPROC"]),
        f"{here} of {gpu}" if gpu and here.platform != "cpu" else str(here),
        _memory(),
        missing_handler() or "compiled",
    )
    ranks = comm.gather(own)
    return comm.bcast(_print(ranks, as_json) if comm.rank == 0 else None)


def _print(ranks: list[_Rank], as_json: bool) -> bool:
    from rich.console import Console
    from rich.table import Table

    from ..lmp.findings import healthy, print_findings

    findings = _findings(ranks)
    if as_json:
        found = [finding.__dict__ for finding in findings]
        answer = {"healthy": healthy(findings), "findings": found}
        print(json.dumps({**answer, "ranks": [rank._asdict() for rank in ranks]}, indent=1))
        return healthy(findings)
    table = Table("rank", "node", "cores", "threads", "device", "memory free", "exchange")
    for one in ranks[:SHOWN]:
        cores = f"{len(one.cores)}" if one.cores else "?"
        memory = f"{one.memory:.0f} GB" if one.memory is not None else "?"
        table.add_row(
            str(one.rank), one.node, cores, str(one.threads), one.device, memory, one.exchange
        )
    Console(soft_wrap=False).print(table)
    if len(ranks) > SHOWN:
        print(f"… and {len(ranks) - SHOWN} more ranks")
    print_findings(findings)
    return healthy(findings)


def _findings(ranks: list[_Rank]):
    from ..lmp.findings import Finding

    nodes = defaultdict(list)
    for one in ranks:
        nodes[one.node].append(one)
    crowded, shared = [], []
    for node, there in nodes.items():
        cores = len({core for one in there for core in one.cores})
        wanted = sum(one.threads for one in there if one.device.lower().startswith("cpu"))
        if cores and wanted > cores:
            crowded.append(f"{wanted} threads share {cores} cores on {node}")
        gpus = [one.device for one in there if not one.device.lower().startswith("cpu")]
        if len(set(gpus)) < len(gpus):
            shared.append(f"{len(gpus)} ranks share {len(set(gpus))} GPUs on {node}")
    without = [one for one in ranks if one.exchange != "compiled"]
    return [
        Finding("ranks", True, f"{len(ranks)} on {len(nodes)} node{'s' * (len(nodes) > 1)}"),
        Finding(
            "cores",
            not crowded,
            "; ".join(crowded) or "one or more for each thread",
            "start fewer ranks, or let mpiexec give each its own cores",
            needed=False,
        ),
        Finding(
            "devices",
            not shared,
            "; ".join(shared) or "none is shared",
            "start a rank for each GPU, with CUDA_VISIBLE_DEVICES by local rank",
            needed=False,
        ),
        Finding(
            "exchange",
            not without,
            f"{without[0].exchange} (rank {without[0].rank})" if without else "compiled",
            "run `adflux build-lammps --exchange-only`",
            needed=False,
        ),
    ]


def _cores() -> tuple[int, ...]:
    """Cores that this rank may use; none where the system does not say."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def _memory() -> float | None:
    """GB that the node has left; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if "MemAvailable" in line) / 1e6
    except (OSError, StopIteration):
        return None
