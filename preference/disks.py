# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a folder lies on a disk of this machine. SQLite's write-ahead log needs shared memory, which network file systems do not give."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# A list of what is known to be local: an unknown file system gets the rollback journal, which is slower and right everywhere.
LOCAL_TYPES: Final = frozenset({
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "hfs", "hfsplus", "jfs", "msdos", "ntfs", "ntfs3",
    "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs",
})  # fmt: skip


def is_local(folder: Path | str) -> bool:
    """True where the folder is known to be on a disk of this machine, False on network shares and wherever that cannot be told."""
    try:
        path = os.path.realpath(folder)
        if sys.platform == "win32":
            return _windows(path)
        if sys.platform == "darwin":
            return _macos(path)
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            return mount_type(path, file) in LOCAL_TYPES
    except (OSError, AttributeError, ValueError):
        return False


def mount_type(path: str, mounts: Iterable[str]) -> str:
    """The file system type that holds an absolute path, from lines as /proc/mounts has them (proc(5)); "" where no line fits."""
    best, found = -1, ""
    for line in mounts:
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1]
        for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(code, letter)
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:  # of two mounts on one point the later covers the earlier
            best, found = len(point), words[2]
    return found


def _windows(path: str) -> bool:
    import ctypes

    if path.startswith("\\\\?\\"):
        path = "\\\\" + path[8:] if path.upper().startswith("\\\\?\\UNC\\") else path[4:]
    drive = os.path.splitdrive(path)[0]
    if drive.startswith("\\\\"):
        return False
    # GetDriveTypeW: 2 removable, 3 fixed, 4 network (a mapped drive), 5 CD, 6 RAM disk
    return ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") in {2, 3, 6}


def _macos(path: str) -> bool:
    import ctypes

    class Statfs(ctypes.Structure):  # sys/mount.h, the 64-bit inode layout
        _fields_ = [
            ("bsize", ctypes.c_uint32),
            ("iosize", ctypes.c_int32),
            ("blocks", ctypes.c_uint64 * 5),
            ("fsid", ctypes.c_int32 * 2),
            ("owner", ctypes.c_uint32),
            ("type", ctypes.c_uint32),
            ("flags", ctypes.c_uint32),
            ("rest", ctypes.c_char * 4096),
        ]

    library = ctypes.CDLL(None, use_errno=True)
    call = getattr(library, "statfs$INODE64", None) if os.uname().machine == "x86_64" else library.statfs
    told = Statfs()
    return call(os.fsencode(path), ctypes.byref(told)) == 0 and bool(told.flags & 0x1000)  # MNT_LOCAL
