# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's sha256 is that of its bytes, whatever its name, and trouble is a sentence."""
import hashlib

import pytest

from facewright.core.content import sha256_of
from facewright.core.errors import UserError


def test_content_decides(tmp_path):
    data = bytes(range(256)) * 5000
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(data)
    assert sha256_of(tmp_path / "a") == sha256_of(str(tmp_path / "b")) == hashlib.sha256(data).hexdigest()


def test_what_cannot_be_read_is_a_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="Cannot read"):
            sha256_of(path)
