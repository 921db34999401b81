"""For which pair styles LAMMPS' `compute heat/flux` is exact.

J = Σ_i e_i v_i + Σ_i S_i v_i takes S_i from `stress/atom`, which gives each atom half of the virial
of its pairs, or a third of that of its triplets, or from `centroid/stress/atom`. That is the flux
where a force acts between two atoms whose pair energy both share. Energies of many atoms have
another flux (Fan et al., Phys. Rev. B 92, 094301 (2015); Surblys et al., Phys. Rev. E 99, 051301
(2019)).
"""

import re
from typing import NamedTuple

PAIRWISE = (
    "beck", "born", "buck", "buck6d", "coul/cut", "coul/debye", "coul/diel", "coul/shield",
    "cosine/squared", "e3b", "gauss", "gauss/cut", "harmonic/cut", "lj/charmm", "lj/class2",
    "lj/cubic", "lj/cut", "lj/expand", "lj/gromacs", "lj/mdf", "lj/pirani", "lj/relres", "lj/sf",
    "lj/sdk", "lj/smooth", "lj/spica", "lj96/cut", "lj/switch3", "mie/cut", "mm3/switch3", "morse",
    "nm/cut", "soft", "table", "ufm", "wf/cut", "yukawa", "zbl", "zero",
)  # fmt: skip
# LAMMPS refuses `centroid/stress/atom` with these
REFUSED = (
    "adp", "agni", "airebo", "airebo/morse", "atm", "comb", "comb3", "drip", "edip", "edip/multi",
    "eim", "extep", "gw", "gw/zbl", "ilp/graphene/hbn", "ilp/tmd", "kolmogorov/crespi/full",
    "kolmogorov/crespi/z", "lcbop", "lebedeva/z", "meam", "meam/spline", "meam/sw/spline",
    "mesocnt", "mliap", "nb3b/harmonic", "nb3b/screened", "pod", "polymorphic", "quip", "reaxff",
    "rebo", "rebomos", "snap", "sw", "sw/mod", "sw/angle/table", "tersoff", "tersoff/mod",
    "tersoff/mod/c", "tersoff/table", "tersoff/zbl", "threebody/table", "vashishta",
    "vashishta/table",
)  # fmt: skip
# it takes these for pairwise, and they are not
PASSED = (
    "allegro", "bop", "deepmd", "dispersion/d3", "e3gnn", "eam", "eam/alloy", "eam/cd", "eam/fs",
    "eam/he", "eam/apip", "eam/fs/apip", "hdnnp", "kim", "mace", "nequip", "pace", "pace/apip",
    "pace/extrapolation", "rann", "runner", "smatb", "smatb/single",
)  # fmt: skip
# of the same style, compiled for other processors
SUFFIX = re.compile(r"/(omp|opt|gpu|intel|kk|kk/device|kk/host)$")
STRESSES = "stress/atom", "centroid/stress/atom"


class Verdict(NamedTuple):
    """Is the flux of a pair style exact with a compute of stresses?"""

    style: str
    stress: str
    exact: bool | None  # None: not known here
    says: str


def verdict(style: str, stress: str) -> Verdict:
    """For one pair style and one of `STRESSES`."""
    base = SUFFIX.sub("", style)
    if base in PASSED or base in REFUSED:
        if stress == "stress/atom":
            says = "many-body: stress/atom shares the virial equally, and LAMMPS does not warn"
            return Verdict(style, stress, False, says)
        if base in REFUSED:
            says = "many-body: LAMMPS refuses centroid/stress/atom with it"
            return Verdict(style, stress, False, says)
        says = "many-body: LAMMPS takes it for pairwise, and does not warn"
        return Verdict(style, stress, False, says)
    if base in PAIRWISE or any(
        re.match(rf"{re.escape(name)}/(coul|cut|long|charmm|tip4p|msm|soft)", base)
        for name in PAIRWISE
    ):
        says = "pairwise: both atoms of a pair share its energy"
        if re.search("long|msm", base):
            return Verdict(style, stress, None, "pairwise, but the part of kspace is not judged")
        return Verdict(style, stress, True, says)
    return Verdict(style, stress, None, "this style is not known here")


def styles_of(words: list[str]) -> list[str]:
    """The names of styles in the words of a pair_style command."""
    if not words:
        return []
    if not words[0].startswith("hybrid"):
        return words[:1]
    known = (*PAIRWISE, *REFUSED, *PASSED)
    found = [
        word
        for word in words[1:]
        if SUFFIX.sub("", word) in known or ("/" in word and not word.startswith(("v_", "/")))
    ]
    return list(dict.fromkeys(found))
