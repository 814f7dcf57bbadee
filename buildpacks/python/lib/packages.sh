# Provides the virtual environment. Sourced by bin/build.

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_CACHE_DIR=$layers/pip-cache

metadata() {
  sed -n "s/^$2 = \"\(.*\)\"\$/\1/p" "$layers/$1.toml" 2>/dev/null | head -n 1 || true
}

# The app may say which Python it wants; there is the base image's, which is patched with it.
check_asked_version() {
  local file asked
  for file in .python-version runtime.txt; do
    [ -f $file ] || continue
    asked=$(head -n 1 $file | tr -d '[:space:]')
    asked=${asked#python-}
    case $python_version. in
      "$asked".* | "${asked%.x}".*) ;;
      *)
        echo "WARNING: $file asks for Python $asked; the build goes on with the platform's" \
          "$python_version." ;;
    esac
    return 0
  done
}

# Everything that pip may read to decide what to install.
requirement_files() {
  find . -maxdepth 2 -name node_modules -prune -o -type f \
    \( -name '*requirements*.txt' -o -name '*constraints*.txt' -o -path './requirements/*.txt' \) \
    -print |
    LC_ALL=C sort
}

venv_key() {
  {
    echo "$CNB_TARGET_ARCH $python_version"
    cat "$CNB_BUILDPACK_DIR/buildpack.toml"
    requirement_files | while IFS= read -r file; do echo "== $file"; cat "$file"; done
    cat "$work/dependencies" 2>/dev/null || true
  } | sha256sum | cut -d ' ' -f 1
}

# Requirements that name the app's own directories change whenever the app does.
depends_on_source() {
  [ -f requirements.txt ] &&
    requirement_files | xargs -d '\n' cat |
    grep --extended-regexp '^ *(-e|--editable)|^ *\.|file:' >/dev/null
}

pip_into_venv() {
  # The system's pip works on the environment, so that the app does not carry a pip of its own.
  # Checked or dated .pyc files would be stale or slow, as files in an image have normalised times.
  $python -m pip --python "$layers/venv/bin/python3" install --no-compile \
    --no-warn-script-location "$@"
  find "$layers/venv" -name __pycache__ -prune -exec rm -rf {} +
  "$layers/venv/bin/python3" -m compileall -q --invalidation-mode unchecked-hash \
    "$layers/venv/lib" || true
}

write_python_environment() {
  local env=$layers/venv/env.launch
  mkdir -p "$env"
  printf 1 >"$env/PYTHONUNBUFFERED.default"
  printf '%s' "$layers/venv" >"$env/VIRTUAL_ENV"
  # Where the router comes from; gunicorn and uvicorn then believe its X-Forwarded- headers.
  printf '127.0.0.1,192.0.0.8,100::8' >"$env/FORWARDED_ALLOW_IPS.default"
}

install_dependencies() {
  rm -rf "$layers/venv"
  $python -m venv --without-pip "$layers/venv"
  if [ -f requirements.txt ]; then
    echo "pip install -r requirements.txt"
    pip_into_venv -r requirements.txt
  elif [ -s "$work/dependencies" ]; then
    echo "pip install the dependencies of pyproject.toml"
    pip_into_venv -r "$work/dependencies"
  fi
  write_python_environment
}

provide_venv() {
  local key
  if [ -f pyproject.toml ]; then
    $python "$CNB_BUILDPACK_DIR/lib/dependencies.py" >"$work/dependencies"
  fi
  key=$(venv_key)
  if [ "$(metadata venv key)" = "$key" ] && ! depends_on_source; then
    echo "The virtual environment is kept: the requirements did not change"
    rm -rf "$layers/venv"
  else
    install_dependencies
  fi
  printf '[types]\nlaunch = true\n[metadata]\nkey = "%s"\n' "$key" >"$layers/venv.toml"
  trim_pip_cache
}

# An app that is a package of its own (a build system, or a setup.py) is installed as one.
provide_project() {
  rm -rf "$layers/project" "$layers/project.toml"
  if [ -f requirements.txt ] && [ ! -f setup.py ]; then return 0; fi
  if [ ! -f setup.py ] && ! grep --quiet '^\[build-system\]' pyproject.toml; then return 0; fi
  echo "pip install ."
  local with_dependencies=()
  [ -f setup.py ] || with_dependencies=(--no-deps)
  cp -a . "$work/source"  # builds leave build/ and *.egg-info behind
  (cd "$work/source" && $python -m pip install --no-compile --no-warn-script-location \
    "${with_dependencies[@]}" --target "$layers/project/packages" .)
  "$python" -m compileall -q --invalidation-mode unchecked-hash "$layers/project/packages" || true
  mkdir -p "$layers/project/env.launch"
  [ ! -d "$layers/project/packages/bin" ] || ln -s packages/bin "$layers/project/bin"
  printf '%s' "$layers/project/packages" >"$layers/project/env.launch/PYTHONPATH.prepend"
  printf : >"$layers/project/env.launch/PYTHONPATH.delim"
  printf '[types]\nlaunch = true\n' >"$layers/project.toml"
}

compile_app() {
  $python -m compileall -q --invalidation-mode unchecked-hash . >/dev/null 2>&1 || true
}

trim_pip_cache() {
  local limit_mb=300
  [ -d "$layers/pip-cache" ] || return 0
  if [ "$(du -sm "$layers/pip-cache/" | cut -f 1)" -gt $limit_mb ]; then
    echo "pip's cache has more than $limit_mb MB and is emptied"
    rm -rf "$layers/pip-cache"
    mkdir "$layers/pip-cache"
  fi
  printf '[types]\ncache = true\n' >"$layers/pip-cache.toml"
}
