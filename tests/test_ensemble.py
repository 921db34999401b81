"""Files and arrays of parameters: read as they are meant, or refused in one sentence that says what
is wrong.
"""

import h5py
import numpy as np
import pytest

from lammps_adflux import AdfluxError
from lammps_adflux.implicit.ensembles import Wanted, read_ensemble, read_rows

NAMES = tuple(f"W:beta{k}" for k in range(1, 6))
PRESENT = np.array([0.3, -1.2, 5.0, 0.02, 2.5])
WANTED = Wanted(NAMES, PRESENT)
SHUFFLED = [3, 0, 4, 1, 2]


def samples(count: int = 40, spread: float = 0.01) -> np.ndarray:
    return PRESENT * (1.0 + spread * np.random.default_rng(1).normal(size=(count, 5)))


def write(folder, kind: str, **arrays):
    path = folder / f"ensemble.{kind}"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            for name, value in arrays.items():
                value = np.asarray(value)
                file[name] = np.char.encode(value) if value.dtype.kind == "U" else value
    elif kind == "npz":
        np.savez(path, **arrays)
    elif kind == "npy":
        np.save(path, arrays["samples"])
    else:
        mark, comma = {"txt": ("# ", " "), "csv": ("", ","), "dat": ("", "; ")}[kind]
        head = [mark + comma.join(arrays["names"])] if "names" in arrays else []
        rows = [comma.join(f"{x:.17g}" for x in row) for row in arrays["samples"]]
        path.write_text("# of a fit\n" + "\n".join([*head, *rows]) + "\n")
    return path


@pytest.mark.parametrize("kind", ("npz", "h5", "npy", "txt", "csv", "dat"))
def test_every_kind_of_file_gives_the_same_rows(tmp_path, kind):
    np.testing.assert_array_equal(
        read_ensemble(write(tmp_path, kind, samples=samples()), WANTED), samples()
    )


@pytest.mark.parametrize("kind", ("npz", "h5", "txt", "csv", "dat"))
def test_named_parameters_may_come_in_any_order(tmp_path, kind):
    shuffled = {"samples": samples()[:, SHUFFLED], "names": [NAMES[k] for k in SHUFFLED]}
    np.testing.assert_array_equal(
        read_ensemble(write(tmp_path, kind, **shuffled), WANTED), samples()
    )


def test_names_of_a_kind_with_commas_are_read_from_text(tmp_path):
    wanted = Wanted(("epsilon[0,0]", "sigma[0,0]"), np.array([1.0, 3.0]))
    (tmp_path / "e.txt").write_text("# sigma[0,0], epsilon[0,0]\n3.0 1.0\n3.1 1.1\n")
    np.testing.assert_array_equal(
        read_ensemble(tmp_path / "e.txt", wanted), [[1.0, 3.0], [1.1, 3.1]]
    )


def test_a_covariance_of_named_parameters_is_put_in_order():
    """Drawn samples have the mean and the covariance that were given, whatever the order they were
    given in.
    """
    random = np.random.default_rng(2)
    root = 0.01 * random.normal(size=(5, 5))
    covariance = root @ root.T
    straight = read_ensemble((PRESENT, covariance), WANTED)
    shuffled = {
        "mean": PRESENT[SHUFFLED],
        "covariance": covariance[np.ix_(SHUFFLED, SHUFFLED)],
        "names": np.array(NAMES)[SHUFFLED],
    }
    np.testing.assert_allclose(read_ensemble(shuffled, WANTED), straight, rtol=0, atol=1e-12)
    # 1000 samples: variances are known to 4.5 %, five times that at the worst of 25
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs((np.cov(straight.T) - covariance) / scale).max() < 0.2
    assert np.abs((straight.mean(axis=0) - PRESENT) / np.sqrt(np.diag(covariance))).max() < 0.15


def test_a_singular_covariance_varies_nothing_beside_its_range():
    direction = np.array([1.0, 2.0, 0.0, -1.0, 0.5])
    drawn = read_ensemble((PRESENT, 1e-4 * np.outer(direction, direction)), WANTED) - PRESENT
    along = drawn @ direction / (direction @ direction)
    # the root of rounding, 1e-16
    np.testing.assert_allclose(drawn, np.outer(along, direction), rtol=0, atol=1e-9)
    assert along.std() == pytest.approx(1e-2, rel=0.1)


BAD_COVARIANCE = {
    "asymmetric": (np.eye(5) + np.eye(5, k=3), "row 1, column 4 has 1 and row 4, column 1 has 0"),
    "a little": (
        np.eye(5) * 1e-4 + np.diag([1e-7, 0, 0, 0], 1),
        "row 1, column 2 has 1e-07 and row 2, column 1 has 0",
    ),
    "negative": (np.diag([1.0, 1, -1, 1, 1]), "no negative variance, but -1 was found in row 3"),
    "indefinite": (
        np.eye(5) + 2 * (np.eye(5, k=1) + np.eye(5, k=-1)),
        "has no negative eigenvalue, but -2.5",
    ),
    "six": (np.eye(6), "W:beta0 is not among the expansion's parameters"),
    "seven": (np.eye(7), "a 5 × 5 covariance were needed, W:beta1 … W:beta5, but (5,) and (7, 7)"),
    "nan": (np.diag([1, 1, np.nan, 1, 1]), "not finite, the first at place 3, 3"),
}


@pytest.mark.parametrize("name", BAD_COVARIANCE)
def test_a_wrong_covariance_is_told_where_it_is_wrong(name):
    covariance, sentence = BAD_COVARIANCE[name]
    with pytest.raises(AdfluxError) as told:
        read_ensemble((PRESENT, covariance), WANTED)
    assert sentence in str(told.value)


def test_rounded_covariances_are_symmetric_enough():
    """Rounding to float32 on one side of the diagonal."""
    covariance = np.eye(5) * 1e-2 + 1e-3
    upper = np.triu(covariance).astype(np.float32) + np.tril(covariance, -1)
    assert read_ensemble((PRESENT, upper), WANTED).shape == (1000, 5)


BAD_ROWS = {
    "transposed": (samples().T, "the shape (5, 40) was found; transpose it"),
    "with constant": (np.ones((4, 6)), "W:beta0 is not among the expansion's parameters"),
    "changes": (samples() - PRESENT, "are these changes? Add the expansion's parameters"),
    "another order": (
        samples()[:, ::-1],
        "are in another order than the expansion's, W:beta1 … W:beta5",
    ),
    "neighbours": (samples()[:, [0, 2, 1, 3, 4]], "which its number"),
    "covariance": (1e-4 * np.eye(5) + 1e-5, "are a covariance and no samples"),
    "one row": (PRESENT[None], "at least two rows"),
    "vector": (PRESENT, "rows of 5 parameters were needed"),
    "text": (np.array([["a"] * 5] * 5), "an array of real numbers was needed"),
    "complex": (samples() + 1j, "an array of real numbers was needed"),
    "unknown name": (
        {"samples": samples(), "names": [*NAMES[:4], "W:beta9"]},
        "has the parameters W:beta9, which are not",
    ),
    "missing name": ({"samples": samples()[:, :4], "names": NAMES[:4]}, "has no W:beta5"),
    "same name": ({"samples": samples(), "names": [*NAMES[:4], "W:beta4"]}, "names W:beta4 twice"),
    "few names": ({"samples": samples(), "names": NAMES[:4]}, "4 names for 5 parameters"),
    "mean alone": ({"mean": PRESENT}, "but `covariance` is missing: it holds mean"),
    "covariance alone": ({"covariance": np.eye(5)}, "but `mean` is missing: it holds covariance"),
    "neither": ({"theta": PRESENT}, "but `mean` and `covariance` are missing: it holds theta"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_wrong_samples_are_refused_with_the_reason(tmp_path, name):
    ensemble, sentence = BAD_ROWS[name]
    given = [ensemble]
    arrays = ensemble if isinstance(ensemble, dict) else {"samples": ensemble}
    if name != "vector":
        given.append(write(tmp_path, "npz", **arrays))
    for one in given:
        with pytest.raises(AdfluxError) as told:
            read_ensemble(one, WANTED)
        assert sentence in str(told.value), told.value


def test_a_missing_constant_is_named():
    wanted = Wanted(("W:beta0", *NAMES), np.append(0.0, PRESENT))
    with pytest.raises(AdfluxError, match="W:beta0 is among the expansion's parameters"):
        read_ensemble(samples(), wanted)


def test_an_ensemble_beside_the_present_parameters_is_read():
    """Its mean is other than the present parameters, in the same order: the doubt of `propagate`
    judges the distance.
    """
    moved = samples() * 1.2
    np.testing.assert_array_equal(read_ensemble(moved, WANTED), moved)


BAD_TEXT = {
    "1 2 3\n4 5\n": "line 2: 2 numbers were found, but 3 in the rows before it",
    "1 2 3\n4 five 6\n": "line 2: rows of numbers were needed, but 'five' was found",
    "": "the shape (0, 0) was found",
    "1 2 nan 4 5\n1 2 3 4 5\n": "not finite, the first at place 1, 3",
}


@pytest.mark.parametrize("text", BAD_TEXT)
def test_text_is_refused_with_the_line(tmp_path, text):
    path = tmp_path / "e.txt"
    path.write_text(text)
    for read in (read_ensemble, read_rows):
        with pytest.raises(AdfluxError) as told:
            read(path, WANTED)
        assert BAD_TEXT[text] in str(told.value) and str(path) in str(told.value)


def test_files_of_no_numbers_are_refused(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04\x95\x00")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04half")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    for name, sentence in (
        ("model.pkl", "cannot be read"),
        ("half.npz", "cannot be read"),
        ("objects.npy", "cannot be read"),
        ("nothing.npz", "was not found"),
        (".", "is a folder"),
    ):
        with pytest.raises(AdfluxError) as told:
            read_ensemble(tmp_path / name, WANTED)
        assert sentence in str(told.value)


def test_new_parameters_are_one_row_or_several_or_a_line_each(tmp_path):
    path = tmp_path / "new.txt"
    for text, rows in (
        ("0.3 -1.2 5 0.02 2.5", 1),
        ("\n".join(map(str, PRESENT)), 1),
        ("0.3 -1.2 5 0.02 2.5\n" * 3, 3),
        ("\n".join(f"{NAMES[k]} {PRESENT[k]}" for k in SHUFFLED), 1),
        ("# W:beta5 W:beta4 W:beta3 W:beta2 W:beta1\n2.5 0.02 5 -1.2 0.3", 1),
        ("β5, β4, β3, β2, β1\n2.5, 0.02, 5, -1.2, 0.3", 1),
    ):
        path.write_text(text)
        np.testing.assert_array_equal(read_rows(path, WANTED), [PRESENT] * rows)
    path.write_text("1.0\n2.0\n")
    np.testing.assert_array_equal(read_rows(path, Wanted(("sigma",), np.ones(1))), [[1.0], [2.0]])
    # ten lines are no two rows of five
    path.write_text("1.0\n" * 10)
    with pytest.raises(AdfluxError, match="rows of 5 numbers were needed"):
        read_rows(path, WANTED)
    np.savez(tmp_path / "new.npz", theta=PRESENT)
    with pytest.raises(
        AdfluxError, match="needs `parameters`, but `parameters` is missing: it holds theta"
    ):
        read_rows(tmp_path / "new.npz", WANTED)
