"""The same structure and its derivatives in metal and real units."""

import json
from pathlib import Path

import jax
import numpy as np
from mpi4py import MPI

import lammps_adflux as adflux

jax.config.update("jax_enable_x64", True)


found = {}
potential = adflux.load("si.pkl")
for units in ("metal", "real"):
    setup = f"""units {units}
lattice diamond 5.5
region box block 0 1 0 1 0 1
create_box 1 box
create_atoms 1 box
group gone id 1
delete_atoms group gone
displace_atoms all random 0.05 0.05 0.05 3 units box
mass 1 28.06""".splitlines()
    relaxed = adflux.relax(setup, potential, 1e-9, cell="iso", pressure=0.0)
    expansion = adflux.taylor(relaxed, "lambda_epsilon", progress=False)
    expansion.save(f"{units}.npz")
    again = adflux.Taylor.load(f"{units}.npz")
    assert again.units == units
    slope = relaxed.gradient(lambda positions, strain, energy, parameters: energy, "lambda_epsilon")
    response = relaxed.jvp(0.01 * np.asarray(potential.lambda_epsilon), "lambda_epsilon")
    predicted = expansion.predict(1.01 * np.asarray(potential.lambda_epsilon).ravel())
    found[units] = dict(
        energy=relaxed.energy,
        gradient=float(expansion.gradient[0]),
        curvature=float(expansion.curvature[0, 0]),
        slope=float(slope.ravel()[0]),
        first=response.energy1,
        second=response.energy2,
        at=predicted.energy_at_structure,
        volume=relaxed.volume,
        strain=float(expansion.strain_jacobian[0, 0]),
        parameter=float(expansion.parameters[0]),
        lammps=relaxed.lammps.get_thermo("pe"),
        moved=float(np.abs(expansion.position_jacobian).max()),
    )
if MPI.COMM_WORLD.rank == 0:
    Path("found.json").write_text(json.dumps(found))
