# SPDX-License-Identifier: GPL-3.0-or-later
"""The Matern-3/2 process as a Markov chain of (value, velocity): what makes sampling, densities and conditioning linear in time.

Covariance (1 + x) exp(-x) with x = sqrt(3) * seconds / length: unit variance, one derivative, so draws have no jitter. The velocity is
scaled by length / sqrt(3); then both parts of the state have variance 1 and are uncorrelated at any one time. Source: Hartikainen and
Sarkka 2010, Kalman filtering and smoothing solutions to temporal Gaussian process regression models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

# Steps that are sampled by one matrix product: a longer block costs more than it saves.
_BLOCK = 64


def transition(seconds: float, length: float) -> tuple[np.ndarray, np.ndarray]:
    """(F, Q), float64 [2, 2]: state(t + seconds) = F state(t) + noise of covariance Q."""
    x = math.sqrt(3) * seconds / length
    forward = math.exp(-x) * np.array([[1 + x, x], [-x, 1 - x]])
    return forward, np.eye(2) - forward @ forward.T


def covariance(times: np.ndarray, length: float) -> np.ndarray:
    """The dense matrix, float64 [T, T]; for short clips and tests."""
    x = math.sqrt(3) * np.abs(np.subtract.outer(times, times)) / length
    return (1 + x) * np.exp(-x)


def sample(step: float, length: float, count: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """``count`` independent unit processes at 0, step, 2 step, ...: endless blocks of states, float64 [64, 2, count].

    The stream of states depends on the generator alone, not on how much of it is used.
    """
    forward, noise = transition(step, length)
    root = np.linalg.cholesky(noise)
    powers = [np.eye(2)]
    for _ in range(_BLOCK):
        powers.append(forward @ powers[-1])
    # state j of a block = F^(j+1) last + sum over i <= j of F^(j-i) noise i
    carried = np.concatenate(powers[1:])
    spread = np.zeros((2 * _BLOCK, 2 * _BLOCK))
    for j in range(_BLOCK):
        for i in range(j + 1):
            spread[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = powers[j - i] @ root
    # a state one step before 0: stationary, so that the process has the same law everywhere
    last = generator.standard_normal((2, count))
    while True:
        block = carried @ last + spread @ generator.standard_normal((2 * _BLOCK, count))
        last = block[-2:]
        yield block.reshape(_BLOCK, 2, count)


def log_density(times: np.ndarray, values: np.ndarray, length: float, noise: float = 0.0) -> float:
    """Log density of independent unit processes, one a column, exactly and in linear time.

    times: seconds [T], rising; values: [T, N]; noise: variance of white noise on top of every sample.
    """
    state = np.zeros((2, values.shape[1]))
    spread, steps, total = np.eye(2), {}, 0.0
    for i in range(len(times)):
        if i:
            seconds = round(float(times[i] - times[i - 1]), 9)
            if seconds not in steps:
                steps[seconds] = transition(seconds, length)
            forward, q = steps[seconds]
            state, spread = forward @ state, forward @ spread @ forward.T + q
        variance = spread[0, 0] + noise
        error = values[i] - state[0]
        total -= 0.5 * (float(error @ error) / variance + len(error) * math.log(2 * math.pi * variance))
        gain = spread[:, 0] / variance
        state = state + np.outer(gain, error)
        spread = spread - np.outer(gain, spread[0])
    return total
