#include "worker/sandbox/host.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "worker/sandbox/egress.h"

namespace windlass::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_copy = 4U << 20U;

std::optional<std::string> read_whole(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

// /bin and its like are links into /usr on a merged system, directories elsewhere.
void add_system_directory(HostFacts& facts, const char* path) {
    std::error_code ignored;
    const fs::file_status status = fs::symlink_status(path, ignored);
    if (fs::is_symlink(status)) {
        facts.files.push_back({path, "", fs::read_symlink(path, ignored).string()});
    } else if (fs::is_directory(status)) {
        facts.directories.emplace_back(path);
    }
}

// A file of /etc as it is now. A link is followed: its target may lie where the box has nothing.
void add_copy(HostFacts& facts, const char* path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored) || fs::file_size(path, ignored) > largest_copy) return;
    if (auto content = read_whole(path)) facts.files.push_back({path, *std::move(content), ""});
}

// The links of a directory, such as /etc/alternatives, and its certificates bundle; not its other files.
void add_links(HostFacts& facts, const char* directory) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
        if (!entry.is_symlink(error)) continue;
        const std::string target = fs::read_symlink(entry.path(), error).string();
        if (!error && !target.empty()) facts.files.push_back({entry.path().string(), "", target});
    }
}

void add_generated(HostFacts& facts, uid_t uid, gid_t gid) {
    facts.files.push_back({"/etc/passwd",
                           fmt::format("root:x:0:0:root:/:/usr/sbin/nologin\njob:x:{}:{}:job:/job:/bin/sh\n"
                                       "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
                                       uid, gid),
                           ""});
    facts.files.push_back({"/etc/group", fmt::format("root:x:0:\njob:x:{}:\nnogroup:x:65534:\n", gid), ""});
    facts.files.push_back({"/etc/hosts", "127.0.0.1 localhost job\n::1 localhost\n", ""});
    facts.files.push_back({"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n", ""});
}

}  // namespace

Result<HostFacts> look_at_host(uid_t uid, gid_t gid) {
    HostFacts facts;
    std::error_code ignored;
    if (!fs::is_directory("/usr", ignored)) return make_error(ErrorKind::unavailable, "/usr is not a directory here");
    facts.directories.emplace_back("/usr");
    for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) add_system_directory(facts, path);
    add_generated(facts, uid, gid);
    for (const char* path : {"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/services",
                             "/etc/protocols", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf"}) {
        add_copy(facts, path);
    }
    add_links(facts, "/etc/alternatives");
    add_links(facts, "/etc/ssl/certs");
    return facts;
}

void add_resolver(HostFacts& facts) {
    facts.files.push_back(
        {"/etc/resolv.conf", fmt::format("nameserver {}\noptions no-aaaa\n", JobSubnet::resolver), ""});
    for (HostFile& file : facts.files) {
        if (file.path == "/etc/nsswitch.conf") file.content = "passwd: files\ngroup: files\nhosts: files dns\n";
    }
}

}  // namespace windlass::worker
