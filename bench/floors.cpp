#include "bench/floors.h"

#include <fcntl.h>
#include <unistd.h>

#include "bench/site.h"

namespace windlass::bench {

double fdatasync_per_second(const std::string& directory) {
    const std::string path = directory + "/floor";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) give_up("cannot write to " + directory);
    std::string block(4096, 'x');
    const double begin = seconds_now();
    int runs = 0;
    for (; seconds_now() < begin + 1; ++runs)
        if (pwrite(fd, block.data(), block.size(), (runs % 64) * 4096) != 4096 || fdatasync(fd) != 0)
            give_up("fdatasync failed");
    close(fd);
    return runs / (seconds_now() - begin);
}

}  // namespace windlass::bench
