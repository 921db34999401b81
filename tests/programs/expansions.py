"""Expansions of structures that belong together or do not, and energies of relaxations."""

import equinox as eqx
import jax
import numpy as np

import lammps_adflux as adflux

jax.config.update("jax_enable_x64", True)


def lj(cutoff=2.4, elements="Ar", epsilon=1.0):
    # shells of the crystal lie apart from onset and cutoff
    return adflux.LennardJones(
        epsilon=epsilon, sigma=1.0, cutoff=cutoff, onset=1.7, elements=elements
    )


def fcc(cells=(2, 2, 2), filled=None, more=(), units="lj", types=1):
    density = "1.05" if units == "lj" else f"{(4 / 1.05) ** (1 / 3):.12f}"
    box, some = (" ".join(f"0 {c}" for c in c3) for c3 in (cells, filled or cells))
    return [
        f"units {units}",
        "atom_modify map array",
        f"lattice fcc {density} origin 0.01 0.01 0.01",
        f"region box block {box}",
        f"create_box {types} box",
        f"region some block {some}",
        "create_atoms 1 region some",
        "mass * 1",
        *more,
    ]


GONE = ["group gone id 1", "delete_atoms group gone compress no"]
EVERY_OTHER = ["group odd id 1:32:2", "set group odd type 2"]
MORE = "create_atoms 1 single 0.52 0.02 0.02"


def keep(name, script, potential=None, cell="iso", where=None, **options):
    relaxed = adflux.relax(script, potential or lj(), 1e-10, cell, **options)
    adflux.taylor(relaxed, where, progress=False).save(f"{name}.npz")
    return relaxed


def energy(script, sigma, cell):
    potential = eqx.tree_at(lambda p: p.sigma, lj(), sigma * lj().sigma)
    return adflux.relax(script, potential, 1e-10, cell).energy


keep("bulk", fcc())
keep("vacancy", fcc(more=GONE))
keep("unit cell", fcc((1, 1, 1)))
keep("interstitial", fcc(more=[MORE]))
keep("slab", fcc((2, 2, 5), (2, 2, 3)))
keep("pressed", fcc(), pressure=0.5)
keep("held", fcc(), cell=None)
keep("held vacancy", fcc(more=GONE), cell=None)
keep("other density", [line.replace("1.05", "1.06") for line in fcc()], cell=None)
keep("other cutoff", fcc(), lj(2.41))
keep("other depth", fcc(), lj(epsilon=1.01))
keep("metal", fcc(units="metal"))
keep("sigma alone", fcc(), where="sigma")
two = lj(elements=("Ar", "Kr"), epsilon=[[1.0, 0.8], [0.8, 0.9]])
keep("alloy", fcc(types=2, more=EVERY_OTHER), two)
keep("alloy vacancy", fcc(types=2, more=[*EVERY_OTHER, *GONE]), two)
sizes = np.array([0.003, 0.01, 0.03])
truth = np.array(
    [
        [energy(fcc(more=GONE), s, None) - energy(fcc(), s, None) * 31 / 32 for s in (1 + d, 1 - d)]
        for d in sizes
    ]
)
np.savez("truth.npz", sizes=sizes, held=truth)
