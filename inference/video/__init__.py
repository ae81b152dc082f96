# SPDX-License-Identifier: GPL-3.0-or-later
"""Video and photos to curves: finder, dense points, coefficients, words. Runs in the worker."""
