# SPDX-License-Identifier: GPL-3.0-or-later
"""A character to try Facewright on: a stylised head made by code, with all 52 ARKit shape keys."""
from .assemble import DemoHead, build

__all__ = ["DemoHead", "build"]
