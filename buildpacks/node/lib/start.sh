# Writes the web process. Sourced by bin/build.

# start_command: prints the command as a JSON list, which is also a TOML one.
start_command() {
  local script file
  script=$(jq --raw-output '.scripts.start? // empty' package.json)
  if [ -n "$script" ]; then
    if has_script prestart || has_script poststart || [[ $script == *npm_* ]]; then
      echo '["npm", "start"]'  # only npm itself runs the hooks and sets npm_ variables
    elif [[ $script =~ ^[A-Za-z0-9_./@:,+\ -]+$ ]]; then
      # Plain words need no shell between the platform's signals and the app.
      jq --null-input --compact-output --arg script "$script" \
        '[$script | splits(" +") | select(. != "")]'
    else
      jq --null-input --compact-output --arg script "$script" '["bash", "-c", $script]'
    fi
    return
  fi
  for file in server.js "$(jq --raw-output '.main? // empty' package.json)" index.js app.js; do
    if [ -n "$file" ] && [ -f "$file" ]; then
      jq --null-input --compact-output --arg file "$file" '["node", $file]'
      return
    fi
  done
}

write_processes() {
  local command
  command=$(start_command)
  if [ -z "$command" ]; then
    echo "No start command: package.json has no start script, and there is no server.js, main file,"
    echo "index.js or app.js."
    if [ ! -f Procfile ]; then
      echo "The image will have no web process: add a start script, a Procfile, or a command in the"
      echo "manifest."
    fi
    return
  fi
  echo "web: $command"
  printf '[[processes]]\ntype = "web"\ncommand = %s\ndefault = true\n' "$command" \
    >"$layers/launch.toml"
}
