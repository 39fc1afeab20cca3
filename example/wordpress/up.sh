#!/usr/bin/env bash
# The end of `make up`: the base image where it is missing, WordPress on the running platform, its page, how to log in.
set -euo pipefail
cd "$(dirname "$0")/../.."
garboard=bin/garboard
state=${GARBOARD_STATE_DIR:-/var/lib/garboard}
port=$(sed -n 's/.*"httpPort": \([0-9]*\).*/\1/p' "$state/settings.json")
url=http://wordpress.localhost
[ "$port" = 80 ] || url=$url:$port

"$garboard" image ls -o name | grep -qx 'debian:12' || "$garboard" image base debian:12
"$garboard" apply -f example/wordpress
title=$(curl -fsS --retry 10 --retry-all-errors --resolve "wordpress.localhost:$port:127.0.0.1" "$url/" | sed -n 's:.*<title>\(.*\)</title>.*:\1:p')
password=$("$garboard" kubectl -n wordpress get secret wordpress -o 'jsonpath={.data.admin-password}' | base64 -d)
cat <<TEXT

$title  answers at $url
  log in at $url/wp-login.php as admin with $password
TEXT
