# SPDX-License-Identifier: GPL-3.0-or-later
"""Local disks and network shares, told apart by what the system says of its mounts."""
import sys
import types
from pathlib import Path

import pytest

from facewright.preference import disks

MOUNTS = """\
sysfs /sys sysfs rw 0 0
/dev/sda1 / ext4 rw 0 0
/dev/sda2 /home xfs rw 0 0
filer:/vol /home/shared nfs4 rw 0 0
//nas/art /mnt/art\\040work cifs rw 0 0
/dev/sdb1 /home/shared/scratch ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
old /covered ext4 rw 0 0
new /covered fuse.sshfs rw 0 0
""".splitlines(keepends=True)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"), ("/var/lib", "ext4"), ("/home", "xfs"), ("/home/ann/votes", "xfs"), ("/homework", "ext4"), ("/tmp/x", "tmpfs"),
        ("/home/shared/votes", "nfs4"), ("/home/shared/scratch/a", "ext4"), ("/mnt/art work/votes", "cifs"), ("/covered/a", "fuse.sshfs"),
    ],
)  # fmt: skip
def test_the_longest_mount_that_holds_a_path_decides(path: str, kind: str) -> None:
    assert disks.mount_type(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "afs", "virtiofs", "what is this", ""])
def test_what_is_not_known_to_be_local_is_treated_as_a_share(kind: str) -> None:
    assert kind not in disks.LOCAL_TYPES


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/mounts")
def test_this_machines_own_folders(tmp_path: Path) -> None:
    with open("/proc/self/mounts", encoding="utf-8") as file:
        assert disks.is_local(tmp_path) == (disks.mount_type(str(tmp_path.resolve()), file) in disks.LOCAL_TYPES)
    assert not disks.is_local("/proc")


@pytest.mark.parametrize(
    ("path", "drive", "asked", "local"),
    [
        ("C:\\votes", 3, "C:\\", True), ("E:\\votes", 2, "E:\\", True), ("Z:\\votes", 4, "Z:\\", False),
        ("\\\\nas\\art\\votes", 3, None, False), ("\\\\?\\UNC\\nas\\art\\votes", 3, None, False), ("\\\\?\\D:\\deep", 3, "D:\\", True),
    ],
)  # fmt: skip
def test_windows_drives_by_what_getdrivetype_says(monkeypatch, path: str, drive: int, asked: str | None, local: bool) -> None:
    """The rules with a stand-in for the system's answer; no Windows was asked here."""
    import ctypes
    import ntpath

    calls = []
    kernel = types.SimpleNamespace(GetDriveTypeW=lambda root: calls.append(root) or drive)
    monkeypatch.setattr(ctypes, "windll", types.SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(disks.os.path, "splitdrive", ntpath.splitdrive)
    assert disks._windows(path) == local
    assert calls == ([asked] if asked else [])
