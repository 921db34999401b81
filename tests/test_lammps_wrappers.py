"""Pair styles around JAX models, and fixes beside them: one test for each row of
docs/pair_styles.md.

The law: flux and virials are those of the sum that LAMMPS makes, so for Lennard-Jones those of its
own lj/cut.
"""

import json

import numpy as np
import pytest
from comparing import close
from lammps_runner import TEMPLATES, run_lammps, run_python, vectors

import lammps_adflux as adflux

pytestmark = pytest.mark.lammps
OURS = ("v_adflux_jx", "v_adflux_jy", "v_adflux_jz", "v_adflux_jcx", "v_adflux_jcy", "v_adflux_jcz")
NATIVE = tuple(f"c_flux[{n}]" for n in range(1, 7))
SUMS = ("c_sums[1]", "c_sums[2]", "c_sums[3]")  # of the virials xx, yy, xy
VIRIAL = ("v_virialxx", "v_virialyy", "v_virialxy")
# sums of 10⁴ terms that cancel, in another order, and a few steps of chaos from differences of
# 1e-16
ROUNDING = 1e-9

SYSTEM = """\
units lj
atom_modify map yes
boundary p p p
lattice fcc 0.8442
region box block 0 {width} 0 3 0 3
region atoms block 0 3.9 0 3 0 3
create_box 2 box
create_atoms 1 region atoms
set type 1 type/fraction 2 0.4 11
mass 1 1.0
mass 2 1.7
displace_atoms all random 0.1 0.1 0.1 7 units box
velocity all create 1.44 4711 loop geom mom no
group few id < 20
neighbor 0.4 bin
timestep 0.004
thermo 2
"""
# native numbers are printed with those of the same step: the pressure belongs to the last force
# call as well
NATIVE_OUTPUT = """\
compute ke all ke/atom
compute pe all pe/atom pair
compute st all stress/atom NULL pair
compute flux all heat/flux ke pe st
thermo_style custom step pe vol {values}
"""
OUR_OUTPUT = """\
include ${{adflux}}/heat_flux.lmp
include ${{adflux}}/atomic_virials.lmp
compute sums all reduce sum v_adflux_wxx v_adflux_wyy v_adflux_wxy
compute pressure all pressure NULL pair
variable virialxx equal c_pressure[1]*vol
variable virialyy equal c_pressure[2]*vol
variable virialxy equal c_pressure[4]*vol
thermo_style custom step pe vol {values}
"""
FORMAT = "thermo_modify norm no format float %.16g\n"
MOVE = "fix move all nve\n"


def lj(style, *pairs, before=""):
    """Commands of a pair style and its coefficients."""
    return f"{before}pair_style {style}\n" + "".join(f"pair_coeff {pair}\n" for pair in pairs)


# the mixture (1.0, 0.9, 0.8; σ 1, 0.98, 0.95) as one model `whole`; `one` and `other` know one
# element, Ar
WHOLE = (
    lj("lj/cut 2.5", "1 1 1.0 1.0", "1 2 0.9 0.98", "2 2 0.8 0.95"),
    lj("mliap unified whole.pkl 0", "* * Ar Kr"),
)
HALVES = "0.5 lj/cut 2.5 0.25 lj/cut 2.5", ("* * lj/cut 1 1.0 1.0", "* * lj/cut 2 0.6 0.9")
WEIGHTS = "variable up equal 0.2+0.6*ramp(0,1)\nvariable down equal 1-v_up\n"
VOLUMES = "variable dense equal 150/vol\n"
HELD = "press/berendsen {} modulus 3 {}"

# name: native pair style, ours, and what both have besides
EXACT = {
    "mliap": (*WHOLE, MOVE),
    "suffix": (WHOLE[0], "suffix omp\n" + WHOLE[1] + "suffix off\n", MOVE),
    "hybrid": (
        lj("lj/cut 2.5", "1 1 1.0 1.0", "1 2 0.0 1.0", "2 2 0.6 0.9"),
        lj(
            "hybrid mliap unified one.pkl 0 mliap unified other.pkl 0",
            "* * mliap 1 Ar NULL",
            "* * mliap 2 NULL Ar",
            "1 2 none",
        ),
        MOVE,
    ),
    "hybrid, one model twice": (
        lj("lj/cut 2.5", "1 1 1.0 1.0", "1 2 0.0 1.0", "2 2 1.0 1.0"),
        lj(
            "hybrid mliap unified one.pkl 0 mliap unified one.pkl 0",
            "* * mliap 1 Ar NULL",
            "* * mliap 2 NULL Ar",
            "1 2 none",
        ),
        MOVE,
    ),
    "hybrid/overlay": (
        lj("hybrid/overlay lj/cut 2.5 lj/cut 2.5", "* * lj/cut 1 1.0 1.0", "* * lj/cut 2 0.6 0.9"),
        lj(
            "hybrid/overlay mliap unified one.pkl 0 mliap unified other.pkl 0",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
        ),
        MOVE,
    ),
    "hybrid/overlay, one model twice": (
        lj("lj/cut 2.5", "* * 2.0 1.0"),
        lj(
            "hybrid/overlay mliap unified one.pkl 0 mliap unified one.pkl 0",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
        ),
        MOVE,
    ),
    "hybrid/overlay with zero": (
        WHOLE[0],
        lj("hybrid/overlay mliap unified whole.pkl 0 zero 2.0", "* * mliap Ar Kr", "* * zero"),
        MOVE,
    ),
    "hybrid/scaled": (
        lj("hybrid/scaled 0.4 lj/cut 2.5", "* * lj/cut 1.0 1.0"),
        lj("hybrid/scaled 0.4 mliap unified one.pkl 0", "* * mliap Ar Ar"),
        MOVE,
    ),
    "hybrid/scaled, two models": (
        lj(f"hybrid/scaled {HALVES[0]}", *HALVES[1]),
        lj(
            "hybrid/scaled 0.5 mliap unified one.pkl 0 ${quarter} mliap unified other.pkl 0  # "
            "words",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
            before="variable quarter index 0.25\n",
        ),
        MOVE,
    ),
    "hybrid/scaled, one model twice": (
        lj("lj/cut 2.5", "* * 0.75 1.0"),
        lj(
            "hybrid/scaled 0.5 mliap unified one.pkl 0 0.25 mliap unified one.pkl 0",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
        ),
        MOVE,
    ),
    "hybrid/scaled by variables": (
        WEIGHTS
        + lj(
            "hybrid/scaled v_up lj/cut 2.5 v_down lj/cut 2.5 0.1 lj/cut 2.5",
            "* * lj/cut 1 1.0 1.0",
            "* * lj/cut 2 0.6 0.9",
            "* * lj/cut 3 1.0 1.0",
        ),
        WEIGHTS
        + lj(
            "hybrid/scaled v_up mliap unified one.pkl 0 v_down mliap unified other.pkl &\n 0 0.1 "
            "mliap unified one.pkl 0",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
            "* * mliap 3 Ar Ar",
        ),
        MOVE,
    ),
    "hybrid/scaled by the volume, which a barostat changes after the forces": (
        VOLUMES + lj("hybrid/scaled v_dense lj/cut 2.5", "* * lj/cut 1.0 1.0"),
        VOLUMES + lj("hybrid/scaled v_dense mliap unified one.pkl 0", "* * mliap Ar Ar"),
        MOVE + f"fix press all {HELD.format('iso 0 5 0.1', '')}\n",
    ),
    "neigh_modify exclude": (
        *WHOLE,
        MOVE + "neigh_modify exclude type 1 2 exclude group few few\n",
    ),
    "special_bonds": (*WHOLE, MOVE + "special_bonds lj 0 0.5 1\n"),
    "fix addforce": (
        *WHOLE,
        MOVE + "fix push few addforce 0.5 0.1 0.0\nfix_modify push energy yes virial yes\n",
    ),
    "fix langevin": (*WHOLE, MOVE + "fix bath all langevin 1.0 1.0 0.1 77 zero yes\n"),
    "fix spring/self": (
        *WHOLE,
        MOVE + "fix tether few spring/self 5.0\nfix_modify tether energy yes\n",
    ),
    "fix setforce": (*WHOLE, MOVE + "fix hold few setforce 0 0 0\n"),
    "fix nvt": (*WHOLE, "fix move all nvt temp 1.4 1.0 0.1\n"),
    "fix npt": (*WHOLE, "fix move all npt temp 1.4 1.0 0.1 iso 0.0 5.0 0.2\n"),
    "fix nph": (*WHOLE, "fix move all nph aniso 0.0 5.0 0.2\n"),
    "fix press/berendsen": (*WHOLE, MOVE + f"fix press all {HELD.format('iso 0 5 0.1', '')}\n"),
    "fix press/berendsen, a part": (
        *WHOLE,
        MOVE + f"fix press few {HELD.format('x 0 5 0.1', 'dilate partial')}\n",
    ),
    "fix press/langevin": (
        *WHOLE,
        MOVE + "fix press all press/langevin iso 0 5 1.0 temp 1.4 1.4 8\n",
    ),
    "fix deform remap x": (*WHOLE, MOVE + "fix strain all deform 1 x erate 0.5 y scale 0.97\n"),
    "fix deform remap x, a part": (*WHOLE, MOVE + "fix strain few deform 1 x erate 0.5\n"),
    "fix deform remap v": (*WHOLE, MOVE + "fix strain all deform 1 x erate 0.5 remap v\n"),
    "fix deform remap none": (*WHOLE, MOVE + "fix strain all deform 2 x erate 0.5 remap none\n"),
    "fix deform, sheared": (
        *WHOLE,
        "change_box all triclinic\n"
        + MOVE
        + "fix strain all deform 1 xy erate 0.7 xz erate -0.3 yz erate 0.2\n",
    ),
    "fix deform/pressure": (
        *WHOLE,
        MOVE + "fix strain all deform/pressure 1 x pressure 3.0 0.05\n",
    ),
    "two fixes that move the box": (
        *WHOLE,
        MOVE
        + f"fix press all {HELD.format('y 0 5 0.1', '')}\nfix strain all deform 1 x erate 0.5\n",
    ),
    "run_style respa": (*WHOLE, MOVE + "run_style respa 2 2 pair 2\n"),
}


def script(name, output, pair, values):
    asked = output.format(values=" ".join(values))
    return f"{SYSTEM}{pair}{asked}{FORMAT}{EXACT[name][2]}run 6\nsuffix off\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    epsilon, sigma = np.array([[1.0, 0.9], [0.9, 0.8]]), np.array([[1.0, 0.98], [0.98, 0.95]])
    whole = adflux.LennardJones(epsilon=epsilon, sigma=sigma, cutoff=2.5, elements=("Ar", "Kr"))
    adflux.export(whole, folder / "whole.pkl")
    adflux.export(
        adflux.LennardJones(epsilon=1.0, sigma=1.0, cutoff=2.5, elements="Ar"), folder / "one.pkl"
    )
    adflux.export(
        adflux.LennardJones(epsilon=0.6, sigma=0.9, cutoff=2.5, elements="Ar"), folder / "other.pkl"
    )
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory, models):
    """Tables (native, ours) of each row, from one LAMMPS process; `empty`: the second rank has no
    atoms at first.
    """
    done = {}

    def run(ranks, empty=False):
        if (ranks, empty) not in done:
            done[ranks, empty] = {}  # so that a LAMMPS that fails is run once
            folder = tmp_path_factory.mktemp(f"wrappers{ranks}{empty}")
            for file in models.glob("*.pkl"):
                (folder / file.name).symlink_to(file)
            parts = []
            for name, (native, ours, _) in EXACT.items():
                parts.append(script(name, NATIVE_OUTPUT, native, NATIVE))
                parts.append(script(name, OUR_OUTPUT, ours, OURS + SUMS + VIRIAL))
            text = "processors 2 1 1\n" if empty else ""
            text += "clear\n".join(parts).replace("{width}", "9" if empty else "3.9")
            tables = run_lammps(folder, text, ranks, time_limit=400.0).tables
            assert len(tables) == 2 * len(EXACT)
            done[ranks, empty] = dict(
                zip(EXACT, zip(tables[::2], tables[1::2], strict=True), strict=True)
            )
        return done[ranks, empty]

    return run


@pytest.mark.parametrize(("ranks", "empty"), ((1, False), (2, False), (2, True)))
@pytest.mark.parametrize("name", EXACT)
def test_flux_and_virials_are_those_of_the_sum_that_lammps_makes(runs, name, ranks, empty):
    native, ours = runs(ranks, empty)[name]
    assert list(ours["Step"]) == list(native["Step"]) == [0, 2, 4, 6]
    close(ours["PotEng"], native["PotEng"], ROUNDING)
    close(ours["Volume"], native["Volume"], ROUNDING)
    close(vectors(ours, *OURS), vectors(native, *NATIVE), ROUNDING)
    close(vectors(ours, *SUMS), vectors(ours, *VIRIAL), ROUNDING)


# the JAX potential `one` beside another style: (ours, native style of the JAX part alone, words of
# the refusal)
ONE = lj("lj/cut 2.5", "* * 1.0 1.0")
PARTS = {
    "hybrid/overlay": (
        lj(
            "hybrid/overlay mliap unified one.pkl 0 lj/cut 2.5",
            "* * mliap Ar Ar",
            "* * lj/cut 0.5 1.0",
        ),
        ONE,
        "pair_style lj/cut adds",
    ),
    "hybrid/scaled": (
        lj(
            "hybrid/scaled 0.4 mliap unified one.pkl 0 0.5 lj/cut 2.5",
            "* * mliap Ar Ar",
            "* * lj/cut 0.5 1.0",
        ),
        lj("lj/cut 2.5", "* * 0.4 1.0"),
        "pair_style lj/cut adds",
    ),
    "hybrid/scaled, the JAX model last": (
        lj(
            "hybrid/scaled 0.5 lj/cut 2.5 0.4 mliap unified one.pkl 0",
            "* * mliap Ar Ar",
            "* * lj/cut 0.5 1.0",
        ),
        lj("lj/cut 2.5", "* * 0.4 1.0"),
        "pair_style lj/cut adds",
    ),
    "hybrid": (
        lj(
            "hybrid mliap unified one.pkl 0 lj/cut 2.5",
            "* * mliap Ar NULL",
            "1 2 lj/cut 0.5 1.0",
            "2 2 lj/cut 0.5 1.0",
        ),
        lj("lj/cut 2.5", "1 1 1.0 1.0", "1 2 0.0 1.0", "2 2 0.0 1.0"),
        "pair_style lj/cut adds",
    ),
    "pair_style list": (
        lj(
            "hybrid/overlay mliap unified one.pkl 0 list pairs.list 2.0",
            "* * mliap Ar Ar",
            "* * list",
        ),
        ONE,
        "pair_style list adds",
    ),
    "a model of LAMMPS' own": (
        lj(
            "hybrid/overlay mliap unified one.pkl 0 mliap model linear own.model descriptor sna "
            "own.descriptor",
            "* * mliap 1 Ar Ar",
            "* * mliap 2 Ar Ar",
        ),
        ONE,
        "a pair_style mliap that is not a model of lammps_adflux adds",
    ),
}
OWN = {
    "own.model": (
        "# one element, 5 bispectrum components and a constant\n1 6\n0.1\n0.02\n0.01\n"
        "-0.03\n0.02\n0.01\n"
    ),
    "own.descriptor": "nelems 1\nelems Ar\nradelems 0.5\nwelems 1.0\nrcutfac 2.0\ntwojmax 2\n",
    "pairs.list": "1 2 harmonic 5.0 1.1\n",
}
FLUX = " ".join(OURS)
W = "c_sums[1] c_sums[2] c_sums[3]"


def answers(folder, models, cases, ranks=1):
    """What each of the scripts gave: numbers, or the sentence with which it was refused."""
    for file in models.glob("*.pkl"):
        (folder / file.name).symlink_to(file)
    for name, text in OWN.items():
        (folder / name).write_text(text)
    (folder / "cases.json").write_text(json.dumps(cases))
    run = run_python(folder, "scripts_and_answers", "cases.json", TEMPLATES, ranks=ranks)
    found, sentences = {}, []
    refusals = iter(run.stderr.splitlines())
    for line in run.stdout.splitlines():
        if line.count("|") != 2 or line.split("|")[1] not in (" answered ", " refused "):
            continue
        name, word, numbers = (part.strip() for part in line.split("|"))
        if word == "answered":
            found[name] = np.array(numbers.split(), float)
            continue
        sentences = []
        for line in refusals:
            if line == name:
                break
            sentences.append(line)
        found[name] = "\n".join(sentences)
    assert set(found) == set(cases)
    return found


def whole(script, width="3.9"):
    return (script).replace("{width}", width).replace("{{", "{").replace("}}", "}")


def test_beside_another_style_the_part_of_the_jax_potential_is_given_on_request_only(
    tmp_path, models
):
    setup = SYSTEM + MOVE
    sums = "compute sums all reduce sum v_adflux_wxx v_adflux_wyy v_adflux_wxy\n"
    native = NATIVE_OUTPUT.partition("thermo_style")[0]
    cases = {}
    for name, (ours, part, _) in PARTS.items():
        flux = setup + ours + "include ${{adflux}}/heat_flux.lmp\nrun 0\n"
        virials = setup + ours + "include ${{adflux}}/atomic_virials.lmp\n" + sums
        wanted = "variable adflux_partial index yes\n"
        cases[f"{name}: flux"] = flux, FLUX
        cases[f"{name}: virials"] = virials + "run 0\n", W
        cases[f"{name}: part"] = (
            wanted + flux.replace("run 0\n", "") + virials.removeprefix(setup + ours) + "run 0\n",
            FLUX + " " + W,
        )
        pressure = "compute w all pressure NULL pair\n"
        cases[f"{name}: native"] = (
            setup + part + native + pressure + "thermo_style custom step c_flux[1] c_w[1]\nrun 0\n",
            " ".join(NATIVE) + " c_w[1]*vol c_w[2]*vol c_w[4]*vol",
        )
    found = answers(
        tmp_path, models, {name: (whole(script), asked) for name, (script, asked) in cases.items()}
    )
    for name, (_, _, words) in PARTS.items():
        assert (
            words in found[f"{name}: flux"]
            and "The exact heat flux is known" in found[f"{name}: flux"]
        )
        assert (
            words in found[f"{name}: virials"]
            and "Per-atom virials are known" in found[f"{name}: virials"]
        )
        assert "ERROR" not in found[f"{name}: flux"].partition("The exact")[0]
        close(found[f"{name}: part"][:6], found[f"{name}: native"][:6], ROUNDING)
        close(found[f"{name}: part"][6:], found[f"{name}: native"][6:], ROUNDING)


SCALED = lj("hybrid/scaled {} mliap unified one.pkl 0", "* * mliap Ar Ar")
ASK = "include ${{adflux}}/heat_flux.lmp\nthermo_style custom step v_adflux_jx\n"
REFUSED = {
    "atom-style weight": (
        "variable w atom x\n" + SCALED.format("v_w") + ASK + "run 2",
        "atom-style variable",
    ),
    "random weight": (
        "variable w equal random(0.3,0.6,5)\n" + SCALED.format("v_w") + ASK + "run 2",
        "`random` in v_w",
    ),
    "hidden random weight": (
        "variable r equal normal(0.3,0.6,5)\nvariable w equal 0.1+v_r\n"
        + SCALED.format("v_w")
        + ASK
        + "run 2",
        "`normal` in v_r",
    ),
    "python weight": (
        'python half return v_w format f here "half = lambda: 0.5"\nvariable w python half\n'
        + SCALED.format("v_w")
        + ASK
        + "run 2",
        "python-style variable w",
    ),
    "fix set": (
        WHOLE[1]
        + ASK
        + MOVE
        + "variable far atom 1.01*x\nfix shift all set 2 1 type 1 x v_far\nthermo 2\nrun 4",
        "the fixes here are move, shift",
    ),
    "pre no": (
        WHOLE[1] + ASK + MOVE + "run 2\ndisplace_atoms all random 0.1 0.1 0.1 5\nrun 2 pre no",
        "not those of the last force call",
    ),
    "hybrid once more": (
        lj("hybrid/overlay mliap unified one.pkl 0 zero 2.0", "* * mliap Ar Ar", "* * zero")
        + ASK
        + "run 2\n"
        + lj(
            "hybrid/overlay mliap unified one.pkl 0 lj/cut 2.5",
            "* * mliap Ar Ar",
            "* * lj/cut 0.5 1.0",
        )
        + "run 2",
        "include the template once more",
    ),
    "a model of LAMMPS' own afterwards": (
        lj("mliap unified one.pkl 0", "* * Ar Ar")
        + ASK
        + "run 0\nthermo_style one\n"
        + lj("mliap model linear own.model descriptor sna own.descriptor", "* * Ar Ar")
        + "run 0\nvariable now equal $(v_adflux_jx)",
        "pair_style was changed",
    ),
}
MASSES = WHOLE[1] + (
    "include ${{adflux}}/heat_flux.lmp\nrun 0\nvariable before equal $(v_adflux_jcx)\nmass * 5.0\n"
)
REDEFINED = "variable w equal 0.3\n" + SCALED.format("v_w") + ASK + "run 0\nvariable w equal 0.9\n"


def test_what_cannot_be_known_is_refused_and_nothing_is_stale(tmp_path, models):
    cases = {name: (SYSTEM + script, "1") for name, (script, _) in REFUSED.items()}
    cases["masses"] = SYSTEM + MASSES, "v_adflux_jcx v_before"
    cases["masses at once"] = SYSTEM + MASSES + "run 0\n", "v_adflux_jcx"
    # it evaluates forces elsewhere, and at last at the atoms themselves
    still = WHOLE[1] + ASK + MOVE + "{numdiff}run 2\n"
    cases["numdiff"] = SYSTEM + still.replace("{numdiff}", "fix nd few numdiff 2 1e-4\n"), FLUX
    cases["no numdiff"] = SYSTEM + still.replace("{numdiff}", ""), FLUX
    # the weight is that of the last force call
    cases["weight afterwards"] = SYSTEM + REDEFINED, "v_adflux_jx"
    cases["weight"] = SYSTEM + REDEFINED.replace("0.9", "0.3"), "v_adflux_jx"
    found = answers(
        tmp_path, models, {name: (whole(script), asked) for name, (script, asked) in cases.items()}
    )
    wrong = {
        name: found[name] for name, (_, words) in REFUSED.items() if words not in str(found[name])
    }
    assert not wrong
    close(found["masses"][:1], found["masses at once"], ROUNDING)
    assert found["masses"][0] != found["masses"][1]
    close(found["numdiff"], found["no numdiff"], ROUNDING)
    close(found["weight afterwards"], found["weight"], ROUNDING)
