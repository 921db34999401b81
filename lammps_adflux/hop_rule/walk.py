"""One walk through a jaxpr, operation by operation, into its calls, branches and loops."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from ..errors import AdfluxError
from ..graph import Exchange, weigh_tangent
from .bind import along, closed_jaxpr, evaluate
from .locality import Info, Weight, join
from .operations import infer, place_of

# names of jax.checkpoint's operation
REMATERIALISED = ("checkpoint", "remat", "remat2")


class Walk:
    """One walk through a jaxpr: of `Info` alone, or of `Info` with values."""

    def __init__(self, atoms: int, weights: dict | None = None, exchange: Exchange | None = None):
        # weights of the hop rule by kind; none outside a flux
        self.atoms, self.weights, self.exchange = atoms, weights or {}, exchange
        # (jaxpr, infos) → infos of its results, and whether anything hops in it
        self._seen: dict = {}
        self._debug_info = None  # of the function that is evaluated
        # of the outermost call that is being looked into: inside, JAX says where it was traced
        # first
        self._place = ""
        self._hopped = False  # since this was last set to False

    def run(self, closed: ClosedJaxpr, infos, values=None) -> tuple[list[Info], Any]:
        """Infos of the results, and their values where values are given."""
        jaxpr = closed.jaxpr
        self._debug_info = jaxpr.debug_info and jaxpr.debug_info._replace(
            arg_names=None, result_paths=()
        )
        info: dict = dict(zip(jaxpr.invars, infos, strict=True))
        info.update({var: Info((None,) * var.aval.ndim) for var in jaxpr.constvars})
        value: dict = {}
        made: dict = {}  # variable → the operation that gives it
        if values is not None:
            value.update(zip(jaxpr.invars, values, strict=True))
            value.update(zip(jaxpr.constvars, closed.consts, strict=True))

        def info_of(atom):
            return Info((None,) * np.ndim(atom.val)) if isinstance(atom, Literal) else info[atom]

        def value_of(atom):
            return atom.val if isinstance(atom, Literal) else value[atom]

        for eqn in jaxpr.eqns:
            ins = [info_of(atom) for atom in eqn.invars]
            made.update(dict.fromkeys(eqn.outvars, eqn))
            if eqn.primitive.name == "lt" and ins[0].origin in ("centers", "others"):
                eqn = eqn.replace(invars=[eqn.invars[0], self._as_literal(eqn.invars[1], made)])
            given = None if values is None else [value_of(atom) for atom in eqn.invars]
            out_infos, out_values = self._operation(eqn, ins, given)
            info.update(zip(eqn.outvars, out_infos, strict=True))
            if values is not None:
                value.update(zip(eqn.outvars, out_values, strict=True))
        out_infos = [info_of(atom) for atom in jaxpr.outvars]
        return out_infos, None if values is None else [value_of(atom) for atom in jaxpr.outvars]

    def _as_literal(self, atom, made: dict):
        """A scalar that follows from no argument as the number that it is; anything
        else as it is.
        """
        number = None if atom.aval.shape else self._constant(atom, made)
        return atom if number is None else Literal(np.asarray(number)[()], atom.aval)

    def _constant(self, atom, made: dict):
        if isinstance(atom, Literal):
            return atom.val
        eqn = made.get(atom)
        given = [self._constant(one, made) for one in eqn.invars] if eqn else [None]
        if eqn is None or any(one is None for one in given):
            return None
        with jax.ensure_compile_time_eval():
            return evaluate(eqn, given, self._debug_info)[eqn.outvars.index(atom)]

    def _operation(self, eqn, infos, values) -> tuple[list[Info], Any]:
        outer, self._place = self._place, self._place or place_of(eqn)
        try:
            return self._follow(eqn, infos, values)
        finally:
            self._place = outer

    def _follow(self, eqn, infos, values) -> tuple[list[Info], Any]:
        name = eqn.primitive.name
        if name == "cond":
            return self._cond(eqn, infos, values)
        if name == "scan":
            return self._scan(eqn, infos, values)
        if name == "while":
            return self._while(eqn, infos, values)
        if eqn.params.get("name") == "any_counts":
            answer = Info((), origin="this rank")
            return [answer], None if values is None else self._bind(eqn, values)
        inner = next(
            (eqn.params[key] for key in ("jaxpr", "call_jaxpr") if key in eqn.params), None
        )
        if inner is not None and len(closed_jaxpr(inner).jaxpr.invars) == len(eqn.invars):
            return self._call(eqn, closed_jaxpr(inner), infos, values)
        outs, weight = infer(eqn, infos, self.atoms, self._place)
        self._hopped |= weight is not None
        if values is None:
            return outs, None
        if weight is None:
            return outs, self._bind(eqn, values)
        carry = self._from_others if weight.kind == "others" else self._into_others
        return outs, carry(eqn, list(values), weight, infos, outs)

    def _bind(self, eqn, values):
        return evaluate(eqn, values, self._debug_info)

    def _from_others(self, eqn, values, weight: Weight, infos, outs):
        """A gather by others: operands are right on the rows of other ranks' atoms as well."""
        if self.exchange is not None and infos[0].summed:
            values[0] = along(self.exchange, values[0], infos[0].axes)
        results = self._bind(eqn, values)
        results[0] = self._weigh(results[0], weight)
        return results

    def _into_others(self, eqn, values, weight: Weight, infos, outs):
        """A sum into others: what rows of other ranks' atoms get is added to their owners."""
        values[weight.argument] = self._weigh(values[weight.argument], weight)
        if self.exchange is None:
            return self._bind(eqn, values)
        if eqn.primitive.name not in ("scatter-add", "scatter_add"):
            raise AdfluxError(
                f"`{eqn.primitive.name}`{self._place or place_of(eqn)} collects values of pairs at "
                "the other atom without summing them, which several ranks cannot do together: run "
                "on one rank, or collect at the centre."
            )
        start, values[0] = values[0], jnp.zeros_like(values[0])
        results = self._bind(eqn, values)
        results[0] = start + along(self.exchange.add_home, results[0], outs[0].axes)
        return results

    def _weigh(self, value, weight: Weight):
        if not self.weights or not jnp.issubdtype(value.dtype, jnp.inexact):
            return value
        shape = [1] * value.ndim
        shape[weight.axis] = value.shape[weight.axis]
        return weigh_tangent(value, self.weights[weight.kind].reshape(shape))

    def _look(self, inner: ClosedJaxpr, infos) -> tuple[list[Info], bool]:
        """Infos of an inner jaxpr's results, and whether anything hops in it."""
        key = id(inner.jaxpr), tuple(infos)
        if key not in self._seen:
            before, self._hopped = self._hopped, False
            outs = self.run(inner, infos)[0]
            self._seen[key] = outs, self._hopped
            self._hopped = before
        outs, hops = self._seen[key]
        self._hopped |= hops
        return outs, hops

    def _call(self, eqn, inner, infos, values) -> tuple[list[Info], Any]:
        """jit, remat, custom derivatives: kept whole where nothing hops inside, so that their own
        rules stay.
        """
        outs, hops = self._look(inner, infos)
        if values is None:
            return outs, None
        if not hops:
            return outs, self._bind(eqn, values)
        if eqn.primitive.name in REMATERIALISED:
            options = {name: eqn.params[name] for name in ("policy", "prevent_cse")}
            again = jax.checkpoint(lambda *given: self.run(inner, infos, given)[1], **options)
            return outs, again(*values)
        return self.run(inner, infos, values)

    def _cond(self, eqn, infos, values) -> tuple[list[Info], Any]:
        branches = eqn.params["branches"]
        index, arguments = infos[0], infos[1:]
        found = [self._look(branch, arguments) for branch in branches]
        outs = [
            _after(index, join(one))
            for one in zip(*(infos_of for infos_of, _ in found), strict=True)
        ]
        if values is None:
            return outs, None
        if not any(hops for _, hops in found):
            return outs, self._bind(eqn, values)
        if self.exchange is not None and (index.reach or index.summed or index.origin):
            raise AdfluxError(
                f"`cond`{self._place or place_of(eqn)} decides by the atoms or pairs of a rank "
                "whether messages are passed, so that ranks would wait for each other for ever: "
                "run on one rank, or pass messages in any case."
            )
        bodies = [
            lambda *args, branch=branch: self.run(branch, arguments, args)[1] for branch in branches
        ]
        return outs, jax.lax.switch(values[0], bodies, *values[1:])

    def _scan(self, eqn, infos, values) -> tuple[list[Info], Any]:
        p = eqn.params
        n_consts, n_carry, body = p["num_consts"], p["num_carry"], p["jaxpr"]
        consts, carry, rows = (
            infos[:n_consts],
            infos[n_consts : n_consts + n_carry],
            infos[n_consts + n_carry :],
        )
        over = next((row.axes[0] for row in rows if row.axes[0] is not None), None)
        xs = [row._replace(axes=row.axes[1:]) for row in rows]
        if over is not None and n_carry:
            bad = Info(
                (), fault=_loop_fault("scan", f"carries a value from one of the {over} to the next")
            )
            xs = [join([x, bad._replace(axes=(None,) * len(x.axes))]) for x in xs]
        for _ in range(p["length"]):
            outs = self._look(body, [*consts, *carry, *xs])[0]
            longer = [join(pair) for pair in zip(carry, outs[:n_carry], strict=True)]
            if longer == carry:
                break
            carry = longer
        outs, hops = self._look(body, [*consts, *carry, *xs])
        ys = [out._replace(axes=(over, *out.axes)) for out in outs[n_carry:]]
        results = [*carry, *ys]
        if values is None or not hops:
            return results, None if values is None else self._bind(eqn, values)
        fixed = values[:n_consts]

        def step(state, row):
            out = self.run(body, [*consts, *carry, *xs], [*fixed, *state, *row])[1]
            return out[:n_carry], out[n_carry:]

        state, stacked = jax.lax.scan(
            step,
            values[n_consts : n_consts + n_carry],
            values[n_consts + n_carry :],
            length=p["length"],
            reverse=p["reverse"],
        )
        return results, [*state, *stacked]

    def _while(self, eqn, infos, values) -> tuple[list[Info], Any]:
        p = eqn.params
        n_cond, n_body = p["cond_nconsts"], p["body_nconsts"]
        cond_consts, body_consts, carry = (
            infos[:n_cond],
            infos[n_cond : n_cond + n_body],
            infos[n_cond + n_body :],
        )
        for _ in range(8):
            longer = [
                join(pair)
                for pair in zip(
                    carry, self._look(p["body_jaxpr"], [*body_consts, *carry])[0], strict=True
                )
            ]
            if longer == carry:
                break
            carry = longer
        else:
            fault = _loop_fault("while", "passes messages an unknown number of times")
            carry = [one._replace(fault=one.fault or fault) for one in carry]
        verdict = self._look(p["cond_jaxpr"], [*cond_consts, *carry])[0][0]
        carry = [_after(verdict, one) for one in carry]
        # a loop that hops was refused above, so what is left is bound as it is
        return carry, None if values is None else self._bind(eqn, values)


def _loop_fault(name: str, what: str) -> str:
    return (
        f"The hop rule cannot follow a `{name}` loop that {what}: write the layers as a Python "
        "loop or a `scan` over layers."
    )


def _after(decision: Info, result: Info) -> Info:
    """A result that depends on a decision as well."""
    return result._replace(
        reach=max(result.reach, decision.reach),
        fault=result.fault or decision.fault,
        summed=result.summed or decision.summed,
    )
