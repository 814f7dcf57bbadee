# Writes the web process. Sourced by bin/build.

# Whether the requirements bring a server. The environment may be an old image's layer, so they
# are read.
asks_for() {
  {
    cat "$work/dependencies" 2>/dev/null || true
    requirement_files | xargs --no-run-if-empty -d '\n' cat
  } | grep --ignore-case --extended-regexp "^ *$1([^A-Za-z0-9_-]|\$)" >/dev/null
}

# in_shell SCRIPT: that as a process's command, a JSON list, which is also a TOML one.
in_shell() { jq --null-input --compact-output --arg script "$1" '["bash", "-c", $script]'; }

start_command() {
  local kind object file
  read -r kind object < <($python "$CNB_BUILDPACK_DIR/lib/entry.py") || true
  if [ "${kind:-}" = wsgi ] && asks_for gunicorn; then
    echo "[\"gunicorn\", \"$object\"]"  # it listens on \$PORT by itself
    return
  fi
  if [ "${kind:-}" = asgi ] && asks_for uvicorn; then
    in_shell "exec uvicorn --host 0.0.0.0 --port \${PORT:-8000} $object"
    return
  fi
  if [ "${kind:-}" = asgi ] && asks_for hypercorn; then
    in_shell "exec hypercorn --bind 0.0.0.0:\${PORT:-8000} $object"
    return
  fi
  if [ -f manage.py ]; then
    in_shell "exec python3 manage.py runserver --noreload 0.0.0.0:\${PORT:-8000}"
    return
  fi
  for file in app.py main.py server.py; do
    [ ! -f $file ] || { echo "[\"python3\", \"$file\"]"; return; }
  done
}

write_processes() {
  local command
  command=$(start_command)
  if [ -z "$command" ]; then
    echo "No start command: there is no app object in wsgi.py, asgi.py, app.py or main.py with"
    echo "gunicorn or uvicorn in the requirements, and no manage.py, app.py, main.py or server.py."
    if [ ! -f Procfile ]; then
      echo "The image will have no web process: add a Procfile, or a command in the manifest."
    fi
    return 0
  fi
  case $command in
    *runserver*)
      echo "WARNING: this starts Django's development server; add gunicorn to the requirements." ;;
  esac
  echo "web: $command"
  printf '[[processes]]\ntype = "web"\ncommand = %s\ndefault = true\n' "$command" \
    >"$layers/launch.toml"
}
