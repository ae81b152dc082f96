# SPDX-License-Identifier: GPL-3.0-or-later
"""The models and the worker process that runs them. No bpy; torch is imported only inside the worker."""
