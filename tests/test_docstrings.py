"""Public functions with several parameters say what each of them is, in numpydoc's form."""

import inspect
import re

import pytest

import lammps_adflux as adflux

SEVERAL = 3
# what the class says once for all of its methods, and what has a name of ASE's
SHARED = {"where", "cell", "progress"}
OF_ASE = {"ASECalculator.calculate"}


def functions():
    """Names and functions: public ones, those of public modules, methods of public classes."""
    for name in sorted(adflux.__all__):
        member = getattr(adflux, name)
        if inspect.isfunction(member):
            yield name, member
        elif inspect.ismodule(member) or inspect.isclass(member):
            for own, found in vars(member).items():
                function = getattr(found, "__func__", found)
                home = member.__name__ if inspect.ismodule(member) else member.__module__
                if inspect.isfunction(function) and function.__module__ == home and own[0] != "_":
                    yield f"{name}.{own}", function


def parameters(function) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def named(function) -> list[str]:
    """The names in the section Parameters of a docstring."""
    text = inspect.getdoc(function) or ""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE
    )
    rows = section[1].split("\n") if section else []
    return [name.strip() for row in rows if row[:1].strip() for name in row.split(",")]


SUBJECTS = {
    name: function
    for name, function in functions()
    if name not in OF_ASE and len(set(parameters(function)) - SHARED) >= SEVERAL
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_docstring_names_the_parameters_of_its_signature(name):
    function = SUBJECTS[name]
    of_class = SHARED if "." in name else set()
    expected = [one for one in parameters(function) if one not in of_class]
    assert [one for one in named(function) if one not in of_class] == expected
