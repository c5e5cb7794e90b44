#!/bin/sh
# Makes the files of a release in target/dist: the stripped program with licence and documents as an archive, its bill of
# materials (CycloneDX), and their checksums. The same commit gives the same archive on the same toolchain.
set -eu
cd "$(dirname "$0")/.."
cyclonedx=0.5.9

version=$(cargo pkgid | sed 's/.*[#@]//')
target=$(rustc -vV | sed -n 's/^host: //p')
name=sluicegate-$version-$target
dist=target/dist
rm -rf "$dist"
mkdir -p "$dist/$name"

cargo build --locked --release --bin sluicegate
install -m 0755 target/release/sluicegate "$dist/$name/sluicegate"
cp LICENSE README.md CHANGELOG.md "$dist/$name/"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
    -C "$dist" -cf - "$name" | gzip -n -9 >"$dist/$name.tar.gz"
rm -r "${dist:?}/$name"

tools=$(pwd)/target/tools
[ "$("$tools/bin/cargo-cyclonedx" --version 2>/dev/null | sed 's/.* //')" = "$cyclonedx" ] ||
    cargo install --locked --quiet --root "$tools" --version "$cyclonedx" cargo-cyclonedx
# It writes beside each manifest, and names where that is; neither is anybody's business.
"$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --no-build-deps \
    --override-filename bill
sed "s|path+file://$(pwd)|file://.|g" bill.json >"$dist/$name.cdx.json"
rm bill.json */bill.json */*/bill.json 2>/dev/null || true

(cd "$dist" && sha256sum "$name.tar.gz" "$name.cdx.json" >SHA256SUMS)
ls -l "$dist"
