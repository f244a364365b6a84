/* Counts the processes it can see. */
#include <dirent.h>
#include "abuse.h"
int main(void) {
    DIR* directory = opendir("/proc");
    int count = 0;
    for (struct dirent* entry; directory && (entry = readdir(directory));) count += atoi(entry->d_name) > 0;
    printf("%d processes\n", count);
    if (count != 1) return succeeded("others are visible");
    errno = 0;
    return stopped();
}
