# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks on one thread: the tests' are small, and several run at once."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)
