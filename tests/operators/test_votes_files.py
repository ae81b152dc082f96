# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes' files in the window: the job starts instead of holding the window up; a server's password is on no command line."""
from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.errors import UserError  # noqa: E402
from facewright.operators import votes_files  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.mark.parametrize("verb", [votes_files.FACEWRIGHT_OT_votes_export, votes_files.FACEWRIGHT_OT_votes_import])
@pytest.mark.parametrize(("background", "expected"), [(False, "started"), (True, "waited for")])
def test_after_the_file_browser_the_job_starts_in_the_window(monkeypatch, verb, background, expected):
    monkeypatch.setattr(votes_files, "bpy", SimpleNamespace(app=SimpleNamespace(background=background)))
    operator = SimpleNamespace(guarded=lambda work: work(), _start=lambda context: "started", _run=lambda context: "waited for")
    assert verb.execute(operator, SimpleNamespace(window=object())) == expected


@pytest.mark.parametrize("verb", [votes_files.FACEWRIGHT_OT_votes_export, votes_files.FACEWRIGHT_OT_votes_import])
def test_the_file_browser_opens_first(verb):
    opened = []
    manager = SimpleNamespace(fileselect_add=opened.append)
    operator = SimpleNamespace(filepath="votes.jsonl", format=".jsonl", filename_ext=".jsonl")
    context = SimpleNamespace(window_manager=manager, blend_data=SimpleNamespace(filepath=""))
    assert verb.invoke(operator, context, None) == {"RUNNING_MODAL"}
    assert opened == [operator]


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("postgresql://ann@server/votes", "postgresql://ann@server/votes", None),
        ("postgresql://ann:se%40cret@server:5433/votes", "postgresql://ann@server:5433/votes", "se@cret"),
        ("postgresql://ann@server/votes?password=x%20y&sslmode=require", "postgresql://ann@server/votes?sslmode=require", "x y"),
        ("postgresql:///votes", "postgresql:///votes", None),
    ],
)
def test_a_password_leaves_the_url(url, shown, password):
    assert votes_files.without_password(url) == (shown, {"PGPASSWORD": password} if password else {})


def test_an_address_that_is_none_is_a_sentence():
    with pytest.raises(UserError, match="no connection URL"):
        votes_files.without_password("postgresql://[server/votes")


def test_the_server_is_asked_online_only(monkeypatch):
    monkeypatch.setattr(votes_files, "server", lambda context: "postgresql://ann@server/votes")
    monkeypatch.setattr(votes_files, "bpy", SimpleNamespace(app=SimpleNamespace(online_access=False)))
    assert votes_files.FACEWRIGHT_OT_votes_sync.disabled_reason(bpy.context).startswith("Allow online access")
