"""A flux or an option that would give another number than κ is refused, or noted in one sentence;
the logs are those of real LAMMPS runs.
"""

import re

import numpy as np
import pytest
from log_runs import BOX, EXACT, FLUX, POTENTIAL, START, lmp

from lammps_adflux import AdfluxError, FluxSeries, green_kubo, read_flux
from lammps_adflux.lmp.programs import potentials_folder

J = ["v_jx", "v_jy", "v_jz"]
RUN = "timestep 0.004\nthermo 4\nthermo_style custom step temp vol v_jx v_jy v_jz\nrun 200\n"
SILICON = """
units metal
lattice diamond 5.431
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.06
velocity all create 1200 30917 mom yes
pair_style lj/cut 5.0
pair_coeff * * 0.5 2.1
"""


def gaussian(seeds=1, samples=4000, scale=1.0, seed=0):
    """Fluxes that forget themselves within some samples."""
    noise = np.random.default_rng(seed).normal(size=(seeds, samples + 20, 3))
    window = np.exp(-np.arange(20) / 4.0)
    smooth = np.apply_along_axis(np.convolve, 1, noise, window, "valid")[:, :samples]
    return scale * smooth


def series(flux, **more):
    return FluxSeries(0.1, 100.0, 1.0, "lj", flux, **more)


def kappa(*arguments, **options):
    return green_kubo(read_flux(*arguments, **options), cutoff=0.1, spectrum_model="none")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A log with the flux, and the flux per volume of the box."""
    quotients = "".join(f"variable q{a} equal v_j{a}/vol\n" for a in "xyz")
    thermo = "thermo_style custom step temp vol v_jx v_jy v_jz v_qx v_qy v_qz\n"
    exact = "thermo_modify norm no format float %.14g\n"
    script = START + quotients + f"timestep 0.004\nthermo 4\n{thermo}{exact}run 200\n"
    return lmp(tmp_path_factory.mktemp("plain"), script)


@pytest.mark.lammps
def test_a_volume_of_choice_does_not_change_what_vol_meant_in_the_run(plain):
    whole = read_flux(plain, columns=J, volume=17.0)
    share = read_flux(plain, columns=["v_qx", "v_qy", "v_qz"], volume=17.0)
    assert whole.volume == share.volume == 17.0
    assert np.allclose(whole.flux, share.flux, rtol=1e-6)
    by_hand = read_flux(plain, columns=["v_qx", "v_qy", "v_qz"], volume=17.0, per_volume=True)
    assert np.allclose(whole.flux, by_hand.flux, rtol=1e-6)
    assert any("volume=17 was taken as given, though it is 120" in note for note in whole.notes)


@pytest.mark.lammps
def test_a_volume_is_no_area(plain):
    with pytest.raises(AdfluxError, match=r"that of 3 dimensions.*give volume= as well, the area"):
        read_flux(plain, columns=J, dimension=2)
    flat = read_flux(plain, columns=J, dimension=2, volume=20.0)
    assert green_kubo(flat, cutoff=0.1, spectrum_model="none").conductivity_unit == "kB/τ"


@pytest.mark.parametrize("flat", (True, False))
def test_where_nothing_flows_along_z_means_are_over_x_and_y(tmp_path, flat):
    flux = gaussian(4)
    flux[..., 2] *= not flat
    result = green_kubo(series(flux), cutoff=2.0)
    diagonal = np.diagonal(result.tensor)
    assert result.mean == pytest.approx(diagonal[: 2 if flat else 3].mean())
    assert result.conductivity_unit != "kB/τ"  # the volume is one
    # STACIE's estimate is of the same directions
    assert result.stacie.mean == pytest.approx(result.mean, rel=0.3)


DOUBTS = {
    "stresses with their kinetic part": (
        (" virial", ""),
        None,
        "refused: stress/atom of line .* holds the kinetic part as well",
    ),
    "a thermostat at work": (
        ("fix move all nve", "fix move all nve\nfix warm all langevin 1 1 1 7"),
        None,
        "fix warm langevin .line .* was at work",
    ),
    "atoms of a group": (
        ("flux all heat", "flux some heat"),
        "group some id 1:50\n",
        "holds the atoms of the group some only",
    ),
    "two kinds of atoms": (
        ("mass 1 1.0", "mass 1 1.0\nmass 2 4.0\nset type 1 type/ratio 2 0.5 7"),
        None,
        "2 kinds of atoms; where they diffuse",
    ),
}


@pytest.mark.lammps
@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_a_log_shows_of_a_flux_is_told(tmp_path, plain, doubt):
    (old, new), before, sentence = DOUBTS[doubt]
    start = (BOX + POTENTIAL + (before or "") + FLUX).replace("create_box 1", "create_box 2")
    start = start.replace("mass 1 1.0", "mass * 1.0", doubt != "two kinds of atoms")
    assert start.count(old) == 1
    log = lmp(tmp_path, f"units lj\n{start.replace(old, new)}{RUN}")
    if sentence.startswith("refused: "):
        with pytest.raises(AdfluxError, match=sentence.removeprefix("refused: ")):
            read_flux(log)
        return
    found = [note for note in read_flux(log).notes if re.search(sentence, note)]
    assert len(found) == 1
    untouched = read_flux(plain, columns=J).notes
    assert not [note for note in untouched if re.search(sentence, note)]


@pytest.mark.lammps
@pytest.mark.parametrize("style", ("lj/cut", "tersoff"))
def test_lammps_flux_of_many_bodies_is_noted(tmp_path, style):
    pair = f"pair_style tersoff\npair_coeff * * {potentials_folder()}/Si.tersoff Si\n"
    script = SILICON + (pair if style == "tersoff" else "") + FLUX + RUN.replace("0.004", "0.0005")
    notes = [note for note in read_flux(lmp(tmp_path, script)).notes if "is not the heat" in note]
    assert len(notes) == (style == "tersoff")
    assert not notes or ("compute flux heat/flux" in notes[0] and "tersoff" in notes[0])


@pytest.mark.lammps
def test_one_or_two_rows_are_no_mean_temperature(tmp_path):
    sampled = "fix s all ave/time 4 1 4 v_jx v_jy v_jz file series " + EXACT
    rows = "timestep 0.004\nthermo_style custom step temp vol\n"
    first = lmp(tmp_path / "one", f"{START}{rows}{sampled}\nthermo 200\nrun 200\n").parent
    notes = read_flux(first / "series", log=first / "log").notes
    assert any("mean temperature of 2 rows is uncertain by" in note for note in notes)
    given = read_flux(first / "series", log=first / "log", temperature=0.8)
    assert not any("is uncertain" in note for note in given.notes)
    with pytest.raises(AdfluxError, match=r"temperature= is needed.*one row of Temp"):
        read_flux(first / "series", log=first / "log", skip=20)


@pytest.mark.lammps
def test_all_parts_of_a_run_with_every_are_read(tmp_path):
    thermo = "timestep 0.004\nthermo 4\nthermo_style custom step temp vol v_jx v_jy v_jz\n"
    log = lmp(tmp_path, START + thermo + 'run 300 pre no every 100 "variable n equal step"\n')
    whole = read_flux(log, run="all")
    assert whole.samples == 300 / 4 + 1
    assert any("3 runs hold the flux" in note for note in read_flux(log).notes)


def test_seeds_that_differ_by_more_than_their_blocks_tell():
    """Four runs of different mean squares: their scatter is the error, not that of the blocks."""
    flux = gaussian(4) * np.array([0.5, 1.0, 1.5, 2.0])[:, None, None]
    result = green_kubo(series(flux), cutoff=2.0)
    assert result.over_seeds.error > 2 * result.over_blocks.error
    assert result.error == pytest.approx(np.hypot(result.over_seeds.error, result.tail))
    assert any("seeds differ by" in note for note in result.notes)
    alike = green_kubo(series(gaussian(4)), cutoff=2.0)
    assert alike.standard is alike.over_blocks and not alike.notes


def test_the_error_of_a_component_holds_what_lies_past_the_cutoff():
    flux = gaussian(4)
    flux[..., 0] += np.cumsum(gaussian(4, seed=5)[..., 0], axis=1) * 0.02
    result = green_kubo(series(flux), cutoff=1.0)
    statistical = np.diagonal(result.standard.tensor_error)
    error, tails = np.diagonal(result.tensor_error), np.diagonal(result.tail_tensor)
    assert np.allclose(error, np.hypot(statistical, tails))
    assert tails[0] > 10 * tails[1] and tails[0] > statistical[0]


HEADER = "# adflux units=metal,timestep=0.001,volume=1000,dimension=3,atoms=64{more}\n"


def write(path, flux, names="v_adflux_jx v_adflux_jy v_adflux_jz", more="", temperature=300.0):
    rows = "".join(
        f"{10 * i} {' '.join(map(repr, map(float, row)))} {temperature}\n"
        for i, row in enumerate(flux)
    )
    header = HEADER.format(more=more)
    path.write_text(f"{header}# TimeStep {names} c_thermo_temp\n{rows}")
    return path


def test_seeds_are_independent_and_of_one_flux(tmp_path):
    one, other = gaussian(2, 400, 10.0)
    first = write(tmp_path / "a.flux", one)
    copy = write(tmp_path / "b.flux", one[:300])
    with pytest.raises(AdfluxError, match="begin with the same 16 samples"):
        read_flux([first, copy])
    native = "v_adflux_native_jx v_adflux_native_jy v_adflux_native_jz"
    with pytest.raises(AdfluxError, match="LAMMPS' own and the exact one"):
        read_flux([first, write(tmp_path / "n.flux", other, native)])
    with pytest.raises(AdfluxError, match="names one twice"):
        read_flux(first, columns=["v_adflux_jx"] * 3)
    named = write(tmp_path / "j.flux", other, "v_jx v_jy v_jz")
    notes = read_flux([first, named], per_volume=False).notes
    assert any("columns of different names" in note for note in notes)


def test_options_that_differ_from_the_header_are_told(tmp_path):
    file = write(tmp_path / "a.flux", gaussian(1, 400, 10.0)[0], more=",masses=2")
    notes = read_flux(file, timestep=0.01, temperature=250.0, volume=1001.0).notes
    assert any("timestep=0.01 was taken as given, though it is 0.001" in note for note in notes)
    assert any("temperature=250 was taken as given, though it is 300" in note for note in notes)
    assert not any("volume=" in note for note in notes)
    assert any("2 kinds of atoms" in note for note in notes)
    with pytest.raises(AdfluxError, match="in units metal by the file's own header"):
        read_flux(file, units="real")
    assert not any("given" in note for note in read_flux(file, units="metal").notes)


@pytest.mark.parametrize("option", ({"subtract_mean": True}, {"blocks": 4}))
def test_what_needs_a_series_is_refused_for_correlations(option):
    known = green_kubo(series(gaussian(2)), cutoff=2.0)
    values = np.zeros((1, len(known.hfacf), 3, 3))
    values[0] = known.hfacf[:, None, None] * np.eye(3)
    correlation = FluxSeries(0.1, 100.0, 1.0, "lj", None, correlation=values)
    with pytest.raises(AdfluxError, match="needs the time series"):
        green_kubo(correlation, cutoff=2.0, **option)
