#!/bin/bash
# A small machine with a real systemd: namespaces of its own around an overlay of this machine's root, whose writes go to a tmpfs.
#
#   machine.sh SCRATCH CGROUP OVERLAY     boots it in the foreground; ends when the machine has halted
#
# SCRATCH: an empty directory. CGROUP: an empty cgroup v2 directory, whole property of the machine. OVERLAY: a tree that is copied
# over the root first. PID 1 of the machine is the only child of the process that this script becomes; killing either ends all.
set -eu
scratch=$1 cgroup=$2 overlay=$3
echo $$ > "$cgroup/cgroup.procs"

inside='
set -eu
scratch=$1 overlay=$2
mount -t tmpfs -o mode=755 windlass-systemd-test "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
root=$scratch/root
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"

# Nothing of the units of this machine: only what systemd itself brings, and ours.
rm -rf "$root/etc/systemd/system" "$root/etc/fstab"
mkdir "$root/etc/systemd/system"
ln -s /dev/null "$root/etc/systemd/system/console-getty.service"
: > "$root/etc/machine-id"
echo windlass-test > "$root/etc/hostname"
cp -a "$overlay/." "$root/"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Kernel settings are those of the real machine: hands off.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net"
mknod -m 666 "$root/dev/net/tun" c 10 200
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
: > "$root/dev/console"

cd "$root"
pivot_root . .
umount -l .
# As on every machine: what systemd mounts for a service from elsewhere (its credentials) is seen there.
mount --make-rshared /
exec env -i container=windlass-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target --log-target=journal --log-level=info --show-status=no
'
exec unshare --mount --pid --cgroup --ipc --uts --net --fork --kill-child=SIGKILL --propagation private \
    bash -c "$inside" machine "$scratch" "$overlay"
