# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces for training: geometry, renders, loops and evaluation of the image-to-face models. Not shipped."""
