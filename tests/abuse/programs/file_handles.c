/* Opens files of the host by their number instead of their name. */
#include "abuse.h"
int main(void) {
    struct {
        struct file_handle handle;
        char bytes[128];
    } name = {.handle = {.handle_bytes = 128}};
    int mount_id = 0;
    MUST_FAIL(name_to_handle_at(AT_FDCWD, "/usr", &name.handle, &mount_id, 0));
    name.handle = (struct file_handle){.handle_bytes = 8, .handle_type = 1};
    memcpy(name.bytes, "\2\0\0\0\0\0\0\0", 8);
    MUST_FAIL(open_by_handle_at(open("/usr", O_RDONLY), &name.handle, O_RDONLY));
    return stopped();
}
