#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tools/bpy_env.sh VERSION: makes .venvs/bpy-VERSION, a Python environment with that version of Blender as a module and what the
# tests need. Does nothing when it is there already. VERSION is one of 4.2.23, 4.5.15, 5.0.1, 5.2.3 (any other bpy wheel works too).
#
# bpy 4.2 to 5.0 run on Python 3.11, 5.1 and later on 3.13. Python 3.11 and 3.13 are looked for on PATH, then under pyenv and uv;
# failing that, on Debian and Ubuntu, 3.13 is built once (about four minutes on two cores) from Debian's source package into
# FACEWRIGHT_PYTHONS (default ~/.cache/facewright).
set -euo pipefail

usage="usage: tools/bpy_env.sh VERSION, for example: tools/bpy_env.sh 4.2.23"
version=${1:-}
[[ $version =~ ^([0-9]+)\.([0-9]+)\.([0-9]+)$ ]] || { echo "$usage" >&2; exit 2; }
if ((BASH_REMATCH[1] > 5 || (BASH_REMATCH[1] == 5 && BASH_REMATCH[2] >= 1))); then minor=3.13; else minor=3.11; fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pythons=${FACEWRIGHT_PYTHONS:-$HOME/.cache/facewright}
environment=$root/.venvs/bpy-$version

say() { echo "bpy_env: $*" >&2; }
fail() { say "$*"; exit 1; }

runs() { "$1" -c "import sys, ssl, sqlite3, ensurepip, ctypes, lzma; sys.exit('%d.%d' % sys.version_info[:2] != '$minor')" >/dev/null 2>&1; }

find_python() { # prints the path of a Python $minor that can make environments
  local candidate
  for candidate in "${FACEWRIGHT_BPY_PYTHON:-}" "$(type -P "python$minor" || true)" /usr/bin/python$minor /usr/local/bin/python$minor \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$minor.*/bin/python$minor "$(uv python find $minor 2>/dev/null || true)" \
    "$pythons/python$minor/bin/python$minor"; do
    if [[ -n $candidate ]] && runs "$candidate"; then echo "$candidate"; return 0; fi
  done
  return 1
}

build_python() { # CPython 3.13 from the source package of Debian 13, fetched through the mirror that this machine's apt already uses
  local wish="Install Python $minor (from your distribution, pyenv or uv) and run this again."
  [[ $minor == 3.13 ]] || fail "No Python $minor was found. $wish"
  local tool missing=()
  for tool in apt-get gcc make tar xz; do type -P $tool >/dev/null || missing+=($tool); done
  ((${#missing[@]} == 0)) || fail "No Python $minor was found, and building it needs: ${missing[*]}. $wish"
  local headers=(zlib1g-dev libffi-dev libssl-dev libsqlite3-dev libbz2-dev liblzma-dev) package
  missing=()
  for package in "${headers[@]}"; do dpkg -s $package >/dev/null 2>&1 || missing+=($package); done
  if ((${#missing[@]})); then
    [[ $(id -u) == 0 ]] || fail "No Python $minor was found, and building it needs: ${missing[*]}. $wish"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >&2 ||
      fail "apt-get could not install ${missing[*]}. $wish"
  fi
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    sed -nE 's#^(URIs:|deb( \[[^]]*\])?) *([a-z]+[+:][^ ]*/debian)/?( .*)?$#\3#p' | head -n 1)
  [[ -n $mirror && -e $keyring ]] || fail "No Python $minor was found, and this machine's apt has no Debian mirror to build it from. $wish"
  mkdir -p "$pythons"
  work=$(mktemp -d "$pythons/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial,source}
  echo "deb-src [signed-by=$keyring] $mirror trixie main" >"$work/sources.list"
  local private=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=- -o Dir::Etc::PreferencesParts=-
    -o "Dir::State=$work/state" -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=)
  say "building Python $minor once into $pythons/python$minor (about four minutes)"
  apt-get "${private[@]}" -qq update >&2 || fail "The Debian mirror could not be read. $wish"
  (cd "$work/source" && apt-get "${private[@]}" -qq source --download-only python3.13 >&2) || fail "The source of Python $minor could not be fetched. $wish"
  tar -xJf "$work"/source/python3.13_*.orig.tar.xz -C "$work/source" --strip-components=1
  if ! (cd "$work/source" && ./configure -q --prefix="$pythons/python$minor" --disable-test-modules --with-ensurepip=install &&
    make -s -j"$(nproc)" && make -s install) >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    fail "Python $minor could not be built; the last lines of its log are above. $wish"
  fi
  rm -rf "$work"
  runs "$pythons/python$minor/bin/python$minor" || fail "The Python $minor that was built lacks modules. $wish"
}

if [[ -e $environment/ready ]] && runs "$environment/bin/python"; then exit 0; fi
python=$(find_python) || { build_python; python=$(find_python); }
say "making .venvs/bpy-$version with $("$python" --version)"
rm -rf "$environment"
"$python" -m venv "$environment"
trap '[[ -e $environment/ready ]] || rm -rf "$environment"' EXIT
# numpy: the versions that each bpy is built against.
if [[ $minor == 3.13 ]]; then numpy='numpy>=2.2,<3'; else numpy='numpy>=1.26,<2'; fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$environment/bin/python" -m pip install -q "bpy==$version" "$numpy" soundfile pytest hypothesis ||
  fail "pip could not install bpy $version. Where bpy is not on PyPI, set PIP_EXTRA_INDEX_URL to Blender's own index, or PIP_FIND_LINKS to a folder of wheels."
if ! output=$("$environment/bin/python" -c 'import bpy' 2>&1); then
  fail "bpy $version does not start: ${output##*$'\n'} On Debian and Ubuntu: apt-get install libxrender1 libxxf86vm1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1"
fi
touch "$environment/ready"
