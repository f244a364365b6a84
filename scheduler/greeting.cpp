#include "scheduler/greeting.h"

#include <fmt/format.h>

#include "shared/digest.h"
#include "shared/json.h"
#include "shared/site_names.h"

namespace windlass::scheduler {

std::string reason_to_refuse(const protocol::Hello& hello, long peer_uid, const Door& door, bool certified) {
    if (hello.version != protocol::version)
        return fmt::format("this scheduler speaks protocol {}, the peer {}; install the same release on both",
                           protocol::version, hello.version);
    if (hello.role != "worker" && hello.role != "api")
        return fmt::format("unknown role \"{}\"", to_valid_utf8(hello.role.substr(0, 40)));
    if (certified) {
        if (hello.role != "worker") return "only workers come in over TLS; api processes dial scheduler.listen";
    } else if (door.secret.empty()) {
        if (peer_uid < 0)
            return "peers on a network address need the site's secret; set scheduler.secret_file on both sides";
        if (peer_uid != 0 && peer_uid != door.own_uid)
            return fmt::format(
                "user id {} may not connect without the site's secret; set scheduler.secret_file on both sides",
                peer_uid);
    } else if (!equal_secret(hello.secret, door.secret)) {
        return "the secret is wrong; scheduler.secret_file must hold the same line on both sides";
    }
    if (hello.role == "worker") {
        if (hello.name.empty() || hello.name.size() > 200 || !is_valid_utf8(hello.name) ||
            hello.name.find('\0') != std::string::npos)
            return "a worker needs a name of 1 to 200 bytes of UTF-8 (worker.name)";
        if (hello.cpu_millis <= 0 || hello.memory_bytes <= 0 || hello.prefetch < 0 || hello.cpu_millis > 100'000'000)
            return "a worker must offer some cores and some memory";
        for (const auto* things : {&hello.images, &hello.datasets})
            for (const auto& [name, digest] : *things)
                if (!fault_of_site_name(name).empty() || digest.size() > 200 || !is_valid_utf8(digest))
                    return fmt::format("the name or the digest of an image or a data set cannot be: \"{}\"",
                                       to_valid_utf8(name.substr(0, 40)));
    }
    return {};
}

}  // namespace windlass::scheduler
