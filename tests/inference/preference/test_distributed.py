# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes under torchrun make the adapter that one process makes."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facewright.core.paths import ROOT
from facewright.inference.preference import adapter_file
from facewright.inference.speech import weights_file

from .conftest import Sitting, round_lips


@pytest.mark.slow
def test_two_processes_make_what_one_makes(sitting: Sitting, tmp_path: Path) -> None:
    votes = sitting.voted(tmp_path / "votes", round_lips, 40)
    made = []
    for count in (1, 2):
        out = tmp_path / f"{count}.safetensors"
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
        program = [str(ROOT / "entry.py"), "inference.preference.distributed", "--votes", str(votes), "-o", str(out), "--rounds", "1"]
        done = subprocess.run(
            [*launcher, *program, "--device", "cpu"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        made.append(adapter_file.load(out, weights_file.sha256(weights_file.SHIPPED)))
    one, two = (m.tensors() for m in made)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=2e-3, err_msg=name)
    moved = max(float(one[n].abs().max()) for n in ("offset", "gain", "up"))
    assert moved > 0.02, "and it is no empty one"
