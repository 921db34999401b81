"""Slow independent routes to what the package computes."""

import ase
import jax
import jax.numpy as jnp
import numpy as np

from lammps_adflux import Graph, Potential


def pairs_by_force(positions, cell, periodic, cutoff):
    """Directed pairs from a loop over images: centers, others, image shifts; nothing shared with
    vesin.
    """
    positions, cell = np.asarray(positions), np.asarray(cell)
    ranges = [0, 0, 0]
    for axis in range(3):
        if periodic[axis]:
            height = abs(np.linalg.det(cell)) / np.linalg.norm(
                np.cross(cell[axis - 2], cell[axis - 1])
            )
            scaled = positions @ np.linalg.inv(cell)
            ranges[axis] = int(np.ceil(cutoff / height + np.ptp(scaled[:, axis])))
    images = [
        np.array([a, b, c])
        for a in range(-ranges[0], ranges[0] + 1)
        for b in range(-ranges[1], ranges[1] + 1)
        for c in range(-ranges[2], ranges[2] + 1)
    ]
    rows = [np.zeros((0, 5), int)]
    for image in images:
        vectors = (positions + image @ cell)[None] - positions[:, None]
        found = np.argwhere(np.linalg.norm(vectors, axis=-1) < cutoff)
        if not image.any():
            found = found[found[:, 0] != found[:, 1]]
        rows.append(np.hstack([found, np.tile(image, (len(found), 1))]))
    rows = np.concatenate(rows)
    rows = rows[np.lexsort(rows.T[::-1])]
    return rows[:, 0], rows[:, 1], rows[:, 2:]


def unfolded_graph(atoms: ase.Atoms, potential: Potential):
    """The cell with explicit copies of all atoms within hops · cutoff, and no periodicity.

    Returns a function positions of all copies → Graph, the positions, and for each copy its atom.
    """
    cell = atoms.cell.array
    reach = potential.reach + 1e-6
    positions = [np.array(atoms.positions)]
    origin = [np.arange(len(atoms))]
    heights = [
        abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[a - 2], cell[a - 1]))
        if atoms.pbc[a]
        else np.inf
        for a in range(3)
    ]
    counts = [int(np.ceil(reach / h)) + 1 if np.isfinite(h) else 0 for h in heights]
    for image in np.ndindex(*(2 * n + 1 for n in counts)):
        shift = (np.array(image) - counts) @ cell
        if not np.any(np.array(image) - counts):
            continue
        copies = atoms.positions + shift
        distance = np.linalg.norm(copies[:, None] - atoms.positions[None], axis=-1).min(axis=1)
        keep = distance < reach
        positions.append(copies[keep])
        origin.append(np.arange(len(atoms))[keep])
    positions, origin = np.concatenate(positions), np.concatenate(origin)
    centers, others, _ = pairs_by_force(
        positions, np.eye(3), (False, False, False), potential.cutoff
    )
    index = {element: number for number, element in enumerate(potential.elements)}
    species = np.array([index[s] for s in atoms.get_chemical_symbols()])[origin]

    def graph(moved):
        return Graph(
            vectors=moved[others] - moved[centers],
            centers=jnp.asarray(centers, jnp.int32),
            others=jnp.asarray(others, jnp.int32),
            species=jnp.asarray(species, jnp.int32),
            mask=jnp.ones(len(centers), bool),
            owned=jnp.asarray(np.arange(len(positions)) < len(atoms)),
        )

    return graph, positions, origin


def unfolded_flux(atoms: ase.Atoms, potential: Potential, velocities) -> np.ndarray:
    """J_pot = Σ_i r_i U̇_i - Σ_j r_j (∂U/∂r_j · v_j) in the explicitly unfolded cell (Langer et al.
    2023, eq. 21).
    """
    graph, positions, origin = unfolded_graph(atoms, potential)
    v = np.asarray(velocities)[origin]

    def energies(moved):
        return jnp.where(graph(moved).owned, potential(graph(moved)), 0.0)

    _, rates = jax.jit(lambda x, rate: jax.jvp(energies, (x,), (rate,)))(
        jnp.asarray(positions), jnp.asarray(v)
    )
    gradient = jax.jit(jax.grad(lambda moved: jnp.sum(energies(moved))))(jnp.asarray(positions))
    return np.asarray(positions.T @ rates - positions.T @ jnp.sum(gradient * v, axis=1))


def hardy_flux(atoms: ase.Atoms, potential: Potential, velocities) -> np.ndarray:
    """Hardy's N² form: Σ_i Σ_j (r_i - r_j)(∂U_i/∂r_j · v_j), each ∂U_i/∂r_j by itself, in the
    unfolded cell.
    """
    graph, positions, origin = unfolded_graph(atoms, potential)
    v = np.asarray(velocities)[origin]
    own_energies = jax.jit(jax.jacrev(lambda moved: potential(graph(moved))[: len(atoms)]))
    jacobian = np.asarray(own_energies(jnp.asarray(positions)))
    power = np.einsum("ijb,jb->ij", jacobian, v)
    separation = positions[: len(atoms), None] - positions[None]
    return np.einsum("ija,ij->a", separation, power)


def real_harmonics(degree: int, direction) -> np.ndarray:
    """Y_lm, m = -l … l, from angles and SciPy's associated Legendre functions, which carry the
    Condon-Shortley sign.
    """
    from scipy.special import factorial, lpmv

    angle, values = np.arctan2(direction[1], direction[0]), []
    for m in range(-degree, degree + 1):
        k = abs(m)
        norm = np.sqrt(
            (2 * degree + 1) / (4 * np.pi) * factorial(degree - k) / factorial(degree + k)
        )
        turn = np.sqrt(2) * (np.sin(k * angle) if m < 0 else np.cos(k * angle)) if m else 1.0
        values.append((-1) ** k * norm * lpmv(k, degree, direction[2]) * turn)
    return np.array(values)


def so3krates_energies(params, network, numbers, centers, others, vectors) -> np.ndarray:
    """Energy of each atom, by loops over pairs and heads, from mlff's own tree of arrays and
    hyperparameters.
    """
    (geometry,) = network["geometry_embeddings"][0].values()
    degrees, cutoff, K = geometry["degrees"], geometry["r_cut"], geometry["n_rbf"]
    block = [
        np.arange(d * d, (d + 1) ** 2) - sum(2 * e + 1 for e in range(d) if e not in degrees)
        for d in degrees
    ]
    harmonics = [
        np.concatenate([real_harmonics(d, v / np.linalg.norm(v)) for d in degrees]) for v in vectors
    ]
    distances = np.linalg.norm(vectors, axis=1)

    def phi(r):
        u = r / cutoff
        polynomial = 1 - 28 * u**6 + 48 * u**7 - 21 * u**8
        return {
            "cosine_cutoff_fn": (np.cos(np.pi * u) + 1) / 2,
            "phys_cutoff_fn": 1 - 6 * u**5 + 15 * u**4 - 10 * u**3,
            "dimenet_cutoff_fn": polynomial,
            "exponential_cutoff_fn": np.exp(-(r**2) / (cutoff**2 - r**2)),
        }[geometry["radial_cutoff_fn"]]

    def basis(r):
        name, k, y = (
            geometry["radial_basis_function"],
            np.arange(K),
            np.exp(-0.9448630629184640 * r),
        )
        if name == "phys":
            beta = (2 / K * (1 - np.exp(-cutoff))) ** -2
            return np.exp(-beta * (np.exp(-r) - np.linspace(np.exp(-cutoff), 1, K)) ** 2)
        if name == "bernstein":
            choose = np.array([np.prod((K - 1 - np.arange(n)) / (1 + np.arange(n))) for n in k])
            return choose * y**k * (1 - y) ** (K - 1 - k)
        if name == "bessel":
            return np.sin(k * np.pi * r / cutoff) / r
        trained = params["geometry_embeddings_0"]["rbf_fn"]
        return np.exp(-((r - trained["centers"]) ** 2) / trained["widths"] ** 2 / 2)

    def silu(x):
        return x / (1 + np.exp(-x))

    def norm(layer, number, x):
        if f"LayerNorm_{number}" not in layer:
            return x
        scaled = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)
        return scaled * layer[f"LayerNorm_{number}"]["scale"] + layer[f"LayerNorm_{number}"]["bias"]

    def mlp(tree, x):
        for n in range(len(tree)):
            x = (silu(x) if n else x) @ tree[f"layers_{n}"]["kernel"] + tree[f"layers_{n}"]["bias"]
        return x

    def residual(tree, x):
        inner = tree["Residual_0"]
        return (
            silu(x + silu(silu(x) @ inner["layers_0"]["kernel"]) @ inner["layers_1"]["kernel"])
            @ tree["Dense_0"]["kernel"]
        )

    def contract(c):
        return np.array(
            [
                np.sum(c[index] ** 2) / np.sqrt(2 * d + 1)
                for d, index in zip(degrees, block, strict=True)
            ]
        )

    def weight(tree, p, separation, x):
        filters = tree["filter_fn"]
        w = mlp(filters["VmapMLP_0"], basis(distances[p])[None])
        if "VmapMLP_1" in filters:
            w = w + mlp(filters["VmapMLP_1"], separation[None])
        w, maps = w.reshape(-1), tree["attention_fn"]["VmapConvAttentionCoefficients_0"]
        query, key = maps["Dense_0"]["kernel"], maps["Dense_1"]["kernel"]
        size, alpha = query.shape[1], []
        for h in range(len(query)):
            part = slice(h * size, (h + 1) * size)
            q, k = x[centers[p]][part] @ query[h], x[others[p]][part] @ key[h]
            alpha.append(phi(distances[p]) * np.sum(q * w[part] * k) / np.sqrt(size))
        return alpha

    embeddings = [
        tree["Embed_0"]["embedding"]
        for name, tree in params.items()
        if name.startswith("feature_embed")
    ]
    x = sum(table[numbers] for table in embeddings) / np.sqrt(len(embeddings))
    chi = np.zeros((len(numbers), sum(2 * d + 1 for d in degrees)))
    if geometry["sphc_normalization"] is not None:
        for p, i in enumerate(centers):
            chi[i] += phi(distances[p]) * harmonics[p] / geometry["sphc_normalization"]
    for n in range(len(network["layers"])):
        layer, names = params[f"layers_{n}"], ["ResidualMLP_0", "ResidualMLP_1"]
        (used,) = network["layers"][n].values()
        y, dx, dchi = norm(layer, 0, x), np.zeros_like(x), np.zeros_like(chi)
        for p, (i, j) in enumerate(zip(centers, others, strict=True)):
            separation = contract(chi[j] - chi[i])
            values = layer["FeatureBlock_0"]["attention_fn"]["VmapAttentionAggregation_0"][
                "Dense_0"
            ]["kernel"]
            size = values.shape[1]
            for h, alpha in enumerate(weight(layer["FeatureBlock_0"], p, separation, y)):
                part = slice(h * size, (h + 1) * size)
                dx[i, part] += alpha * (y[j, part] @ values[h])
            for index, alpha in zip(
                block, weight(layer["GeometricBlock_0"], p, separation, y), strict=True
            ):
                dchi[i, index] += alpha * harmonics[p][index]
        x, chi = x + dx, chi + dchi
        if used["residual_mlp_1"]:
            x = residual(layer[names.pop(0)], x)
        joined = np.concatenate([norm(layer, 1, x), [contract(c) for c in chi]], axis=1)
        mixed = mlp(layer["InteractionBlock_0"]["MLP_0"], joined)
        x = x + mixed[:, : x.shape[1]]
        for d, index in enumerate(block):
            chi[:, index] *= 1 + mixed[:, x.shape[1] + d, None]
        if used["residual_mlp_2"]:
            x = residual(layer[names.pop(0)], x)
        x = norm(layer, 2, x)
    return mlp(params["observables_0"]["MLP_0"], x)[:, 0]


def wigner(quaternion, degree: int) -> np.ndarray:
    """U_j of LAMMPS' SNAP [m, m'], 2j = degree: the matrix [[ā, b], [-b̄, a]] acting on polynomials
    in two variables.
    """
    from math import comb

    a, b = quaternion[0] + 1j * quaternion[1], quaternion[2] + 1j * quaternion[3]
    matrix = np.zeros((degree + 1, degree + 1), complex)
    for column in range(degree + 1):
        polynomial = np.ones(1)
        for factor in [(np.conj(a), -np.conj(b))] * (degree - column) + [(b, a)] * column:
            polynomial = np.convolve(polynomial, factor)
        norms = [np.sqrt(comb(degree, column) / comb(degree, row)) for row in range(degree + 1)]
        matrix[:, column] = norms * polynomial
    return matrix


def clebsch_gordan(j1: int, j2: int, j: int) -> np.ndarray:
    """⟨j1 m1 j2 m2|j m⟩ [m1, m2, m] by Racah's formula; all spins doubled, m from -j upwards."""
    from math import factorial as f

    table = np.zeros((j1 + 1, j2 + 1, j + 1))
    for k1, k2 in np.ndindex(j1 + 1, j2 + 1):  # k = j + m
        k = k1 + k2 - (j1 + j2 - j) // 2
        if not 0 <= k <= j:
            continue
        a, b, c = (j1 + j2 - j) // 2, j1 - k1, k2
        total = sum(
            (-1) ** z / (f(z) * f(a - z) * f(b - z) * f(c - z) * f(k1 - a + z) * f(j2 - k2 - a + z))
            for z in range(max(0, a - k1, a - j2 + k2), min(a, b, c) + 1)
        )
        norm = (
            (j + 1)
            * f(a)
            * f((j1 + j - j2) // 2)
            * f((j2 + j - j1) // 2)
            / f((j1 + j2 + j) // 2 + 1)
        )
        norm *= f(k1) * f(j1 - k1) * f(k2) * f(j2 - k2) * f(k) * f(j - k)
        table[k1, k2, k] = np.sqrt(norm) * total
    return table


def bispectrum_by_sums(density, twojmax: int) -> np.ndarray:
    """B = Σ conj(U_j) C U_j1 U_j2 C over Clebsch-Gordan coefficients; density [degree][channel]
    holds matrices U_j.
    """
    components = []
    for c1, c2, c3 in np.ndindex(*(len(density[0]),) * 3):
        for j1 in range(twojmax + 1):
            for j2 in range(j1 + 1):
                for j in range(j1 - j2, min(twojmax, j1 + j2) + 1, 2):
                    if j >= j1:
                        C = clebsch_gordan(j1, j2, j)
                        z = np.einsum(
                            "abm,cdn,ac,bd->mn",
                            C,
                            C,
                            density[j1][c1],
                            density[j2][c2],
                            optimize=True,
                        )
                        components.append(np.sum(np.conj(density[j][c3]) * z).real)
    return np.array(components)
