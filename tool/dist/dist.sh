#!/usr/bin/env bash
# Packs the built program, the engine, the examples, licences and a bill of materials into one archive at dist/. The same
# commit and toolchain give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1
arch=$(go env GOARCH)
name=garboard-$version-linux-$arch
stage=dist/$name
date=@$(git log -1 --format=%ct)
engine=(buildkitd bridge containerd containerd-shim-runc-v2 coredns etcd host-local kubernetes loopback pause portmap runc)

rm -rf "$stage"
mkdir -p "$stage/bin/engine" "$stage/example"
cp bin/garboard "$stage/bin/"
for program in "${engine[@]}"; do cp "bin/engine/$program" "$stage/bin/engine/"; done
for name_of in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do ln -s kubernetes "$stage/bin/engine/$name_of"; done
cp bin/engine/versions bin/engine/.stamp "$stage/bin/engine/"
cp LICENSE tool/dist/INSTALL.md "$stage/"
git ls-files -z example | xargs -0 cp --parents -t "$stage"
cp --parents example/hello/images/hello/hello "$stage" # built: a machine without Go cannot

pages=()
[ ! -f console/front/package-lock.json ] || pages=(-npm console/front/package-lock.json)
go_programs=()
for program in "${engine[@]}"; do [ "$program" = pause ] || go_programs+=("bin/engine/$program"); done
(cd tool && go build -o ../bin/licences ./licences)
bin/licences -out "$stage" -version "$version" "${pages[@]}" -deb 'libseccomp-dev=runc;libc6-dev=runc,pause' \
	bin/garboard example/hello/images/hello/hello "${go_programs[@]}"

chmod -R u=rwX,go=rX "$stage"
(cd "$stage" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
tar -C dist --sort=name --mtime="$date" --owner=0 --group=0 --numeric-owner --format=posix \
	--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "dist/.$name.tar" "$name"
gzip -n -6 <"dist/.$name.tar" >"dist/.$name.tar.gz"
mv "dist/.$name.tar.gz" "dist/$name.tar.gz"
rm -rf "dist/.$name.tar" "$stage"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
ls -lh "dist/$name.tar.gz" "dist/$name.tar.gz.sha256"
