# SPDX-License-Identifier: GPL-3.0-or-later
"""``python entry.py cli VERB ...``"""

import os
import sys

try:
    from . import main

    status = main(sys.argv[1:])
except KeyboardInterrupt:  # while modules were still being imported
    status = 1
if "bpy" in sys.modules:  # bpy can crash or hang while the interpreter takes itself apart
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
sys.exit(status)
