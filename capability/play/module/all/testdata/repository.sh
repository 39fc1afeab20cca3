# Makes a package repository in /repo of this machine's copy, and nothing else in apt's lists.
mkdir -p /repo /tmp/build
deb() { # name version depends extra-line
  rm -rf /tmp/build/p; mkdir -p /tmp/build/p/DEBIAN /tmp/build/p/usr/share/"$1"
  echo "$2" > /tmp/build/p/usr/share/"$1"/version
  { echo "Package: $1"; echo "Version: $2"; echo "Architecture: all"; echo "Maintainer: nobody <nobody@example.org>"
    [ -z "$3" ] || echo "Depends: $3"; [ -z "$4" ] || echo "$4"; echo "Section: misc"; echo "Priority: optional"; echo "Description: a test"; } > /tmp/build/p/DEBIAN/control
  dpkg-deb --build /tmp/build/p /repo/"$1"_"$2"_all.deb >/dev/null
}
deb gbt-one 1.0-1 "" ""
deb gbt-one 1.1-1 "" ""
deb gbt-one 2.0-1 "" ""
deb gbt-two 1.0 "gbt-lib" ""
deb gbt-lib 1.0 "" ""
deb gbt-mta 1.0 "" "Provides: gbt-virtual"
deb gbt-rec 1.0 "" "Recommends: gbt-lib"
cd /repo
for f in *.deb; do
  dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo
done > Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/repo ./' > /etc/apt/sources.list
apt-get update -qq
