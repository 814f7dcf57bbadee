# Provides node_modules and runs the build script. Sourced by bin/build.

has_script() {
  jq --exit-status --arg name "$1" '.scripts // {} | has($name)' package.json >/dev/null
}

# What decides which modules an install gives. All of package.json: cheap and never wrong.
modules_key() {
  {
    echo "$CNB_TARGET_ARCH $node_version"
    cat "$CNB_BUILDPACK_DIR/buildpack.toml"
    for file in package.json package-lock.json npm-shrinkwrap.json .npmrc; do
      [ ! -f $file ] || { echo "== $file"; cat $file; }
    done
  } | sha256sum | cut -d ' ' -f 1
}

# An install that reads or writes the app's own files cannot be moved to a layer and used again:
# workspaces and file: dependencies link into the app, and its install hooks may write anywhere.
depends_on_source() {
  jq --exit-status '
    ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"]
      as $hooks
    | any(.scripts // {} | keys[]; IN($hooks[])) or .workspaces != null
      or any(.dependencies, .devDependencies, .optionalDependencies | . // {} | .[];
             test("^(file|link|workspace):|^[.~/]"))' package.json >/dev/null
}

prepare_npm() {
  ensure_toolchain
  export npm_config_cache=$layers/npm-cache npm_config_update_notifier=false npm_config_fund=false
  export npm_config_audit=false npm_config_progress=false
  mkdir -p "$layers/npm-cache" "$work/headers"
  tar -xf "$layers/toolchain/include.tar" -C "$work/headers"
  # Native modules are compiled against this Node.js. npm 11 knows the setting under another name.
  if [ "$(npm --version | cut -d . -f 1)" -ge 11 ]; then
    export npm_package_config_node_gyp_nodedir=$work/headers
  else
    export npm_config_nodedir=$work/headers
  fi
}

npm_install() {
  if [ -f package-lock.json ] || [ -f npm-shrinkwrap.json ]; then
    echo "npm ci $*"
    npm ci "$@"
  else
    echo "npm install $*"
    echo "There is no package-lock.json, so versions may differ from yours: commit one."
    npm install --no-package-lock "$@"
  fi
}

run_build_script() {
  echo "npm run build"
  npm run build
}

use_layer() { ln -s "$layers/modules/node_modules" node_modules; }

fill_modules_layer() {
  rm -rf "$layers/modules"
  mkdir -p "$layers/modules"
  mkdir -p node_modules
  mv node_modules "$layers/modules/node_modules"
}

keep_layer() {  # LAYER KEY TYPES…
  local layer=$1 key=$2 type
  shift 2
  {
    echo "[types]"
    for type; do echo "$type = true"; done
    echo "[metadata]"
    echo "key = \"$key\""
  } >"$layers/$layer.toml"
}

provide_modules() {
  local key
  key=$(modules_key)
  [ ! -e node_modules ] || { echo "The uploaded node_modules is not used."; rm -rf node_modules; }
  if [ -f yarn.lock ] || [ -f pnpm-lock.yaml ]; then
    [ -f package-lock.json ] ||
      echo "Only npm's package-lock.json is read; yarn.lock and pnpm-lock.yaml are not."
  fi
  if depends_on_source; then
    modules_in_app
  elif has_script build; then
    modules_with_build "$key"
  elif [ "$(metadata modules key)" = "$key" ]; then
    echo "node_modules is kept: neither package.json nor the lock file changed"
    keep_layer modules "$key" launch
    use_layer
  else
    prepare_npm
    npm_install --omit=dev
    fill_modules_layer
    keep_layer modules "$key" launch
    use_layer
  fi
  trim_npm_cache
}

modules_in_app() {
  echo "node_modules stays in the app: install hooks, workspaces or local packages need the source"
  prepare_npm
  npm_install --include=dev
  if has_script build; then run_build_script; fi
  npm prune --omit=dev
  rm -rf "$layers"/modules "$layers"/modules.toml
}

# The build script wants all packages, the running app only the production ones.
modules_with_build() {
  local key=$1
  prepare_npm
  if [ "$(metadata devmodules key)" = "$key" ] && [ -d "$layers/devmodules/node_modules" ]; then
    echo "node_modules is kept for the build: neither package.json nor the lock file changed"
    cp -a "$layers/devmodules/node_modules" node_modules
  else
    npm_install --include=dev
    mkdir -p node_modules
    rm -rf "$layers/devmodules"
    mkdir "$layers/devmodules"
    cp -a node_modules "$layers/devmodules/node_modules"
  fi
  run_build_script
  if [ "$(metadata modules key)" = "$key" ]; then
    rm -rf node_modules
  else
    npm prune --omit=dev
    fill_modules_layer
  fi
  keep_layer modules "$key" launch
  keep_layer devmodules "$key" cache
  use_layer
}

# npm never forgets what it downloaded.
trim_npm_cache() {
  local limit_mb=300
  [ -d "$layers/npm-cache" ] || return 0
  rm -rf "$layers"/npm-cache/_logs
  if [ "$(du -sm "$layers/npm-cache/" | cut -f 1)" -gt $limit_mb ]; then
    echo "npm's cache has more than $limit_mb MB and is emptied"
    rm -rf "$layers/npm-cache"
    mkdir "$layers/npm-cache"
  fi
  printf '[types]\ncache = true\n' >"$layers/npm-cache.toml"
}
