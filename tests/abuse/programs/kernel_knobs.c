/* Turns the kernel's knobs. */
#include <sys/reboot.h>
#include "abuse.h"
int main(void) {
    const char* paths[] = {"/proc/sysrq-trigger",
                           "/proc/sys/kernel/core_pattern",
                           "/proc/sys/kernel/modprobe",
                           "/proc/sys/vm/drop_caches",
                           "/proc/sys/kernel/hostname",
                           "/proc/sys/net/ipv4/ip_forward",
                           "/proc/sys/fs/binfmt_misc/register",
                           "/proc/irq/default_smp_affinity",
                           "/proc/acpi/wakeup",
                           "/proc/self/setgroups",
                           "/proc/self/uid_map",
                           "/proc/self/loginuid",
                           "/sys/kernel/uevent_helper",
                           "/sys/power/state",
                           "/sys/fs/cgroup/cgroup.procs"};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) MUST_FAIL(open(paths[i], O_WRONLY));
    MUST_FAIL(open("/proc/kcore", O_RDONLY));
    MUST_FAIL(open("/proc/kmsg", O_RDONLY));
    MUST_FAIL(reboot(0));
    MUST_FAIL(syscall(SYS_init_module, "", 0, ""));
    MUST_FAIL(syscall(SYS_kexec_load, 0, 0, NULL, 0));
    MUST_FAIL(syscall(SYS_syslog, 3, paths, 0));
    return stopped();
}
