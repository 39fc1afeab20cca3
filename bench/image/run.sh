#!/usr/bin/env bash
# Builds the reference Dockerfile and pushes it to the platform's registry, with
# garboard and with Debian's buildah, in turn: cold (no cache) and with a changed
# context. Prints the medians in seconds as a table.
#
# Needs: the platform up, root, buildah, an account of its registry in
# ~/.docker/config.json for 127.0.0.1:5000 and registry.garboard.internal.
# RUNTIME is buildah's OCI runtime where its own refuses the machine's cgroups.
# GARBOARD is the command (default: garboard), CA the platform's authority.
set -euo pipefail
cd "$(dirname "$0")"
garboard=${GARBOARD:-garboard} ca=${CA:-/var/lib/garboard/pki/ca.crt} rounds=${ROUNDS:-5}
work=$(mktemp -d); trap 'buildah_ rm -a >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
mkdir "$work/certs"; cp "$ca" "$work/certs/ca.crt"; cp -r context "$work/context"
auth=${DOCKER_CONFIG:-$HOME/.docker}/config.json
buildah_() { ${ENTER:-} buildah --root "$work/root" --runroot "$work/run" "$@"; }

$garboard image ls -o name bench/toolchain:1 | grep -q . || $garboard image base debian:12 --include gcc,libc6-dev -t bench/toolchain:1 >/dev/null
$garboard image push bench/toolchain:1 registry.garboard.internal/bench/toolchain:1 >/dev/null
buildah_ pull --quiet --authfile "$auth" --cert-dir "$work/certs" 127.0.0.1:5000/bench/toolchain:1 >/dev/null
buildah_ tag 127.0.0.1:5000/bench/toolchain:1 docker.io/bench/toolchain:1

ours() {
	$garboard -q image build "$@" -t bench/result "$work/context" >/dev/null
	$garboard -q image push bench/result registry.garboard.internal/bench/garboard:1 >/dev/null
}
theirs() {
	buildah_ bud ${RUNTIME:+--runtime "$RUNTIME"} --quiet --layers --pull-never "$@" -t bench/result "$work/context" >/dev/null
	buildah_ push --quiet --authfile "$auth" --cert-dir "$work/certs" bench/result docker://127.0.0.1:5000/bench/buildah:1 >/dev/null
}
clock() { local start=$EPOCHREALTIME; "$@"; local end=$EPOCHREALTIME; echo $((${end/./} - ${start/./})); }
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] / 1e6 }'; }

for round in $(seq "$rounds"); do
	clock ours --no-cache >>"$work/ours.cold"
	clock theirs --no-cache >>"$work/theirs.cold"
	echo "welcome, round $round" >"$work/context/motd.txt"
	clock ours >>"$work/ours.changed"
	clock theirs >>"$work/theirs.changed"
done
echo "| | garboard | buildah $(buildah --version | awk '{print $3}') | times faster |"
echo "| --- | ---: | ---: | ---: |"
for kind in cold changed; do
	a=$(median <"$work/ours.$kind") b=$(median <"$work/theirs.$kind")
	echo "| $kind, build and push | $a s | $b s | $(awk "BEGIN { printf \"%.1f\", $b / $a }") |"
done
