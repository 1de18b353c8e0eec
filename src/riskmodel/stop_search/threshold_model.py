"""The hierarchical Bayesian model of the threshold test, and its sampler: the only importer of numpyro and jax.

Officers see how likely it is that a person carries something, and search when it is above a threshold, which may differ by
group and area. Sources: Simoiu, Corbett-Davies and Goel (2017), The problem of infra-marginality in outcome tests for
discrimination, Annals of Applied Statistics 11(3), for the test and its hierarchy; Pierson, Corbett-Davies and Goel (2018), Fast
threshold tests for detecting discrimination, AISTATS, for the family of signals: what officers see is normal with unit variance, around
zero for those who carry nothing and around delta for the others. It takes the place of a beta distribution, whose incomplete
integral has no derivative in jax.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# A threshold lies within so many standard deviations of what officers see.
_FAR = 8.0
_BISECTIONS = 13
_TOGETHER = [("phi_group", "delta_group", "threshold_group")]


def is_installed() -> bool:
    """Say whether the extra ``bayes`` is installed."""
    return find_spec("numpyro") is not None and find_spec("jax") is not None


@dataclass(frozen=True)
class Cells:
    """Counts by group and area.

    Parameters
    ----------
    group, area : ndarray of int
        Numbers of each cell's group and area, from zero.
    people : ndarray of int
        How many could have been searched.
    searched, found : ndarray of int
        Searches, and those that came to something.
    """

    group: IntArray
    area: IntArray
    people: IntArray
    searched: IntArray
    found: IntArray

    @property
    def n_groups(self) -> int:
        """Return the number of groups."""
        return int(self.group.max()) + 1

    @property
    def n_areas(self) -> int:
        """Return the number of areas."""
        return int(self.area.max()) + 1


@dataclass(frozen=True)
class Sampling:
    """How long the sampler runs.

    Parameters
    ----------
    warmup, draws : int
        Of each chain.
    chains : int
        Started at different places.
    seed : int
        Same seed, same draws.
    accept : float
        Share of steps that should be accepted: the higher, the smaller the steps, and the fewer diverge.
    """

    warmup: int = 500
    draws: int = 400
    chains: int = 4
    seed: int = 20_240_301
    accept: float = 0.98


def sample(cells: Cells, sampling: Sampling) -> dict[str, FloatArray]:
    """Draw from the posterior.

    Parameters
    ----------
    cells : Cells
        The counts.
    sampling : Sampling
        Length, chains and seed.

    Returns
    -------
    dict of str to ndarray, shape (chains, draws, ...)
        ``threshold`` (a chance), ``search_rate``, ``found_rate`` by cell, the parameters of the model, and ``diverging``.
    """
    return next(sample_each([cells], sampling))


def sample_each(variants: Sequence[Cells], sampling: Sampling) -> Iterator[dict[str, FloatArray]]:
    """Draw from the posterior of several sets of counts of the same groups and areas; the model is compiled once.

    Parameters
    ----------
    variants : sequence of Cells
        They differ in ``people``, ``searched`` or ``found`` only.
    sampling : Sampling
        The same for each, so that each is what ``sample`` gives.

    Yields
    ------
    dict of str to ndarray
        As from ``sample``.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    import numpyro
    from numpyro.infer import MCMC, NUTS, init_to_value

    numpyro.enable_x64()
    kernel = NUTS(
        _model(variants[0]),
        target_accept_prob=sampling.accept,
        max_tree_depth=8,
        dense_mass=_TOGETHER,
        init_strategy=init_to_value(values=_start(variants[0])),
    )

    @jax.jit  # the whole run: else every one of them is compiled again
    def run(*counts: Any) -> Any:
        mcmc = MCMC(
            kernel, num_warmup=sampling.warmup, num_samples=sampling.draws, num_chains=sampling.chains,
            chain_method="vectorized", progress_bar=False,
        )  # fmt: skip
        mcmc.run(jax.random.key(sampling.seed), *counts, extra_fields=("diverging", "num_steps"))
        return {**mcmc.get_samples(group_by_chain=True), **mcmc.get_extra_fields(group_by_chain=True)}

    for cells in variants:
        counts = (np.asarray(one, dtype=float) for one in (cells.people, cells.searched, cells.found))
        yield {name: np.asarray(values, dtype=float) for name, values in run(*counts).items()}


def diagnose(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the split R-hat and the effective sample size of each parameter.

    Parameters
    ----------
    draws : ndarray, shape (chains, draws, ...)
        Of one parameter.
    """
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    return np.asarray(split_gelman_rubin(draws)), np.asarray(effective_sample_size(draws))


def signal_rates(place: Any, phi: Any, delta: Any) -> tuple[Any, Any]:
    """Return the share of people above a threshold, and how many of those carry something.

    Parameters
    ----------
    place : array
        The threshold, on the scale of what officers see.
    phi : array
        Share of people who carry something.
    delta : array
        How far what officers see of those who carry something lies above what they see of the others, whose is standard
        normal: a discriminant distribution.
    """
    carry, other = phi * _above(place - delta), (1 - phi) * _above(place)
    return carry + other, carry / (carry + other)


def chance_at(place: Any, phi: Any, delta: Any) -> Any:
    """Return the log-odds that somebody at a threshold carries something."""
    import jax.numpy as jnp

    return jnp.log(phi / (1 - phi)) + delta * place - delta**2 / 2


def place_of(share: Any, phi: Any, delta: Any) -> Any:
    """Return the threshold above which a given share of people lies, with its derivatives in the signal.

    Notes
    -----
    Bisection and Newton's steps find it; the last step, taken with derivatives, carries those of the implicit function.
    """
    import jax.numpy as jnp
    from jax.lax import fori_loop, stop_gradient

    def halve(_: int, ends: tuple[Any, Any]) -> tuple[Any, Any]:
        low, high = ends
        middle = (low + high) / 2
        too_low = signal_rates(middle, *fixed)[0] > share
        return jnp.where(too_low, middle, low), jnp.where(too_low, high, middle)

    fixed = stop_gradient(phi), stop_gradient(delta)

    def step(place: Any, phi: Any, delta: Any) -> Any:
        density = fixed[0] * _density(place - fixed[1]) + (1 - fixed[0]) * _density(place)
        return place + (signal_rates(place, phi, delta)[0] - share) / stop_gradient(density)

    low, high = fori_loop(0, _BISECTIONS, halve, (jnp.full_like(phi, -_FAR), fixed[1] + _FAR))
    place = step(step((low + high) / 2, *fixed), *fixed)
    return step(stop_gradient(place), phi, delta)


def _above(z: Any) -> Any:
    from jax.scipy.special import erfc

    return 0.5 * erfc(z / math.sqrt(2))


def _density(z: Any) -> Any:
    import jax.numpy as jnp

    return jnp.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _model(cells: Cells) -> Any:
    """Return the model: signals by group and area, thresholds around a mean for each group.

    The share that is searched is known almost exactly, so threshold and signal lie on a thin curve. What is sampled is therefore how far
    a threshold is from the one that gives the observed share.
    """
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from jax.nn import sigmoid

    normal = dist.Normal

    def area_effect(name: str) -> Any:
        """Return an effect of each area but the first, which is zero."""
        spread = numpyro.sample(f"sigma_{name}", dist.Gamma(2, 8))
        raw = numpyro.sample(f"raw_{name}", normal(0, 1).expand([cells.n_areas - 1]).to_event(1))
        return jnp.concatenate([jnp.zeros(1), spread * raw])

    def model(people: Any, searched: Any, found_in: Any) -> None:
        groups = cells.n_groups
        observed = (searched + 0.5) / (people + 1)
        scale = 0.5 / jnp.sqrt(searched + 1)
        phi_group = numpyro.sample("phi_group", normal(-3, 2).expand([groups]).to_event(1))
        delta_group = numpyro.sample("delta_group", normal(0.4, 0.5).expand([groups]).to_event(1))
        phi_area, delta_area = area_effect("phi"), area_effect("delta")
        mean = numpyro.sample("threshold_group", normal(0, 2).expand([groups]).to_event(1))
        spread = numpyro.sample("sigma_threshold", dist.Gamma(2, 4).expand([groups]).to_event(1))
        phi = sigmoid(phi_group[cells.group] + phi_area[cells.area])
        delta = jnp.exp(delta_group[cells.group] + delta_area[cells.area])
        shift = numpyro.sample(
            "shift", dist.ImproperUniform(dist.constraints.real_vector, (), (len(cells.group),))
        )
        place = place_of(observed, phi, delta) + scale * shift
        chance = chance_at(place, phi, delta)
        # The last term: how the log-odds stretch when the shift moves.
        prior = normal(mean[cells.group], spread[cells.group]).log_prob(chance) + jnp.log(delta)
        numpyro.factor("thresholds", prior.sum())
        above, found = signal_rates(place, phi, delta)
        above = numpyro.deterministic("search_rate", jnp.clip(above, 1e-12, 1 - 1e-12))
        found = numpyro.deterministic("found_rate", jnp.clip(found, 1e-12, 1 - 1e-12))
        numpyro.deterministic("threshold", sigmoid(chance))
        numpyro.sample("searched", dist.Binomial(people, above), obs=searched)
        numpyro.sample("found", dist.Binomial(searched, found), obs=found_in)

    return model


def _start(cells: Cells) -> Mapping[str, Any]:
    """Return a place to start from: rates as observed, everything else the same everywhere."""
    import jax.numpy as jnp

    share = (cells.found.sum() + 1) / (cells.searched.sum() + 2)
    odds = float(np.log(share / (1 - share)))
    return {
        "phi_group": jnp.full(cells.n_groups, -3.0),
        "delta_group": jnp.full(cells.n_groups, 0.5),
        "threshold_group": jnp.full(cells.n_groups, odds - 0.5),
        "sigma_threshold": jnp.full(cells.n_groups, 0.3),
        "sigma_phi": 0.3, "sigma_delta": 0.1,
        "raw_phi": jnp.zeros(cells.n_areas - 1), "raw_delta": jnp.zeros(cells.n_areas - 1),
        "shift": jnp.zeros(len(cells.group)),
    }  # fmt: skip
