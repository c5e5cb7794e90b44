#!/bin/bash
# Runs what deploy/Dockerfile describes without a container engine: image.sh PROGRAM
# The root file system of deploy/rootfs.sh is mounted read-only, and the Dockerfile's own user, environment, entry point
# and health check are used in it.
set -euo pipefail
program=$1
cd "$(dirname "$0")/../.."
if [ "${INSIDE:-}" != yes ]; then
    [ "$(id -u)" = 0 ] || { echo "ok not run: only root may change the root of a process"; exit 0; }
    unshare --mount true 2>/dev/null || { echo "ok not run: no mount namespaces here"; exit 0; }
    INSIDE=yes exec unshare --mount "$0" "$@"
fi

root=$(mktemp -d)
trap 'umount -R "$root/image" 2>/dev/null || true; rm -rf "$root"' EXIT
deploy/rootfs.sh "$program" "$root/image"
mkdir "$root/volume"
mount --bind "$root/image" "$root/image"
mount -o remount,bind,ro "$root/image"
# As the engine does: a new volume has the owner and mode of the folder that it covers.
chown --reference="$root/image/data" "$root/volume"
chmod --reference="$root/image/data" "$root/volume"
mount --bind "$root/volume" "$root/image/data"

last() { sed -n "/^FROM scratch/,\$s/^$1 //p" deploy/Dockerfile; }
list() { sed 's/.*\[//; s/\].*//; s/[",]/ /g'; }
user=$(last USER)
read -r -a entry < <(last ENTRYPOINT | list)
read -r -a serve < <(last CMD | list)
read -r -a health < <(last HEALTHCHECK | sed 's/.*CMD //' | list)
read -r -a environment < <(last ENV)
# Below those that the system gives to whoever asks for any: nobody takes it between here and the start.
port=$(python3 -c 'import random, socket
while True:
    port = random.randrange(12000, 32000)
    try:
        with socket.socket() as s: s.bind(("0.0.0.0", port))
    except OSError: continue
    break
print(port)')
inside() {
    env -i PATH="$PATH" "${environment[@]}" SLUICEGATE_LISTEN="0.0.0.0:$port" SLUICEGATE_ADMIN_KEY="$SLUICEGATE_KEY" \
        chroot --userspec="$user" --groups= "$root/image" "$@"
}

if inside "${health[@]}" 2>/dev/null; then echo "healthy without a gateway" >&2; exit 1; fi
coproc gateway { inside "${entry[@]}" "${serve[@]}"; }
pid=$gateway_PID
read -r line <&"${gateway[0]}"
case $line in "listening on "*) ;; *) echo "not ready: $line" >&2; exit 1 ;; esac
inside "${health[@]}"
curl --fail --silent --show-error -H "authorization: Bearer $SLUICEGATE_KEY" "http://127.0.0.1:$port/v1/models" >/dev/null
inside /sluicegate backup /data/copy.db
[ "$(stat -c %u:%g:%a "$root/volume/sluicegate.db")" = "$user:600" ]
if inside /sluicegate backup /copy.db 2>/dev/null; then echo "the root is not read-only" >&2; exit 1; fi
inside_pid=$(pgrep -P "$pid" || echo "$pid")
grep -q "^Uid:[[:space:]]*${user%:*}" "/proc/$inside_pid/status"
kill -TERM "$inside_pid"
wait "$pid"
echo "ok the image runs read-only, without root, and ends in order"
