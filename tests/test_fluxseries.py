"""What LAMMPS writes is read as it is; what is missing, broken or ambiguous is said in one
sentence.
"""

import numpy as np
import pytest
from lammps_runner import find_program, run_program

from lammps_adflux import AdfluxError, green_kubo, read_flux
from lammps_adflux.conductivity.correlation import correlate

LOG_HEAD = """LAMMPS (4 Jul 2026)
units metal
timestep ${dt}
timestep 0.002
Created orthogonal box = (0 0 0) to (10 20 30)
"""
RUN_HEAD = "Per MPI rank memory allocation (min/avg/max) = 3.0 | 3.0 | 3.0 Mbytes\n"
COLUMNS = "v_adflux_jx v_adflux_jy v_adflux_jz"


def table(steps, flux, extra="300.0"):
    return "".join(
        f"{s} {extra} {' '.join(map(repr, map(float, j)))}\n"
        for s, j in zip(steps, flux, strict=True)
    )


def write_log(
    path, steps, flux, tail="Loop time of 1.0 on 1 procs\n", head=LOG_HEAD, columns=COLUMNS
):
    path.write_text(head + RUN_HEAD + f"Step Temp {columns}\n" + table(steps, flux) + tail)
    return path


@pytest.fixture
def flux():
    return np.random.default_rng(0).normal(size=(50, 3))


STEPS = np.arange(0, 500, 10)


def test_a_log_tells_everything(tmp_path, flux):
    series = read_flux(write_log(tmp_path / "log", STEPS, flux))
    assert np.array_equal(series.flux[0], flux)
    assert series.sampling == pytest.approx(0.02)
    assert (series.volume, series.temperature, series.units) == (6000.0, 300.0, "metal")
    assert series.notes == ()


def test_ave_time_file_with_options_or_a_log(tmp_path, flux):
    path = tmp_path / "flux.dat"
    rows = "".join(
        f"{s} {' '.join(map(repr, map(float, j)))}\n" for s, j in zip(STEPS, flux, strict=True)
    )
    path.write_text(f"# Time-averaged data for fix flux\n# TimeStep {COLUMNS}\n{rows}")
    options = {"units": "metal", "volume": 6000.0, "temperature": 300.0, "timestep": 0.002}
    one = read_flux(path, **options)
    other = read_flux(str(path), log=write_log(tmp_path / "log", STEPS, flux))
    assert np.array_equal(one.flux, other.flux) and np.array_equal(one.flux[0], flux)
    assert one.sampling == other.sampling and one.volume == other.volume
    for name in options:
        less = {key: value for key, value in options.items() if key != name}
        with pytest.raises(AdfluxError, match=rf"flux\.dat: {name}= is needed .*log="):
            read_flux(path, **less)
    with pytest.raises(
        AdfluxError, match="units= and volume= and temperature= and timestep= are needed"
    ):
        read_flux(path)


def test_parts_are_read_or_completed(tmp_path, flux):
    names = " ".join(f"v_adflux_j{part}{axis}" for part in ("", "p", "c") for axis in "xyz")
    both = np.hstack([3 * flux, flux, 2 * flux])
    series = read_flux(write_log(tmp_path / "log", STEPS, both, columns=names))
    assert np.array_equal(series.potential[0], flux) and np.array_equal(
        series.convective[0], 2 * flux
    )
    names = [f"c_flux[{index}]" for index in range(1, 7)]
    path = write_log(tmp_path / "log2", STEPS, both[:, [0, 1, 2, 6, 7, 8]], columns=" ".join(names))
    series = read_flux(path, columns=names)
    assert np.allclose(series.potential[0], flux) and np.allclose(series.convective[0], 2 * flux)


@pytest.mark.parametrize("ending", ["490 300.0 1.0 2.0", "490 300.0 1.0 2.0 -3.", "490 30", ""])
def test_the_unfinished_last_line_is_dropped(tmp_path, flux, ending):
    path = write_log(tmp_path / "log", STEPS[:-1], flux[:-1], tail=ending)
    series = read_flux(path)
    assert np.array_equal(series.flux[0], flux[:-1])
    assert len(series.notes) == bool(ending)
    assert all("dropped, 49 samples" in note for note in series.notes)


def test_warnings_between_rows_are_no_rows(tmp_path, flux):
    text = write_log(tmp_path / "log", STEPS, flux).read_text().splitlines(keepends=True)
    text.insert(20, "WARNING: Dangerous builds (src/thermo.cpp:1)\n")
    (tmp_path / "log").write_text("".join(text))
    assert np.array_equal(read_flux(tmp_path / "log").flux[0], flux)


def test_a_damaged_row_is_located(tmp_path, flux):
    text = write_log(tmp_path / "log", STEPS, flux).read_text().splitlines(keepends=True)
    text[20] = "130 300.0 1.0\n"
    (tmp_path / "log").write_text("".join(text))
    with pytest.raises(AdfluxError, match="line 21: 5 columns were needed"):
        read_flux(tmp_path / "log")


def test_runs_of_one_log(tmp_path, flux):
    one = write_log(tmp_path / "a", STEPS[:25], flux[:25]).read_text()
    other = write_log(tmp_path / "b", STEPS[24:], flux[24:], head="run 250\n").read_text()
    path = tmp_path / "log"
    path.write_text(one + other)
    series = read_flux(path)
    assert np.array_equal(series.flux[0], flux[24:]) and "2 runs" in series.notes[0]
    assert np.array_equal(read_flux(path, run=0).flux[0], flux[:25])
    assert np.array_equal(read_flux(path, run="all").flux[0], flux)  # the repeated step counts once
    with pytest.raises(AdfluxError, match="no run 5"):
        read_flux(path, run=5)


def test_gaps_are_refused_and_odd_ends_dropped(tmp_path, flux):
    steps = STEPS.copy()
    steps[30:] += 10
    with pytest.raises(AdfluxError, match="after step 290 comes 310"):
        read_flux(write_log(tmp_path / "gap", steps, flux))
    steps = STEPS.copy()
    steps[0], steps[-1] = 3, 487
    series = read_flux(write_log(tmp_path / "ends", steps, flux))
    assert np.array_equal(series.flux[0], flux[1:-1]) and "2 row" in series.notes[0]


def test_a_restart_replaces_what_it_repeats(tmp_path, flux):
    steps = np.concatenate([STEPS[:30], STEPS[20:]])
    both = np.concatenate([flux[:30] + 100 * (np.arange(30) >= 20)[:, None], flux[20:]])
    series = read_flux(write_log(tmp_path / "log", steps, both))
    assert np.array_equal(series.flux[0], flux) and "10 rows" in series.notes[0]


def test_seeds_must_fit_together(tmp_path, flux):
    one = write_log(tmp_path / "one", STEPS, flux)
    short = write_log(tmp_path / "short", STEPS[:40], flux[10:])
    series = read_flux([one, short])
    assert series.flux.shape == (2, 40, 3) and "cut to the shortest, 40" in series.notes[0]
    pair = tmp_path / "correlation"
    rows = "".join(f"{i + 1} {10 * i} 9 1 1 1\n" for i in range(20))
    names = " ".join(f"{name}*{name}" for name in COLUMNS.split())
    pair.write_text(f"# C\n# Timestep N\n# Index TimeDelta Ncount {names}\n500 20\n{rows}")
    with pytest.raises(AdfluxError, match="give one kind"):
        read_flux([one, pair], log=one)
    coarse = write_log(tmp_path / "coarse", 2 * STEPS, flux)
    with pytest.raises(AdfluxError, match=r"sampling is 0\.02 .* 0\.04"):
        read_flux([one, coarse])


def test_equilibration_is_left_out(tmp_path, flux):
    path = write_log(tmp_path / "log", STEPS, flux)
    assert np.array_equal(read_flux(path, skip=7).flux[0], flux[7:])
    assert np.array_equal(read_flux(path, discard=0.14).flux[0], flux[7:])
    with pytest.raises(AdfluxError, match="10 are left"):
        read_flux(path, skip=40)


def test_nan_names_its_step(tmp_path, flux):
    flux[12, 1] = np.nan
    with pytest.raises(AdfluxError, match="NaN or infinite at step 120"):
        read_flux(write_log(tmp_path / "log", STEPS, flux))


def test_a_changing_box_needs_its_volume(tmp_path, flux):
    path = write_log(
        tmp_path / "log", STEPS, flux, head=LOG_HEAD + "fix 1 all npt temp 1 1 1 iso 0 0 1\n"
    )
    with pytest.raises(AdfluxError, match="volume= is needed"):
        read_flux(path)
    assert read_flux(path, volume=5.0).volume == 5.0


def test_per_atom_thermo_output_is_refused(tmp_path, flux):
    """`units lj` divides extensive computes by the number of atoms in thermo output, not in fix
    ave/time.
    """
    names = [f"c_flux[{index}]" for index in (1, 2, 3)]
    head = LOG_HEAD.replace("metal", "lj")
    with pytest.raises(AdfluxError, match="thermo_modify norm no"):
        read_flux(
            write_log(tmp_path / "a", STEPS, flux, head=head, columns=" ".join(names)),
            columns=names,
        )
    head += "thermo_modify norm no\n"
    series = read_flux(
        write_log(tmp_path / "b", STEPS, flux, head=head, columns=" ".join(names)), columns=names
    )
    assert np.array_equal(series.flux[0], flux)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("hello\n", "neither a LAMMPS log"),
        (
            "# Time-averaged data for fix f\n# TimeStep Number-of-rows\n# Row c_f\n0 3\n",
            "mode scalar",
        ),
        (
            "# Time-averaged data for fix f\n# TimeStep v_q\n0 3\n",
            "v_adflux_jx.*found TimeStep, v_q.*columns=",
        ),
        ("LAMMPS (4 Jul 2026)\nunits lj\n", "no thermo table"),
        (
            "# Time-correlated data\n# Timestep N\n# Index TimeDelta Ncount v_a*v_b\n0 1\n1 0 1 "
            "2\n",
            "type auto",
        ),
        (
            "# Time-correlated data\n# Timestep N\n# Index TimeDelta Ncount v_a*v_a\n0 9\n1 0 1 "
            "2\n",
            "no finished",
        ),
    ],
)
def test_unusable_files_are_named_with_the_remedy(tmp_path, text, sentence):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(AdfluxError, match=sentence) as caught:
        read_flux(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AdfluxError, match=r"nothing.*could not be read"):
        read_flux(tmp_path / "nothing")


INPUT = """
units lj
lattice fcc 0.8442
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 1.0
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0
velocity all create 1.44 87287 mom yes
timestep 0.004
fix 1 all nve
compute ke all ke/atom
compute pe all pe/atom
compute st all stress/atom NULL virial
compute flux all heat/flux ke pe st
variable adflux_jx equal c_flux[1]
variable adflux_jy equal c_flux[2]
variable adflux_jz equal c_flux[3]
thermo 5
thermo_style custom step temp vol v_adflux_jx v_adflux_jy v_adflux_jz
thermo_modify norm no line ${line} format float %.15g
fix s all ave/time 5 1 5 v_adflux_jx v_adflux_jy v_adflux_jz file series format " %.15g"
fix a all ave/correlate 5 40 500 v_adflux_j[xyz] type auto ave running file auto
fix u all ave/correlate 5 40 500 v_adflux_j[xyz] type auto/upper ave running file upper
fix f all ave/correlate 5 40 500 v_adflux_j[xyz] type full ave running file full
run 1000
""".replace("v_adflux_j[xyz]", COLUMNS)


@pytest.fixture(scope="module")
def lammps_run(tmp_path_factory):
    if find_program("lmp") is None:
        pytest.skip("needs lmp: run `adflux build-lammps`")
    folder = tmp_path_factory.mktemp("lj")
    (folder / "in.lj").write_text(INPUT)
    for line in ("yaml", "one"):
        options = ["-log", f"log.{line}", "-screen", "none", "-var", "line", line]
        run_program(folder, [str(find_program("lmp")), "-in", "in.lj", *options])
    return folder


def test_all_files_of_one_run_agree(lammps_run):
    log = read_flux(lammps_run / "log.one")
    yaml = read_flux(lammps_run / "log.yaml")
    series = read_flux(lammps_run / "series", log=lammps_run / "log.one")
    assert log.samples == yaml.samples == series.samples == 201
    assert log.sampling == pytest.approx(0.02) and log.units == "lj"
    assert log.volume == pytest.approx(108 / 0.8442)
    for other in (yaml, series):
        assert np.allclose(other.flux, log.flux, rtol=1e-12, atol=1e-9)
        assert other.temperature == pytest.approx(log.temperature)
    expected = correlate(log.flux, log.flux, 40)
    scale = np.abs(expected).max()
    for name in ("auto", "upper", "full"):
        found = read_flux(lammps_run / name, log=lammps_run / "log.one")
        assert found.correlation_samples == 201
        # six digits in the file
        assert np.allclose(
            found.diagonal_correlation, np.einsum("ntaa->nta", expected), atol=3e-6 * scale
        )
        off = found.correlation[0][:, [0, 0, 1], [1, 2, 2]]
        if name == "auto":
            assert np.isnan(off).all()
        else:
            assert np.allclose(off, expected[0][:, [0, 0, 1], [1, 2, 2]], atol=3e-6 * scale)
        if name == "full":
            assert np.allclose(found.correlation, expected, atol=3e-6 * scale)
        kappa = green_kubo(found, cutoff=0.4).mean
        assert kappa == pytest.approx(
            green_kubo(log, cutoff=0.4, spectrum_model="none").mean, rel=1e-4
        )
