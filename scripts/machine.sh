# Sourced by scripts that boot a virtual machine: Debian's kernel, an initramfs of one program, and how it is emulated.
# The one who sources it has sourced packages.sh.

machine_packages=(qemu-system-x86 e2fsprogs lz4 cpio gcc libc6-dev)

# get_kernel DIRECTORY: Debian's kernel for virtual machines, not installed: its image (without the part that unpacks it), as
# DIRECTORY/vmlinux, and its modules below DIRECTORY/kernel. Once.
get_kernel() {
    [ -e "$1/vmlinux" ] && return
    say "Fetching a kernel"
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
    [ -n "$package" ] || fail "no package linux-image-cloud-amd64: run apt-get update"
    (cd "$1" && apt-get -q download "$package" && dpkg-deb -x "$package"_*.deb kernel)
    python3 - "$1" <<'END'
import glob, os, subprocess, sys
image = open(glob.glob(sys.argv[1] + '/kernel/boot/vmlinuz-*')[0], 'rb').read()
start = image.find(b'\x02\x21\x4c\x18')  # LZ4, legacy frame
if start < 0: sys.exit('the kernel is not compressed with LZ4')
done = subprocess.run(['lz4', '-dc'], input=image[start:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
open(sys.argv[1] + '/vmlinux.new', 'wb').write(done.stdout)
os.rename(sys.argv[1] + '/vmlinux.new', sys.argv[1] + '/vmlinux')
END
}

# make_initramfs DIRECTORY: DIRECTORY/initramfs.cpio, with tests/cgroup_v2/first_process.c and the modules that a disk needs.
make_initramfs() {
    local stage=$1/initramfs name found
    rm -rf "$stage" && mkdir "$stage"
    gcc -O2 -static -o "$stage/init" "$root/tests/cgroup_v2/first_process.c"
    for name in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
        found=$(find "$1/kernel/lib/modules" -name "$name.ko")
        [ -z "$found" ] || cp "$found" "$stage/"
    done
    (cd "$stage" && find . | cpio -o -H newc --quiet) >"$1/initramfs.cpio"
}

# start_machine KERNEL_DIRECTORY DISK CONSOLE WORDS [QEMU_OPTION...]: boots DISK with WORDS on the kernel's command line; the second
# serial port is standard output, what the kernel says goes to the file CONSOLE. The processor is emulated unless WINDLASS_KVM=1 is
# set, which needs a /dev/kvm that works.
start_machine() {
    local accelerator=(-accel "tcg,tb-size=512" -cpu max)
    if [ -w /dev/kvm ] && [ -n "${WINDLASS_KVM:-}" ]; then accelerator=(-accel kvm -cpu host); fi
    local words="console=ttyS0 panic=-1 quiet mitigations=off nokaslr tsc=reliable no_timer_check random.trust_cpu=1 audit=0 nowatchdog
        systemd.show_status=0 systemd.log_level=warning systemd.unified_cgroup_hierarchy=1 $4"
    timeout "${WINDLASS_MACHINE_SECONDS:-1500}" qemu-system-x86_64 "${accelerator[@]}" -smp 2 -M pc -nodefaults -display none \
        -kernel "$1/vmlinux" -initrd "$1/initramfs.cpio" -append "${words//$'\n'/ }" \
        -drive "file=$2,if=none,id=disk,format=raw,cache=unsafe" -device virtio-blk-pci,drive=disk \
        -serial "file:$3" -serial stdio -monitor none "${@:5}" </dev/null
}
