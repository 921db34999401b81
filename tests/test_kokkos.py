"""`pair_style mliap/kk` with atoms on a GPU: what can be said without one.

`make test-kokkos` runs the laws of LAMMPS through that pair style.
"""

import pytest

from lammps_adflux.mliap import faults


@pytest.mark.parametrize(
    "what, version, word",
    [
        (faults.FLUX, 20260704, ""),
        (faults.FLUX, 20260330, "LAMMPS 4 Jul 2026 or newer"),
        (faults.DRIVING, 20260704, "without Kokkos"),
        (faults.ATOMIC_VIRIALS, 20260704, "without Kokkos"),
    ],
)
def test_what_kokkos_on_a_gpu_would_make_wrong_is_refused(what, version, word):
    status = faults.on_device(what, version)
    if not word:
        assert status == faults.UP_TO_DATE
        return
    for in_run in (False, True):
        sentence = faults.sentence(status, what, [], in_run)
        assert word in sentence and sentence.startswith(what.asked)
