# Fetches packages from the npm registry without npm: curl for the transfer, the registry's own
# integrity hash for trust. Sourced by bin/build.

# The registry's address: as npm would find it, from the operator's or the app's settings, else
# npm's default, which the build image keeps in /etc/nuri/npm-registry.
registry() {
  local address=${npm_config_registry:-${NPM_CONFIG_REGISTRY:-}}
  if [ -z "$address" ] && [ -f .npmrc ]; then
    address=$(sed -n 's/^registry *= *//p' .npmrc | tail -n 1)
  fi
  [ -n "$address" ] || address=$(cat /etc/nuri/npm-registry 2>/dev/null || true)
  [ -n "$address" ] || address=$(npm config get registry 2>/dev/null || true)
  if [ -z "$address" ]; then
    echo "No npm registry is known: set npm_config_registry for the app or on the platform." >&2
    return 1
  fi
  echo "${address%/}"
}

# package_document NAME FILE
package_document() {
  curl --fail --silent --show-error --location --retry 3 --max-time 120 \
    --header 'Accept: application/vnd.npm.install-v1+json' --output "$2" "$(registry)/$1" || {
    echo "Cannot read the package $1 from the npm registry $(registry)." >&2
    return 1
  }
}

# newest_in DOCUMENT RANGE: prints a version, or nothing.
newest_in() {
  jq --raw-output --arg range "$2" --from-file "$CNB_BUILDPACK_DIR/lib/newest.jq" "$1" |
    grep --invert-match '^null$' || true
}

# fetch_package DOCUMENT VERSION FILE: downloads the tarball and checks it.
fetch_package() {
  local url integrity algorithm actual
  url=$(jq --raw-output --arg v "$2" '.versions[$v].dist.tarball' "$1")
  integrity=$(jq --raw-output --arg v "$2" '.versions[$v].dist.integrity // empty' "$1")
  algorithm=${integrity%%-*}
  case $algorithm in
    sha512 | sha384 | sha256) ;;
    *) echo "The registry gives no usable integrity hash for $url." >&2; return 1 ;;
  esac
  curl --fail --silent --show-error --location --retry 3 --max-time 600 --output "$3" "$url" || {
    echo "Cannot download $url." >&2
    return 1
  }
  actual=$algorithm-$(openssl dgst "-$algorithm" -binary "$3" | base64 --wrap=0)
  if [ "$actual" != "$integrity" ]; then
    echo "$url is not what the registry says it is: $actual instead of $integrity." >&2
    return 1
  fi
}
