// First process of the test machine (scripts/test-cgroup-v2): loads the modules that the disk needs, makes the disk the
// root and hands over to systemd. Static and alone in its initramfs.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char* const modules[] = {"virtio_ring", "virtio",    "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
                                      "virtio_pci",  "virtio_blk"};  // in the order in which they need each other

static void load(const char* name) {
    char path[64];
    snprintf(path, sizeof path, "/%s.ko", name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;  // built in
    if (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST) printf("%s: %s\n", path, strerror(errno));
    close(file);
}

int main(void) {
    mkdir("/dev", 0755);
    mkdir("/root", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    for (unsigned i = 0; i < sizeof modules / sizeof *modules; i++) load(modules[i]);
    for (int tries = 0; mount("/dev/vda", "/root", "ext4", MS_NOATIME, 0) != 0; tries++) {
        if (tries == 1000) {
            printf("no disk: %s\n", strerror(errno));
            return 1;
        }
        usleep(10000);
    }
    mount("/dev", "/root/dev", 0, MS_MOVE, 0);
    if (chdir("/root") != 0 || mount(".", "/", 0, MS_MOVE, 0) != 0 || chroot(".") != 0) {
        printf("changing the root: %s\n", strerror(errno));
        return 1;
    }
    execl("/lib/systemd/systemd", "systemd", (char*)0);
    printf("systemd: %s\n", strerror(errno));
    return 1;
}
