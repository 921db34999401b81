"""Logs of random jobs, runs, prints, warnings, kills and restarts give back the right run's facts,
or a refusal.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lammps_adflux import AdfluxError, read_flux
from lammps_adflux.units import unit_system

DEFINITIONS = {
    "total": "c_flux[{}]",
    "per volume": "c_flux[{}]/vol",
    "other units": "-2.5e3*c_flux[{}]/(lx*ly*lz)",
}


@dataclass(eq=False)
class Run:
    rows: int
    interval: int
    start: int
    temperature: float
    timestep: float | None  # set before this run
    time_column: bool
    prints: bool
    warns: bool
    kind: str
    definition: str
    seed: int

    @property
    def steps(self):
        """The first step of the run, and multiples of the thermo interval after it."""
        first = self.interval * (self.start // self.interval)
        return np.concatenate([[self.start], first + self.interval * np.arange(1, self.rows)])


@dataclass(eq=False)
class Job:
    header: bool
    units: str | None
    restart: bool
    edges: tuple
    runs: list
    killed: int | None  # characters of the last row that were written
    boring: list = field(default_factory=list)


numbers = st.floats(0.5, 3.0, allow_nan=False)
runs = st.builds(
    Run,
    rows=st.sampled_from([1, 2, 8, 14, 20, 33]),
    interval=st.sampled_from([1, 5, 10, 250]),
    start=st.sampled_from([0, 1000, 12345]),
    temperature=st.floats(10, 900),
    timestep=st.none() | st.sampled_from([0.0005, 0.002, 0.004]),
    time_column=st.booleans(),
    prints=st.booleans(),
    warns=st.booleans(),
    kind=st.sampled_from(["run", "run", "run", "minimize"]),
    definition=st.sampled_from(list(DEFINITIONS)),
    seed=st.integers(0, 2**31),
)
jobs = st.builds(
    Job,
    header=st.booleans(),
    units=st.sampled_from([None, "lj", "metal", "real"]),
    restart=st.booleans(),
    edges=st.tuples(numbers, numbers, numbers).map(
        lambda edges: tuple(round(10 * edge, 6) for edge in edges)
    ),
    runs=st.lists(runs, min_size=1, max_size=3),
    killed=st.none() | st.integers(0, 30),
    boring=st.lists(
        st.sampled_from(
            [
                'print "units si"\nunits si\n',
                'print "timestep ${dt}"\ntimestep 77.0\n',
                'print """units cgs\ntimestep 99\n"""\nunits cgs\ntimestep 99\n',
                "# timestep 0.5 fs, and # units real\n",
                "  master list distance cutoff = 2.8\n",
                "variable t equal 5 # timestep 3\n",
                'if "1 > 2" then "timestep 12"\n',
                "Neighbor list info ...\n",
            ]
        ),
        max_size=3,
    ),
)


def write(job: Job, first: bool) -> str:
    text = "LAMMPS (4 Jul 2026)\n" if job.header or first else ""
    text += f"units {job.units}\n" if job.units else ""
    text += "read_restart old.restart\nReading restart file ...\n" if job.restart else ""
    text += f"  orthogonal box = (0 0 0) to ({' '.join(map(str, job.edges))})\n"
    text += "".join(job.boring) + "compute flux all heat/flux ke pe st\n"
    for number, run in enumerate(job.runs):
        text += f"timestep ${{dt}}\ntimestep {run.timestep}\n" if run.timestep else ""
        text += "".join(
            f"variable J{axis} equal {DEFINITIONS[run.definition].format(place)}\n"
            for place, axis in enumerate("xyz", 1)
        )
        text += f"thermo {run.interval}\n{run.kind} 100\n"
        text += "Per MPI rank memory allocation (min/avg/max) = 3.9 | 3.9 | 3.9 Mbytes\n"
        text += f"   Step {'Time ' if run.time_column else ''}Temp v_Jx v_Jy v_Jz\n"
        last = number == len(job.runs) - 1
        lines = table(job, run, timestep(job, number, first))
        if last and job.killed is not None:
            text += "".join(lines[:-1]) + lines[-1][: min(job.killed, len(lines[-1]) - 6)]
            return text
        text += "".join(lines) + "Loop time of 0.1 on 1 procs for 100 steps with 108 atoms\n\n"
        text += "Minimization stats:\n" if run.kind == "minimize" else ""
    return text + "Total wall time: 0:00:01\n"


def table(job: Job, run: Run, step: float | None) -> list[str]:
    lines = []
    flux = columns(job, run)
    for number, at in enumerate(run.steps):
        time = f"{at * (step or 0.003):.8g} " if run.time_column else ""
        if run.prints and number % 5 == 2:
            lines.append(f"{at} {run.temperature:.17g} 1.5 2.5\n")
        if run.warns and number % 7 == 3:
            lines.append("WARNING: Dangerous builds (src/neighbor.cpp:2)\n")
        lines.append(
            f"   {at} {time}{temperatures(run)[number]!r} "
            f"{' '.join(map(repr, map(float, flux[number])))}    \n"
        )
    return lines


def temperatures(run: Run) -> list[float]:
    return [
        float(t) for t in run.temperature + np.random.default_rng(run.seed).uniform(0, 1, run.rows)
    ]


def fluxes(run: Run) -> np.ndarray:
    """The extensive flux of each row."""
    return np.random.default_rng(run.seed + 1).normal(size=(run.rows, 3))


def columns(job: Job, run: Run) -> np.ndarray:
    factor = {
        "total": 1.0,
        "per volume": 1 / np.prod(job.edges),
        "other units": -2.5e3 / np.prod(job.edges),
    }
    return factor[run.definition] * fluxes(run)


def timestep(job: Job, number: int, first: bool) -> float | None:
    """By the rules of LAMMPS, None where only the restart file or an earlier log knows."""
    stated = [run.timestep for run in job.runs[: number + 1] if run.timestep]
    if stated:
        return stated[-1]
    if job.restart or not (job.header or first):
        return None
    return unit_system(job.units or "lj").default_timestep


def finished(job: Job, run: Run) -> int:
    """How many rows of a run are there as whole lines."""
    return run.rows - (job.killed is not None and run is job.runs[-1])


# without shrinking, which takes minutes: the failing log is in the folder that the message names
@pytest.mark.slow
@settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(jobs, min_size=1, max_size=3))
def test_any_log_gives_the_facts_of_the_run_or_a_refusal(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_text("".join(write(job, number == 0) for number, job in enumerate(history)))
    samples = [
        (job, run)
        for job in history
        for run in job.runs
        if run.kind == "run" and finished(job, run) >= 17
    ]
    if not samples:
        with pytest.raises(AdfluxError, match=r"needed|no samples|no thermo table"):
            read_flux(path, units="metal", timestep=0.001)
        return
    job, run = samples[-1]
    number, first = job.runs.index(run), job is history[0]
    rows = finished(job, run)
    series = read_flux(path, units="metal", timestep=0.001, temperature=None)
    scale = np.abs(fluxes(run)).max()
    # a first row off the rhythm of the others is no sample
    odd = int(run.steps[1] - run.steps[0] != run.interval)
    assert np.allclose(series.flux[0], fluxes(run)[odd:rows], rtol=0, atol=1e-9 * scale)
    assert series.temperature == pytest.approx(np.mean(temperatures(run)[odd:rows]), rel=1e-12)
    assert series.volume == pytest.approx(np.prod(job.edges), rel=1e-9)
    # what is known without options
    known_step = timestep(job, number, first) or (0.003 if run.time_column else None)
    begun = job.header or first
    known_units = job.units or (None if job.restart or not begun else "lj")
    stated = {
        one.units or ("lj" if (one.header or one is history[0]) and not one.restart else None)
        for one in history
    }
    try:
        series = read_flux(path)
    except AdfluxError as error:
        missing = [
            name
            for name, value in (("timestep=", known_step), ("units=", known_units))
            if value is None
        ]
        assert missing and any(name in str(error) for name in missing), error
        return
    assert series.units == known_units or (known_units is None and series.units in stated - {None})
    step = known_step if known_step is not None else None
    assert step is not None and series.sampling == pytest.approx(step * run.interval, rel=1e-5)
