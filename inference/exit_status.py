# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end of a process means, in words that a user can act on."""
from __future__ import annotations

from typing import Final

_LOST: Final = (
    "lost a file or memory that it was reading (bus error)",
    "Check that the disk is not full and that the add-on's folder is still there.",
)
_SIGNALS: Final = {  # POSIX signal numbers, the same on Linux and macOS except for the bus error: 7 and 10
    4: (
        "crashed on an instruction that this processor lacks",
        "Install a torch built for this processor, or set another Python in the preferences.",
    ),
    6: ("stopped itself (abort), usually after an error in a library", ""),
    7: _LOST,
    8: ("crashed (arithmetic error)", ""),
    9: ("was killed by the system, most likely because memory ran out", "Close other programs or work on a shorter file."),
    10: _LOST,
    11: ("crashed (segmentation fault)", ""),
    15: ("was ended by another program", ""),
}
_WINDOWS: Final = {  # NTSTATUS values, https://learn.microsoft.com/windows-server/administration (ntstatus.h)
    0xC0000005: _SIGNALS[11],
    0xC0000409: _SIGNALS[6],
    0xC000001D: _SIGNALS[4],
    0xC0000017: _SIGNALS[9],
    0xC00000FD: ("crashed (stack overflow)", ""),
    0xC0000135: ("could not start because a library (DLL) is missing", "Install the Microsoft Visual C++ runtime, then try again."),
    0xC000013A: _SIGNALS[15],
}


def in_words(status: int) -> tuple[str, str]:
    """(what happened, what to do or "") for a ``returncode``.

    Negative is a signal, 128 + n a shell's way to say it, 0xC... a Windows status.
    """
    if status < 0 and -status in _SIGNALS:
        return _SIGNALS[-status]
    if status < 0 and (status & 0xFFFFFFFF) not in _WINDOWS:
        return f"was ended by signal {-status}", ""
    if status & 0xFFFFFFFF in _WINDOWS:
        return _WINDOWS[status & 0xFFFFFFFF]
    if 128 < status < 160 and status - 128 in _SIGNALS:
        return _SIGNALS[status - 128]
    return ("ended without a word" if status == 0 else f"ended with status {status}"), ""
