"""Radial bases with the cutoff functions that go with them, as mlff defines them."""

import math
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

BASES = ("phys", "bernstein", "bessel", "rbf")
CUTOFFS = ("cosine_cutoff_fn", "phys_cutoff_fn", "dimenet_cutoff_fn", "exponential_cutoff_fn")
BERNSTEIN_DECAY = 0.9448630629184640  # 1/length, fixed in mlff


def radial_basis(
    name: str, distances: Float[Array, " pairs"], size: int, cutoff: float, trained: Mapping
) -> Float[Array, "pairs {size}"]:
    """The K = size functions g_k(r), k = 0 … K-1; none of them goes to zero at the cutoff c.

    phys:      exp(-β (e^-r - μ_k)²), μ_k equally spaced from e^-c to 1, β = [(2/K)(1 - e^-c)]^-2;
               Unke, Meuwly, J. Chem. Theory Comput. 15, 3678 (2019), eq. 7
    bernstein: binomial(K-1, k) y^k (1 - y)^(K-1-k), y = e^-γr; Unke et al., Nat. Commun. 12, 7273
    (2021) bessel:    sin(π k r/c)/r; Klicpera, Groß, Günnemann, ICLR 2020 rbf:       exp(-(r -
    μ_k)²/2w_k²) with trained centres μ and widths w (`trained`)
    """
    r = distances[:, None]

    def constant(values):
        return jnp.asarray(values, distances.dtype)

    k = constant(np.arange(size))
    if name == "phys":
        strength = (2.0 / size * (1.0 - math.exp(-cutoff))) ** -2
        return jnp.exp(
            -strength * (jnp.exp(-r) - constant(np.linspace(math.exp(-cutoff), 1.0, size))) ** 2
        )
    if name == "bernstein":
        binomial = constant([math.log(math.comb(size - 1, n)) for n in range(size)])
        decay = BERNSTEIN_DECAY * r
        return jnp.exp(binomial - k * decay + (size - 1 - k) * jnp.log1p(-jnp.exp(-decay)))
    if name == "bessel":
        return jnp.sin(math.pi / cutoff * k * r) / r
    if name == "rbf":
        return jnp.exp(-0.5 * ((r - trained["centers"]) / trained["widths"]) ** 2)
    raise ValueError(f"{name} is none of the radial bases {', '.join(BASES)}")


def cutoff_function(
    name: str, distances: Float[Array, " pairs"], cutoff: float
) -> Float[Array, " pairs"]:
    """φ(r), one at r = 0 and zero from the cutoff c on; with u = r/c below it

    cosine: (1 + cos πu)/2 · phys: 1 - 10u³ + 15u⁴ - 6u⁵ · dimenet: 1 - 28u⁶ + 48u⁷ - 21u⁸ ·
    exponential: exp(-u²/(1-u²))
    """
    inside = distances < cutoff
    # harmless beyond, so that no gradient is NaN there
    u = jnp.where(inside, distances / cutoff, 0.0)
    if name == "cosine_cutoff_fn":
        value = 0.5 * (jnp.cos(math.pi * u) + 1.0)
    elif name == "phys_cutoff_fn":
        value = 1.0 - u**3 * (10.0 - 15.0 * u + 6.0 * u**2)
    elif name == "dimenet_cutoff_fn":
        value = 1.0 - u**6 * (28.0 - 48.0 * u + 21.0 * u**2)
    elif name == "exponential_cutoff_fn":
        value = jnp.exp(-(u**2) / ((1.0 - u) * (1.0 + u)))
    else:
        raise ValueError(f"{name} is none of the cutoff functions {', '.join(CUTOFFS)}")
    return jnp.where(inside, value, 0.0)
