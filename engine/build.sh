#!/usr/bin/env bash
# Builds the engine into DIR (default ../bin/engine) from the versions in ./versions. What is unchanged is skipped: the
# stamp is the hash of this folder's files and of the Go toolchain's version.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-../bin/engine}
mkdir -p "$out"
out=$(cd "$out" && pwd)

stamp=$({ go version; find . -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum | cut -d' ' -f1)
if [ "$(cat "$out/.stamp" 2>/dev/null)" = "$stamp" ]; then
	echo "engine: unchanged"
	exit 0
fi

# version PART: from ./versions, which every go.mod here must agree with.
version() {
	local part module version folder resolved
	read -r part module version folder < <(awk -v p="$1" '$1 == p' versions)
	resolved=$(cd "$folder" && go list -m -f '{{.Version}}' "$module")
	if [ "$resolved" != "$version" ]; then
		echo "engine: $part is $version in versions but $resolved in $folder/go.mod: run 'go get $module@$version && go mod tidy' in $folder" >&2
		return 1
	fi
	echo "$version"
}

# build FOLDER NAME PACKAGE VERSION [LDFLAGS] [TAGS]: a static program; it replaces the old one only when it is whole.
build() {
	local started=$SECONDS
	(cd "$1" && CGO_ENABLED=${CGO_ENABLED:-0} go build -trimpath -tags "${6:-}" -ldflags "-s -w ${5:-}" -o "$out/.$2.new" "$3")
	mv "$out/.$2.new" "$out/$2"
	printf 'engine: %-28s %-10s %4d s\n' "$2" "$4" "$((SECONDS - started))"
}

kubernetes=$(version kubernetes)
etcd=$(version etcd)
containerd=$(version containerd)
runc=$(version runc)
plugins=$(version cni-plugins)
buildkit=$(version buildkit)
coredns=$(version coredns)

c=github.com/containerd/containerd/v2
slim="no_btrfs no_zfs no_aufs no_devmapper"
build node containerd "$c/cmd/containerd" "$containerd" "-X $c/version.Version=$containerd" "$slim"
build node containerd-shim-runc-v2 "$c/cmd/containerd-shim-runc-v2" "$containerd" "-X $c/version.Version=$containerd" "$slim"
p=github.com/containernetworking/plugins
for plugin in main/bridge main/loopback ipam/host-local meta/portmap; do
	build node "${plugin#*/}" "$p/plugins/$plugin" "$plugins" "-X $p/pkg/utils/buildversion.BuildVersion=$plugins"
done
CGO_ENABLED=1 build node runc github.com/opencontainers/runc "$runc" "-X main.version=${runc#v} -linkmode external -extldflags=-static" "seccomp netgo osusergo"
build node buildkitd github.com/moby/buildkit/cmd/buildkitd "$buildkit" "-X github.com/moby/buildkit/version.Version=$buildkit"
build node coredns ./cmd/coredns "$coredns"
gcc -Os -static -s -Wall -Wextra -Werror -o "$out/.pause.new" node/pause/pause.c
mv "$out/.pause.new" "$out/pause"

build control etcd ./cmd/etcd "$etcd"
k=k8s.io/component-base/version
minor=$(cut -d. -f2 <<<"$kubernetes")
build control kubernetes ./cmd/kubernetes "$kubernetes" \
	"-X $k.gitVersion=$kubernetes -X $k.gitMajor=1 -X $k.gitMinor=$minor -X $k.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes"
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do ln -sfn kubernetes "$out/$name"; done

cp versions "$out/versions"
echo "$stamp" >"$out/.stamp"
