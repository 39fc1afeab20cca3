#!/usr/bin/env bash
# Puts WordPress on the running platform, fetches its page, and says how to log in.
# The end of `make up`. Of a platform in another folder than the usual, GARBOARD_STATE_DIR is the folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${GARBOARD_STATE_DIR:-/var/lib/garboard}
garboard() { "$here/../../bin/garboard" "$@"; }
site=wordpress.localhost

began=$SECONDS
garboard image inspect debian:12 >/dev/null 2>&1 || garboard image base debian:12
garboard apply -f "$here"
port=$(sed -n 's/.*"httpPort": *\([0-9]*\).*/\1/p' "$state/settings.json")
address=http://$site
[ "$port" = 80 ] || address=$address:$port
title=$(curl --silent --show-error --fail --max-time 30 --resolve "$site:$port:127.0.0.1" "$address/" | sed -n 's:.*<title>\(.*\)</title>.*:\1:p')
cat <<END

WordPress answers after $((SECONDS - began)) s: "$title"
  address   $address
  log in    $address/wp-login.php as admin
  password  bin/garboard kubectl -n wordpress get secret wordpress -o jsonpath='{.data.admin-password}' | base64 -d
END
