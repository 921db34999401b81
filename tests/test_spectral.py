"""Which frequencies carry the heat of a driven run: the spectrum's integral is κ."""

import numpy as np
import pytest
from comparing import close
from driving import TEMPLATE
from lammps_runner import run_adflux, run_lammps

import lammps_adflux as adflux
from lammps_adflux import AdfluxError, FluxSeries

COLUMNS = "id vx vy vz v_adflux_nwx v_adflux_nwy v_adflux_nwz"
STEP, LINE = 0.02, 7.5  # time between frames, and the frequency of all atoms
LAGS = 50
DRIVEN = adflux.hnemd(
    FluxSeries(
        sampling=STEP,
        volume=50.0,
        temperature=2.0,
        units="lj",
        flux=np.ones((1, 100, 3)),
        field=(0.0, 0.0, 1e-3),
    )
)
FEWER = f"ITEM: NUMBER OF ATOMS\n1\nITEM: ATOMS {COLUMNS}\n1 0 0 0 0 0 0\n"
UNIT = 50.0 * 2.0 * 1e-3  # T V F


def write_dump(path, frames=600, atoms=7, step=STEP, columns=COLUMNS, order=1):
    """Atoms that oscillate with the line, with virials in phase; Σ_j (n·W_j) · v_j on the mean."""
    random = np.random.default_rng(2)
    phases, sizes = random.uniform(0, 6.28, (atoms, 3)), random.uniform(0.5, 1.0, (atoms, 3))
    with open(path, "w") as file:
        for frame in range(frames):
            time = frame * step
            wave = np.cos(2 * np.pi * LINE * time + phases)
            rows = np.column_stack([np.arange(1, atoms + 1), wave, sizes * wave])
            file.write(f"ITEM: TIMESTEP\n{frame}\nITEM: TIME\n{time:.10g}\n")
            file.write(f"ITEM: NUMBER OF ATOMS\n{atoms}\nITEM: BOX BOUNDS pp pp pp\n")
            file.write("0 1\n" * 3 + f"ITEM: ATOMS {columns}\n")
            # LAMMPS writes atoms in any order
            for row in np.roll(rows, frame * order, axis=0):
                file.write(" ".join(f"{value:.9g}" for value in row) + "\n")
    return 0.5 * sizes.sum()


@pytest.mark.parametrize("frames", (150, 600, 1000))
def test_a_line_carries_all_the_heat_at_its_frequency(tmp_path, frames):
    power = write_dump(tmp_path / "a.dump", frames)
    found = adflux.spectral_conductivity(tmp_path / "a.dump", DRIVEN, lags=LAGS)
    assert found.frames == frames and found.windows == max(1, round(frames / (4 * LAGS)))
    # an integer number of periods, but for the last window
    assert found.mean == pytest.approx(power / UNIT, rel=1e-2)
    close(found.cumulative[-1], found.mean, 1e-12)
    peak = found.frequencies[np.argmax(found.kappa)]
    assert abs(peak - LINE) <= found.frequencies[1]
    # Hann's window leaves nothing three resolutions away
    far = np.abs(found.frequencies - LINE) > 4.0 / (2 * LAGS * STEP)
    assert np.abs(found.kappa[far]).max() < 1e-2 * found.kappa.max()
    # K(t) is even here, and oscillates with the line
    close(found.correlation, found.correlation[LAGS] * np.cos(2 * np.pi * LINE * found.lags), 5e-2,
          floor=found.correlation[LAGS])  # fmt: skip


def test_several_runs_are_one_average(tmp_path):
    for name in ("a", "b"):
        write_dump(tmp_path / f"{name}.dump", 400)
    one, two = (
        adflux.spectral_conductivity([tmp_path / f"{name}.dump" for name in names], DRIVEN, lags=50)
        for names in ("a", "ab")
    )
    close(two.kappa, one.kappa, 1e-10, floor=np.abs(one.kappa).max())
    assert two.frames == 2 * one.frames and np.isfinite(two.error).all()


def test_of_a_sheet_the_volume_is_an_area(tmp_path):
    write_dump(tmp_path / "a.dump", 200)
    means = []
    for dimension in (3, 2):
        series = FluxSeries(
            sampling=STEP, volume=50.0, temperature=2.0, units="metal", field=(0.0, 0.0, 1e-3),
            flux=np.ones((1, 100, 3)), dimension=dimension,
        )  # fmt: skip
        driven = adflux.hnemd(series)
        found = adflux.spectral_conductivity(tmp_path / "a.dump", driven, lags=LAGS)
        means.append(found.mean / driven.mean)
    # the same ratio to the flux's own mean, in W/(m K) and in W/K
    close(means[1], means[0], 1e-12)


def test_what_cannot_be_analysed_is_refused(tmp_path):
    dump = tmp_path / "a.dump"
    for words, lags, sentence in (
        (dict(frames=90), 50, "holds 90 frames, but lags=50 needs 100"),
        (dict(columns="id vx vy vz fx fy fz"), 50, "line 11: the frame lacks v_adflux_nwx"),
        (dict(), 1, "lags= must be 2 or more"),
    ):
        write_dump(dump, **words)
        with pytest.raises(AdfluxError, match=sentence):
            adflux.spectral_conductivity(dump, DRIVEN, lags=lags)
    write_dump(dump)
    text = dump.read_text().split("ITEM: TIMESTEP\n")
    dump.write_text("ITEM: TIMESTEP\n".join(text[:60] + text[61:]))
    with pytest.raises(AdfluxError, match=r"frames every 0\.02 were needed, but one at 1\.16 is"):
        adflux.spectral_conductivity(dump, DRIVEN, lags=20)
    write_dump(tmp_path / "b.dump", step=0.01)
    write_dump(dump)
    with pytest.raises(AdfluxError, match=r"as in the others, but every 0\.01"):
        adflux.spectral_conductivity([dump, tmp_path / "b.dump"], DRIVEN, lags=20)
    with pytest.raises(AdfluxError, match="could not be read"):
        adflux.spectral_conductivity(tmp_path / "absent", DRIVEN)
    dump.write_text(dump.read_text().rsplit("ITEM: NUMBER OF ATOMS", 1)[0] + FEWER)
    with pytest.raises(AdfluxError, match="7 atoms were needed, as in the frames before, but 1"):
        adflux.spectral_conductivity(dump, DRIVEN, lags=20)
    write_dump(dump)
    # a run that was stopped within a frame
    dump.write_text(dump.read_text()[:-40])
    assert adflux.spectral_conductivity(dump, DRIVEN, lags=20).frames == 599


@pytest.mark.lammps
@pytest.mark.parametrize("ranks", (1, 2))
def test_its_integral_is_the_conductivity_of_the_same_run(tmp_path, ranks):
    potential = adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar")
    adflux.export(potential, tmp_path / "lj.pkl")
    drive = {"fx": 0.1, "fy": 0.3, "spectrum": "yes"}
    run_lammps(tmp_path, TEMPLATE, ranks, variables=drive)
    words = "kappa --hnemd adflux.flux --spectrum adflux.dump --lags 20 -o driven"
    done = run_adflux(tmp_path, *words.split(), fails=False)
    assert "integral of κ(ν) over 101 frames" in done.stdout
    rows = np.loadtxt(tmp_path / "driven.spectrum.csv", delimiter=",", skiprows=1)
    series = adflux.read_flux(tmp_path / "adflux.flux")
    field = np.array([0.1, 0.3, 0.0])
    mean = series.potential[0].mean(axis=0) @ field / np.linalg.norm(field)
    size = series.temperature * series.volume * np.linalg.norm(field)
    # six digits in the dump
    assert rows[-1, 3] == pytest.approx(mean / size, rel=1e-4)
    assert (tmp_path / "driven.spectrum.png").stat().st_size > 10_000
    run_adflux(tmp_path, "kappa", "adflux.flux", "--spectrum", "adflux.dump", fails=True)
