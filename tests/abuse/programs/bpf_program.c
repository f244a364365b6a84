/* Makes a map and loads a program into the kernel. */
#include <linux/bpf.h>
#include "abuse.h"
int main(void) {
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
    const struct bpf_insn leave[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2};
    program.insns = (unsigned long)leave;
    program.license = (unsigned long)"GPL";
    MUST_BE_REFUSED(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map));
    MUST_BE_REFUSED(syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof program));
    return stopped();
}
