"""What a run was comes from the run that wrote the data: logs and files of real LAMMPS runs, as
people write them.
"""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from log_runs import EXACT, FLUX, POTENTIAL, START, THERMO, lmp

from lammps_adflux import AdfluxError, green_kubo, read_flux
from lammps_adflux.conductivity.flux_columns import ENOUGH
from lammps_adflux.conductivity.lammps_log import read_log

pytestmark = pytest.mark.lammps


def kappa(*arguments, **options):
    return green_kubo(read_flux(*arguments, **options), cutoff=0.1, spectrum_model="none").mean


PER_VOLUME = (
    START
    + """
variable qx equal c_flux[1]/vol
variable qy equal v_jy/(lx*ly*lz)
variable cell equal vol
variable qz equal -2.0e-3*v_jz/v_cell
variable mixed equal v_jx*temp
timestep 0.004
thermo 4
thermo_style custom step temp v_qx v_qy v_qz v_jx v_jy v_jz v_mixed
thermo_modify norm no format float %.14g
fix a all ave/time 4 1 4 v_qx v_qy v_qz c_flux[1] c_flux[2] c_flux[3] file series FORMAT
fix b all ave/correlate 4 30 400 v_qx v_qy v_qz type auto ave running file correlation
fix c all ave/correlate 4 30 400 v_jx v_jy v_jz type auto ave running file total
run 400
""".replace("FORMAT", EXACT)
)
Q = ["v_qx", "v_qy", "v_qz"]


@pytest.fixture(scope="module")
def per_volume(tmp_path_factory):
    return lmp(tmp_path_factory.mktemp("per_volume"), PER_VOLUME).parent


def test_a_flux_per_volume_becomes_the_flux_by_its_definition(per_volume):
    log = per_volume / "log"
    total = read_flux(log, columns=["v_jx", "v_jy", "v_jz"])
    for series in (read_flux(log, columns=Q), read_flux(per_volume / "series", columns=Q, log=log)):
        # the log prints the box with eight digits
        assert np.allclose(series.flux, total.flux, rtol=1e-6, atol=1e-6)
        assert any("v_qx is c_flux[1]/vol" in note for note in series.notes)
    one = read_flux(per_volume / "correlation", columns=Q, log=log)
    other = read_flux(per_volume / "total", log=log)
    assert np.allclose(one.diagonal_correlation, other.diagonal_correlation, rtol=2e-5, atol=1e-4)


def test_by_hand_the_columns_are_what_the_user_says(per_volume):
    given = {"units": "lj", "volume": 120.0, "temperature": 0.8, "timestep": 0.004}
    names = ["c_flux[1]", "c_flux[2]", "c_flux[3]"]
    plain = read_flux(per_volume / "series", columns=names, **given)
    assert np.allclose(
        read_flux(per_volume / "series", columns=names, per_volume=True, **given).flux,
        120 * plain.flux,
    )
    raw = read_flux(per_volume / "log", columns=Q, per_volume=False)
    assert np.allclose(
        raw.flux[0, :, 0] * raw.volume, read_flux(per_volume / "log", columns=Q).flux[0, :, 0]
    )


def test_a_definition_that_does_not_tell_is_refused(per_volume):
    with pytest.raises(
        AdfluxError,
        match=r"v_mixed \(equal of line \d+: v_jx\*temp\): it uses temp.*per_volume=True",
    ):
        read_flux(per_volume / "log", columns=["v_mixed", "v_jy", "v_jz"])


def test_a_column_that_no_log_defines_is_not_guessed(per_volume, tmp_path):
    """People call the flux and the flux per volume v_Jx alike."""
    given = {"units": "lj", "volume": 120.0, "temperature": 0.8, "timestep": 0.004}
    renamed = (per_volume / "series").read_text().replace("v_q", "v_J")
    (tmp_path / "series").write_text(renamed)
    with pytest.raises(
        AdfluxError, match="no log shows whether this is the heat flux or the flux per volume"
    ):
        read_flux(tmp_path / "series", **given)
    assert read_flux(tmp_path / "series", per_volume=True, **given).notes == ()
    named = read_flux(tmp_path / "series", columns=["v_Jx", "v_Jy", "v_Jz"], **given)
    assert "it was taken for the flux itself" in named.notes[0]


def test_a_flux_that_is_too_small_for_any_is_noted(per_volume):
    series = read_flux(per_volume / "log", columns=["v_qx", "v_qy", "v_qz"], per_volume=False)
    assert any("per volume (per_volume=True), per atom" in note for note in series.notes)
    assert not any("per atom" in note for note in read_flux(per_volume / "log", columns=Q).notes)


STAGES = (
    START
    + """
timestep 0.004
thermo 20
thermo_style custom step temp vol
fix eq all langevin 0.4 0.4 0.1 99 zero yes
run 400
unfix eq
fix s all ave/time 5 1 5 v_jx v_jy v_jz file out.cold FORMAT
fix c all ave/correlate 5 20 150 v_jx v_jy v_jz type auto ave running file hf.cold
variable more equal 300
run ${more}
timestep 0.002
unfix s
unfix c
fix eq all langevin 2.5 2.5 0.1 99 zero yes
run 400
unfix eq
reset_timestep 0
fix s all ave/time 5 1 5 v_jx v_jy v_jz file out.hot FORMAT
run 300
minimize 0 1e-3 20 20
""".replace("FORMAT", EXACT)
)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return lmp(tmp_path_factory.mktemp("stages"), STAGES).parent


def test_a_file_belongs_to_the_run_that_wrote_it(stages):
    log = read_log(stages / "log", (stages / "log").read_text())
    runs = [run for run in log.runs if run.kind == "run"]
    for name, run, timestep in (
        ("out.cold", 1, 0.004),
        ("hf.cold", 1, 0.004),
        ("out.hot", 3, 0.002),
    ):
        series = read_flux(stages / name, log=stages / "log")
        expected = runs[run].table.column("Temp").mean()
        assert series.temperature == pytest.approx(expected, rel=1e-12), name
        assert series.sampling == pytest.approx(5 * timestep) and series.units == "lj"


def test_a_renamed_file_is_told_by_its_steps_or_refused(stages, tmp_path):
    (tmp_path / "moved").write_text((stages / "out.cold").read_text())
    series = read_flux(tmp_path / "moved", log=stages / "log")
    assert series.sampling == pytest.approx(0.02) and any(
        "has its steps" in note for note in series.notes
    )
    (tmp_path / "moved").write_text((stages / "out.hot").read_text())
    with pytest.raises(
        AdfluxError, match=r"no fix in .* writes this name, and 2 of its .* say which with run="
    ):
        read_flux(tmp_path / "moved", log=stages / "log")
    assert read_flux(tmp_path / "moved", log=stages / "log", run=3).sampling == pytest.approx(0.01)


def test_later_stages_are_runs_of_their_own(tmp_path):
    script = START + "timestep 0.004\n" + THERMO + "run 200\nrun 0\nminimize 0 1e-3 20 20\n"
    series = read_flux(lmp(tmp_path, script))
    assert series.samples == 51 and "run 0 of line" in series.notes[0]
    log = read_log(tmp_path / "log", (tmp_path / "log").read_text())
    assert [run.kind for run in log.runs] == ["run", "run", "minimize"]
    assert series.temperature == pytest.approx(log.runs[0].table.column("Temp").mean())
    with pytest.raises(AdfluxError, match=f"{ENOUGH} samples or more were needed, 1 are left"):
        read_flux(tmp_path / "log", run=1)


def test_temperature_and_volume_are_those_of_the_samples_that_are_used(tmp_path):
    cooling = "fix cool all langevin 2.0 0.3 0.5 7 zero yes\n" + THERMO
    log = lmp(tmp_path, START + "timestep 0.004\n" + cooling + "run 400\n")
    rows = read_log(log, log.read_text()).runs[0].table.column("Temp")
    assert read_flux(log, skip=60).temperature == pytest.approx(rows[60:].mean(), rel=1e-12)
    assert read_flux(log, discard=0.4).temperature == pytest.approx(rows[25:].mean(), rel=1e-12)


AGAIN = (
    "read_restart mid\n"
    + POTENTIAL
    + FLUX
    + "thermo 4\nthermo_style custom step {more} temp vol v_jx v_jy v_jz\nrun 200\n"
)


@pytest.mark.parametrize("more", ["dt", "time", "time dt", ""])
def test_the_time_step_of_a_restart_is_not_lammps_default(tmp_path, more):
    lmp(tmp_path, START + "timestep 0.0015\nrun 40\nwrite_restart mid\n", "first")
    log = lmp(tmp_path, "units lj\n" + AGAIN.format(more=more))
    if more:
        assert read_flux(log).sampling == pytest.approx(4 * 0.0015, rel=1e-6)
    else:
        with pytest.raises(AdfluxError, match=r"timestep= is needed .*restart file mid"):
            read_flux(log)
        assert read_flux(log, timestep=0.0015).sampling == pytest.approx(4 * 0.0015)


def test_the_units_of_a_restart_are_asked_for(tmp_path):
    lmp(tmp_path, START + "timestep 0.0015\nrun 40\nwrite_restart mid\n", "first")
    with pytest.raises(AdfluxError, match=r"units= is needed .*restart file mid"):
        read_flux(lmp(tmp_path, AGAIN.format(more="dt")))


@pytest.mark.parametrize("cut", [0, 3, 20])
def test_an_appended_log_is_two_jobs(tmp_path, cut):
    """The first job dies within a row; the second appends to its log, with another time step."""
    first = START + "timestep 0.001\n" + THERMO + "restart 100 state.*\nrun 300\n"
    text = lmp(tmp_path, first, "whole").read_text()
    at = text.index("\n       240 ") + 1 if "\n       240 " in text else text.index(" 240 ")
    (tmp_path / "log").write_text(text[: at + cut])
    lmp(
        tmp_path,
        "log log append\n" + AGAIN.format(more="").replace("mid", "state.200\ntimestep 0.004"),
        "none",
    )
    log = read_log(tmp_path / "log", (tmp_path / "log").read_text())
    assert [run.state.job for run in log.runs] == [0, 1] and not log.runs[0].finished
    series = read_flux(tmp_path / "log")
    assert series.sampling == pytest.approx(0.016) and series.samples == 51 and series.units == "lj"
    alone = lmp(
        tmp_path,
        "units lj\n" + AGAIN.format(more="").replace("mid", "state.200\ntimestep 0.004"),
        "alone",
    )
    assert np.array_equal(series.flux, read_flux(alone).flux)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return read_flux(
        lmp(tmp_path_factory.mktemp("plain"), START + "timestep 0.004\n" + THERMO + "run 200\n")
    )


@pytest.mark.parametrize(
    "extra",
    [
        "# timestep 0.3 and units metal\n",
        'print "timestep 0.3"\nvariable t equal 0.3\nprint "timestep $t, units"\nprint "timestep '
        '${t}"\n',
        'fix show all print 20 "$(step) $(temp) $(vol) $(v_jx) $(v_jy) $(v_jz)"\n',
        'fix show all print 7 "$(step) $(temp) $(v_jx) $(v_jy) $(v_jz)"\n',
        'fix show all print 7 "$(step) $(temp) $(vol) $(v_jx) $(v_jy) $(v_jz)"\n',
        "thermo_modify colname v_jx heat colname step Steps colname temp T/K colname vol V\n",
        "thermo_modify line yaml\n",
        'if "1 > 2" then "timestep 0.3"\n',
        "label here\nvariable n loop 2\nnext n\n",
    ],
)
def test_what_else_stands_in_a_log_changes_nothing(tmp_path, plain, extra):
    series = read_flux(lmp(tmp_path, START + "timestep 0.004\n" + THERMO + extra + "run 200\n"))
    assert series.samples == plain.samples and series.sampling == plain.sampling
    assert np.allclose(series.flux, plain.flux, atol=2e-5) and series.volume == pytest.approx(
        plain.volume, rel=1e-6
    )
    assert series.temperature == pytest.approx(plain.temperature, rel=1e-5)


def test_renamed_columns_can_be_named(tmp_path, plain):
    extra = (
        "thermo_modify colname v_jx A colname v_jy B colname v_jz C colname step S colname temp T\n"
    )
    series = read_flux(
        lmp(tmp_path, START + "timestep 0.004\n" + THERMO + extra + "run 200\n"),
        columns=["A", "B", "C"],
    )
    assert np.array_equal(series.flux, plain.flux) and series.temperature == plain.temperature


@pytest.mark.parametrize(
    ("thermo", "sentence"),
    [
        (THERMO + "thermo_modify line multi\n", "print it with line one"),
        (
            "thermo 4\nthermo_style custom temp vol v_jx v_jy v_jz\n",
            r"line \d+: the thermo table has no column Step",
        ),
    ],
)
def test_tables_that_cannot_be_read_are_named(tmp_path, thermo, sentence):
    with pytest.raises(AdfluxError, match=sentence):
        read_flux(lmp(tmp_path, START + thermo + "run 100\n"))


WINDOWS = (
    START
    + """
timestep 0.004
thermo 100
thermo_style custom step temp vol
fix a all ave/time 5 1 5 v_jx v_jy v_jz file series FORMAT
fix r all ave/time 5 1 5 v_jx v_jy v_jz file running ave running
fix w all ave/time 5 1 5 v_jx v_jy v_jz file window ave window 3
fix o all ave/correlate 5 60 500 v_jx v_jy v_jz type auto ave one file one
fix p all ave/correlate 5 20 500 v_jx v_jy v_jz type auto prefactor 0.25 ave running file scaled
run 4000
""".replace("FORMAT", EXACT)
)


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    return lmp(tmp_path_factory.mktemp("windows"), WINDOWS).parent


def test_windows_of_their_own_are_averaged(windows):
    """With `ave one` each window is the correlation of its 101 samples, the last of which is the
    next one's first.
    """
    flux = read_flux(windows / "series", log=windows / "log").flux[0]
    pieces = [flux[100 * n : 100 * (n + 1) + 1] for n in range(8)]
    direct = np.mean(
        [[np.mean(p[: 101 - t] * p[t:], axis=0) for t in range(60)] for p in pieces], axis=0
    )
    series = read_flux(windows / "one", log=windows / "log")
    assert np.allclose(
        series.diagonal_correlation[0], direct, rtol=1e-4, atol=1e-4 * direct[0].max()
    )
    assert series.correlation_samples == 808
    result = green_kubo(series, cutoff=0.2)
    means = [np.trace(green_kubo(read_one(series, n), cutoff=0.2).tensor) / 3 for n in range(8)]
    assert result.mean == pytest.approx(np.mean(means), rel=1e-10)
    assert result.over_blocks.error == pytest.approx(np.std(means, ddof=1) / np.sqrt(8), rel=1e-10)


def read_one(series, number):
    return replace(series, correlation=series.windows[number : number + 1], windows=None)


def test_a_prefactor_is_taken_out(windows):
    flux = read_flux(windows / "series", log=windows / "log")
    scaled = read_flux(windows / "scaled", log=windows / "log")
    expected = np.mean(flux.flux[0] ** 2, axis=0)
    assert np.allclose(scaled.diagonal_correlation[0, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["running", "window"])
def test_running_averages_are_no_samples(windows, name):
    with pytest.raises(AdfluxError, match=rf"{name}: fix ave/time with `ave {name}` .*line \d+"):
        read_flux(windows / name, log=windows / "log")


def test_running_averages_are_told_without_a_log(windows):
    given = {
        "units": "lj",
        "volume": 120.0,
        "temperature": 0.8,
        "timestep": 0.004,
        "per_volume": False,
    }
    with pytest.raises(AdfluxError, match="looks like the mean over all rows before it"):
        read_flux(windows / "running", **given)
    assert read_flux(windows / "series", **given).samples == 801


def test_a_rerun_does_not_know_the_time_step(tmp_path):
    dump = "dump all all custom 4 frames id type x y z vx vy vz\n"
    lmp(tmp_path, START + "timestep 0.002\n" + dump + "run 100\n", "first")
    again = START + "THERMOthermo_modify norm no\nSTEPrerun frames dump x y z vx vy vz\n".replace(
        "THERMO", THERMO
    )
    for more in ("", "time ", "dt "):
        thermo = again.replace("step temp", f"step {more}temp")
        with pytest.raises(AdfluxError, match=r"timestep= is needed .*a rerun does not know"):
            read_flux(lmp(tmp_path, thermo.replace("STEP", "")))
    assert read_flux(
        lmp(tmp_path, again.replace("STEP", "timestep 0.002\n"))
    ).sampling == pytest.approx(0.008)


@pytest.mark.parametrize("command", ["run 400 every 100 NULL", "run 200\nrun 200 pre no"])
def test_a_run_in_pieces_is_one_with_run_all(tmp_path, command):
    head = (
        START
        + "timestep 0.004\nthermo_modify norm no\n"
        + THERMO
        + "thermo_modify format float %.14g\n"
    )
    script = head + "fix s all ave/time 4 1 4 v_jx v_jy v_jz file series FORMAT\n".replace(
        "FORMAT", EXACT
    )
    log = lmp(tmp_path, script + command + "\n")
    whole = read_flux(log, run="all")
    file = read_flux(tmp_path / "series", log=log)
    assert whole.samples == file.samples == 101
    assert np.allclose(whole.flux, file.flux) and file.temperature == pytest.approx(
        whole.temperature, rel=0.02
    )


def test_all_lags_are_searched_for_the_zero(windows):
    """A correlation file ends where its user wanted; the zero may lie in its second half."""
    series = read_flux(windows / "one", log=windows / "log")
    trace = series.diagonal_correlation[0].mean(axis=1)
    assert not np.any(trace[:4] <= 0), "the zero was needed after the fourth lag"
    first = int(np.flatnonzero(trace <= 0)[0])
    short = replace(series, correlation=series.correlation[:, : first + 2], windows=None)
    assert green_kubo(short).cutoff > 0


FLAT = (
    "units lj\ndimension 2\n"
    + """
lattice sq2 0.7
region box block 0 6 0 5 -0.25 0.25
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 1.0 309
"""
    + POTENTIAL
    + FLUX
    + (
        "fix flat all enforce2d\ntimestep 0.004\nthermo 4\n"
        "thermo_style custom step temp v_jx v_jy v_jz\nrun 400\n"
    )
)


def test_two_dimensions_have_an_area_and_two_directions(tmp_path):
    series = read_flux(lmp(tmp_path, FLAT))
    assert series.dimension == 2 and series.volume == pytest.approx(60 / 0.7, rel=1e-6)
    result = green_kubo(series, cutoff=0.1, spectrum_model="none")
    assert result.mean == pytest.approx((result.tensor[0, 0] + result.tensor[1, 1]) / 2)
    assert result.conductivity_unit == "kB/τ"
    text = (tmp_path / "log").read_text()
    (tmp_path / "silent").write_text(text[text.index("Per MPI") :])
    given = {"units": "lj", "volume": 60 / 0.7, "timestep": 0.004, "per_volume": False}
    with pytest.raises(AdfluxError, match=r"along z is zero in every sample.*dimension=2"):
        read_flux(tmp_path / "silent", **given)
    again = read_flux(tmp_path / "silent", dimension=2, **given)
    assert green_kubo(again, cutoff=0.1, spectrum_model="none").mean == pytest.approx(result.mean)


@pytest.mark.parametrize(
    "fix",
    ["press/berendsen iso 0 0 1", "deform 1 x scale 1.05 remap x", "npt temp 1 1 1 iso 0 0 1"],
)
def test_a_box_that_changes_needs_its_volume_in_the_table(tmp_path, fix):
    head = START.replace("fix move all nve", "") + (
        "fix move all nve\n" if "npt" not in fix else ""
    )
    run = (
        f"fix box all {fix}\nthermo 4\nthermo_style custom step temp {{}} v_jx v_jy v_jz\n"
        "run 100\nunfix box\nrun 100\n"
    )
    with pytest.raises(
        AdfluxError,
        match=rf"volume= is needed .*fix box {fix.split()[0]} of line \d+ may have changed it",
    ):
        read_flux(lmp(tmp_path, head + run.format(""), "without"))
    log = lmp(tmp_path, head + run.format("vol"))
    assert (
        read_flux(log).volume
        == read_log(log, log.read_text()).runs[-1].table.column("Volume").mean()
    )


def test_a_time_step_that_changes_is_refused(tmp_path):
    changing = "fix dt all dt/reset 1 1e-5 0.01 0.02 units box\n" + THERMO.replace(
        "temp", "time temp"
    )
    with pytest.raises(AdfluxError, match="time step changes in the run of line"):
        read_flux(lmp(tmp_path, START + changing + "run 200\n"))


def test_pieces_of_a_restarted_run_are_one_seed(tmp_path):
    long = (
        START
        + "timestep 0.004\n"
        + THERMO
        + "thermo_modify format float %.14g\nrun 160\nwrite_restart mid\n"
    )
    whole = read_flux(lmp(tmp_path, long + "run 160\n", "whole"), run="all")
    first = lmp(tmp_path, long, "first")
    go_on = AGAIN.format(more="dt").replace("run 200", "thermo_modify format float %.14g\nrun 160")
    second = lmp(tmp_path, "units lj\n" + go_on, "second")
    for order in ([first, second], [second, first]):
        series = read_flux(order)
        assert series.seeds == 1 and series.samples == whole.samples
        assert np.allclose(series.flux, whole.flux, rtol=1e-6, atol=1e-6)
        assert any("pieces of one run" in note for note in series.notes)
    # two seeds that start at other steps are seeds
    other = lmp(
        tmp_path,
        long.replace("30917", "4711").replace("run 160", "reset_timestep 80\nrun 160"),
        "other",
    )
    assert read_flux([first, other]).seeds == 2


def test_folders_stand_for_the_series_in_them(tmp_path):
    for seed in (1, 2):
        script = (
            START.replace("30917", str(4000 + seed))
            + "timestep 0.004\nthermo 20\nthermo_style custom step temp vol\n"
        )
        lmp(
            tmp_path / f"seed{seed}",
            script + "fix s all ave/time 4 1 4 v_jx v_jy v_jz file j.flux\nrun 200\n",
            "log.lammps",
        )
    series = read_flux([tmp_path / "seed1", tmp_path / "seed2"])
    names = [tmp_path / f"seed{seed}" / "j.flux" for seed in (1, 2)]
    assert series.seeds == 2
    assert np.array_equal(
        series.flux, read_flux(names, log=[name.parent / "log.lammps" for name in names]).flux
    )
    for name in [*names, *(name.parent / "log.lammps" for name in names)]:
        packed = tmp_path / f"{name.parent.name}gz" / f"{name.name}.gz"
        packed.parent.mkdir(exist_ok=True)
        packed.write_bytes(gzip.compress(name.read_bytes()))
    again = read_flux([tmp_path / "seed1gz", tmp_path / "seed2gz"])
    assert np.array_equal(again.flux, series.flux) and again.volume == series.volume
    whole = (tmp_path / "seed2gz" / "j.flux.gz").read_bytes()
    (tmp_path / "half.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AdfluxError, match=r"half\.gz is a damaged gzip file"):
        read_flux(tmp_path / "half.gz")
    (tmp_path / "seed1" / "copy.flux").write_text(names[0].read_text())
    with pytest.raises(AdfluxError, match=r"holds copy\.flux, j\.flux: name the one"):
        read_flux([tmp_path / "seed1", tmp_path / "seed2"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(AdfluxError, match="empty holds no LAMMPS log"):
        read_flux(tmp_path / "empty")


def test_seeds_of_a_small_cell_may_differ_as_its_energy_does(tmp_path):
    """108 atoms at constant energy have a mean temperature that differs by several per cent from
    seed to seed.
    """
    logs = [
        lmp(
            tmp_path,
            START.replace("1.6 30917", f"{start} 30917")
            + "timestep 0.004\n"
            + THERMO
            + "run 200\n",
            name,
        )
        for name, start in (("a", 1.5), ("b", 1.62), ("c", 3.2))
    ]
    one, two, hot = (read_flux(log).temperature for log in logs)
    assert 0.05 < two / one - 1 < 0.15 and hot > 1.5 * one
    assert any("as energies of a small system do" in note for note in read_flux(logs[:2]).notes)
    with pytest.raises(AdfluxError, match=r"temperature is .* or give one temperature= for all"):
        read_flux([logs[0], logs[2]])
    assert read_flux([logs[0], logs[2]], temperature=1.0).seeds == 2


def test_another_runs_log_is_not_taken_for_this_one(tmp_path):
    lmp(
        tmp_path,
        START + "timestep 0.004\nfix s all ave/time 4 1 4 v_jx v_jy v_jz file one.flux\nrun 200\n",
        "log.one",
    )
    other = lmp(tmp_path, START + "timestep 0.002\nreset_timestep 5000\nrun 200\n", "log.other")
    with pytest.raises(AdfluxError, match=r"holds steps 0 to 200, but no run of .* has them"):
        read_flux(tmp_path / "one.flux", log=other)
    with pytest.raises(AdfluxError, match="is no LAMMPS log"):
        read_flux(tmp_path / "one.flux", log=tmp_path / "one.flux")
