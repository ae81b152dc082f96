# SPDX-License-Identifier: GPL-3.0-or-later
"""The Markov form agrees with the dense covariance."""
import itertools

import numpy as np
import pytest

from facewright.inference.speech import matern

LENGTH = 0.12


def test_samples_have_the_covariance_from_the_first_state_on():
    blocks = list(itertools.islice(matern.sample(0.02, LENGTH, 20000, np.random.default_rng(0)), 2))
    states = np.concatenate(blocks)[56:72, 0]  # across the border of two blocks
    wanted = matern.covariance(np.arange(16) * 0.02, LENGTH)
    np.testing.assert_allclose(states @ states.T / states.shape[1], wanted, atol=0.03)
    first = blocks[0][0]
    np.testing.assert_allclose(first @ first.T / first.shape[1], np.eye(2), atol=0.03)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_log_density_is_the_dense_one_at_uneven_times(noise):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.005, 0.1, 40))
    values = rng.standard_normal((40, 3))
    dense = matern.covariance(times, LENGTH) + noise * np.eye(40)
    wanted = -0.5 * ((values * np.linalg.solve(dense, values)).sum() + 3 * np.linalg.slogdet(dense)[1] + 120 * np.log(2 * np.pi))
    assert matern.log_density(times, values, LENGTH, noise) == pytest.approx(wanted, rel=1e-7)


def test_two_short_steps_are_one_long_step():
    (f1, q1), (f2, q2) = (matern.transition(s, LENGTH) for s in (0.02, 0.04))
    np.testing.assert_allclose(f1 @ f1, f2, atol=1e-12)
    np.testing.assert_allclose(f1 @ q1 @ f1.T + q1, q2, atol=1e-12)
