# Sourced by scripts/demo and scripts/test: finds Python, makes .venv, installs Routebook with the extras asked for.
# ROUTEBOOK_PYTHON names another Python, ROUTEBOOK_VENV another place for the environment.

venv="${ROUTEBOOK_VENV:-.venv}"

find_python() {
  local name
  for name in ${ROUTEBOOK_PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  echo "Routebook needs Python 3.11 or newer, and none was found. Install one (apt install python3, brew install python), or name it: ROUTEBOOK_PYTHON=/path/to/python $0" >&2
  return 1
}

# set_up EXTRAS: e.g. set_up lab,test
set_up() {
  local python want
  if [ ! -x "$venv/bin/python" ]; then
    python="$(find_python)" || exit 1
    echo "Making an environment in $venv ($("$python" --version))"
    if ! "$python" -m venv "$venv"; then
      rm -rf "$venv"
      echo "Making it failed. On Debian and Ubuntu: apt install python3-venv" >&2
      exit 1
    fi
  fi
  want="$1 $(cksum <pyproject.toml)"
  if [ "$(cat "$venv/routebook-installed" 2>/dev/null)" != "$want" ]; then
    echo "Installing Routebook [$1] (a minute or two)"
    "$venv/bin/python" -m pip install -qq --no-compile --disable-pip-version-check -e ".[$1]"
    echo "$want" >"$venv/routebook-installed"
  fi
}
