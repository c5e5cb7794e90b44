#!/bin/sh
# Puts together what the image holds: rootfs.sh PROGRAM FOLDER
# The program, the libraries that it is linked to, what glibc loads to resolve names, and root certificates.
set -eu
program=$1
root=$2

mkdir -p "$root/etc/ssl/certs" "$root/data" "$root/tmp"
install -m 0755 "$program" "$root/sluicegate"

copy_library() {
    mkdir -p "$root$(dirname "$1")"
    cp -L "$1" "$root$1"
}
libraries=$(ldd "$program" | grep -o '/[^ ]*')
for library in $libraries; do
    copy_library "$library"
done
folder=$(dirname "$(printf '%s\n' "$libraries" | grep '/libc\.so')")
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
    copy_library "$folder/$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'sluicegate:x:65532:65532::/data:/sluicegate' >"$root/etc/passwd"
echo 'sluicegate:x:65532:' >"$root/etc/group"
# A volume takes the owner of the folder that it covers.
chown 65532:65532 "$root/data" 2>/dev/null || echo "rootfs: not root, so /data keeps its owner" >&2
chmod 0700 "$root/data"
