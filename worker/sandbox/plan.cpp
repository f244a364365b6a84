#include "worker/sandbox/plan.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "shared/site_names.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/limit_words.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {
namespace {

constexpr std::uint64_t read_only_tree = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t device_node = MOUNT_ATTR_NOEXEC;  // nosuid would say nothing more: no device is a program
constexpr std::int64_t overlay_inodes = 8;                // that the kernel makes in the work directory of an overlay
constexpr std::int64_t own_directories = 3;               // below /job and not the job's: itself, .tmp, .shm
constexpr const char* devices[] = {"null", "zero", "full", "random", "urandom"};

// The parents of a path, outermost first: "etc", "etc/ssl" of "etc/ssl/certs".
std::vector<std::string> parents_of(std::string_view path) {
    std::vector<std::string> parents;
    for (std::size_t i = path.find('/'); i != std::string_view::npos; i = path.find('/', i + 1)) {
        parents.emplace_back(path.substr(0, i));
    }
    return parents;
}

// Writes the tree of the prepared root, in the directory where it is being built. Makes each directory once.
class RootTree {
  public:
    explicit RootTree(Plan& plan) : plan_(plan) {}

    void directory(const std::string& path, std::uint64_t mode = 0755) {
        make_parents(path);
        if (made_.insert(path).second) {
            plan_.first(StepKind::make_directory, {.subject = plan_.text(path), .value = mode});
        }
    }
    void file(const std::string& path, std::string_view content) {
        make_parents(path);
        plan_.first(StepKind::make_file, {.subject = plan_.text(path),
                                          .object = plan_.text(content),
                                          .size = static_cast<std::uint32_t>(content.size()),
                                          .value = 0644});
    }
    void link(const std::string& path, const std::string& target) {
        make_parents(path);
        plan_.first(StepKind::make_link, {.subject = plan_.text(path), .object = plan_.text(target)});
    }
    void bind(const std::string& path, const std::string& from, std::uint64_t attributes) {
        plan_.first(StepKind::bind_tree,
                    {.subject = plan_.text(path), .object = plan_.text(from), .value = attributes});
    }

  private:
    void make_parents(const std::string& path) {
        for (const std::string& parent : parents_of(path)) directory(parent);
    }

    Plan& plan_;
    std::set<std::string> made_;
};

void add_devices(RootTree& tree) {
    for (const char* device : devices) {
        const std::string path = fmt::format("dev/{}", device);
        tree.file(path, "");
        tree.bind(path, "/" + path, device_node);
    }
    tree.link("dev/fd", "/proc/self/fd");
    tree.link("dev/stdin", "fd/0");
    tree.link("dev/stdout", "fd/1");
    tree.link("dev/stderr", "fd/2");
}

void add_root_tree(Plan& plan, const HostFacts& host) {
    RootTree tree(plan);
    for (const std::string& path : host.directories) {
        tree.directory(path.substr(1));
        tree.bind(path.substr(1), path, read_only_tree);
    }
    for (const HostFile& file : host.files) {
        if (file.link.empty()) {
            tree.file(file.path.substr(1), file.content);
        } else {
            tree.link(file.path.substr(1), file.link);
        }
    }
    add_devices(tree);
    tree.directory("proc");
    tree.directory("job");
    // Everything a job can write lies in its working directory, on one tmpfs with one limit.
    tree.link("tmp", "/job/.tmp");
    tree.link("dev/shm", "/job/.shm");
    tree.link("var/tmp", "/job/.tmp");
}

void add_user_namespace(Plan& plan, const SetupOptions& options) {
    const auto write = [&](const char* path, const std::string& text) {
        plan.first(StepKind::write_proc_file, {.subject = plan.text(path), .object = plan.text(text)});
    };
    plan.first(StepKind::unshare_namespaces, {.value = CLONE_NEWUSER});
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", fmt::format("{0} {0} 1", options.uid));
    write("/proc/self/gid_map", fmt::format("{0} {0} 1", options.gid));
}

void limit(Plan& plan, int resource, std::uint64_t value) {
    plan.second(StepKind::set_limit, {.value = static_cast<std::uint64_t>(resource), .extra = value});
}

void add_limits(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    limit(plan, RLIMIT_CORE, 1);  // 0 would still feed a core_pattern that is a pipe (systemd-coredump, apport)
    limit(plan, RLIMIT_NOFILE, static_cast<std::uint64_t>(std::max(spec.limits.open_files, 16)));
    limit(plan, RLIMIT_FSIZE, static_cast<std::uint64_t>(file_bytes_of(spec.limits)));
    if (spec.limits.cpu_time.count() > 0) {  // a net below the worker, which counts all processes together
        limit(plan, RLIMIT_CPU,
              static_cast<std::uint64_t>(std::chrono::ceil<Seconds>(spec.limits.cpu_time).count()) + 1);
    }
    limit(plan, RLIMIT_MEMLOCK, 64 * kibibyte);
    limit(plan, RLIMIT_MSGQUEUE, 64 * kibibyte);
    limit(plan, RLIMIT_SIGPENDING, 1024);
    if (!options.rootless || options.limit_processes_by_user) {
        // Beside a cgroup one more, so that it is the cgroup that refuses: it counts how often.
        const int above = options.limit_processes_by_user ? 0 : 1;
        limit(plan, RLIMIT_NPROC, static_cast<std::uint64_t>(spec.limits.processes) + static_cast<unsigned>(above));
    }
    if (options.limit_memory_by_process) {
        limit(plan, RLIMIT_DATA, static_cast<std::uint64_t>(spec.limits.memory_bytes));
    }
}

void add_identity(Plan& plan, const BoxOptions& options) {
    if (!options.rootless) {
        plan.second(StepKind::drop_groups);
        plan.second(StepKind::set_group, {.value = options.gid});
        plan.second(StepKind::set_user, {.value = options.uid});
    }
    plan.second(StepKind::clear_capabilities);
}

// ---------------------------------------------------------------- the root of a box

void add_proc(Plan& plan, const std::string& where) {
    plan.first(StepKind::mount_proc, {.subject = plan.text(where),
                                      .object = plan.text("hidepid=2"),
                                      .value = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC});
}

// `also`: of our own making, beside what the job may have.
struct OwnUse {
    std::int64_t inodes = 0;
    std::int64_t bytes = 0;
};

void add_disk(Plan& plan, const BoxSpec& spec, const BoxOptions& options, const OwnUse& also) {
    const std::int64_t inodes =
        inodes_of(spec.limits) + own_directories + (spec.make_out_directory ? 1 : 0) + also.inodes;
    plan.first(StepKind::mount_tmpfs,
               {.subject = plan.text("/job"),
                .object = plan.text(fmt::format("size={},nr_inodes={},mode=700,uid={},gid={}",
                                                spec.limits.disk_bytes + also.bytes, inodes, options.uid, options.gid)),
                .value = MS_NOSUID | MS_NODEV});
}

// From the host: the image is number 0, the data sets follow.
void add_taking(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    if (!spec.image && spec.datasets.empty()) return;
    plan.first(StepKind::look_at_host);
    if (spec.image)
        plan.first(StepKind::take_tree, {.subject = plan.text(spec.image->root_directory),
                                         .size = 0,
                                         .value = read_only_tree,
                                         .extra = options.rootless ? 0U : 1U});
    for (std::uint32_t i = 0; i < spec.datasets.size(); i++)
        plan.first(StepKind::take_tree,
                   {.subject = plan.text(spec.datasets[i].directory), .size = i + 1, .value = read_only_tree});
    plan.first(StepKind::leave_host);
}

void set_file_owner(Plan& plan, const BoxOptions& options, bool the_job) {
    if (options.rootless) return;  // they are one
    plan.first(StepKind::set_file_owner, {.value = the_job ? options.uid : 0U, .extra = the_job ? options.gid : 0U});
}

// Made by PID 1, of the job.
std::int64_t add_directories(Plan& plan, const std::vector<std::string>& paths, std::uint64_t mode) {
    for (const std::string& path : paths)
        plan.first(StepKind::make_directory, {.subject = plan.text(path), .value = mode});
    return static_cast<std::int64_t>(paths.size());
}

std::vector<std::string> dataset_paths(const BoxSpec& spec, const std::string& below) {
    std::vector<std::string> paths;
    for (const BoxDataset& dataset : spec.datasets) paths.push_back(below + "/" + dataset.name);
    return paths;
}

void attach_datasets(Plan& plan, const std::vector<std::string>& paths) {
    for (std::uint32_t i = 0; i < paths.size(); i++)
        plan.first(StepKind::attach_tree, {.subject = plan.text(paths[i]), .size = i + 1});
}

void add_prepared_root(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    add_taking(plan, spec, options);
    add_proc(plan, "/proc");
    add_disk(plan, spec, options, {static_cast<std::int64_t>(spec.datasets.size()), 0});
    if (spec.datasets.empty()) return;
    const auto paths = dataset_paths(spec, "/job/.tmp");
    set_file_owner(plan, options, true);
    add_directories(plan, {"/job/.tmp"}, 0700);
    add_directories(plan, paths, 0755);
    set_file_owner(plan, options, false);
    attach_datasets(plan, paths);
}

std::string with_ids(std::string text, const BoxOptions& options) {
    for (const auto& [word, id] : {std::pair("{uid}", options.uid), std::pair("{gid}", options.gid)}) {
        for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at))
            text.replace(at, 5, std::to_string(id));
    }
    return text;
}

// What must be so in the root of every image, whatever the image has there. It is laid over the image before anybody
// looks into it, so that no link of the image is followed.
std::vector<std::pair<std::string, std::string>> own_files(const BoxSpec& spec, const BoxOptions& options) {
    std::vector<std::pair<std::string, std::string>> files = {
        {"/job/upper/etc/passwd", with_ids(spec.image->passwd, options)},
        {"/job/upper/etc/group", with_ids(spec.image->group, options)},
        {"/job/upper/etc/hosts", "127.0.0.1 localhost job\n::1 localhost\n"}};
    if (spec.network == Network::full && !options.resolver.empty())
        files.emplace_back("/job/upper/etc/resolv.conf",
                           fmt::format("nameserver {}\noptions no-aaaa\n", options.resolver));
    return files;
}

// The job's disk is mounted at /job and holds five directories: the working directory `job`, what it changes of the
// image (`upper`, and `work` for the kernel), and two places to mount at. When the overlay is complete it becomes the
// root, and all else is gone.
void add_image_root(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    add_taking(plan, spec, options);
    const auto files = own_files(spec, options);
    const std::vector<std::string> private_places = {"/job/job", "/job/work", "/job/lower", "/job/root"};
    std::vector<std::string> places = {"/job/upper",     "/job/upper/dev", "/job/upper/proc",
                                       "/job/upper/job", "/job/upper/tmp", "/job/upper/etc"};
    for (std::string& path : dataset_paths(spec, "/job/upper/tmp")) places.push_back(std::move(path));
    OwnUse own;
    own.inodes = static_cast<std::int64_t>(private_places.size() + places.size() + files.size()) + overlay_inodes;
    for (const auto& [path, content] : files) own.bytes += static_cast<std::int64_t>(content.size() / 4096 + 1) * 4096;
    add_disk(plan, spec, options, own);
    set_file_owner(plan, options, true);
    add_directories(plan, private_places, 0700);
    add_directories(plan, places, 0755);
    for (const auto& [path, content] : files)
        plan.first(StepKind::make_file, {.subject = plan.text(path),
                                         .object = plan.text(content),
                                         .size = static_cast<std::uint32_t>(content.size()),
                                         .value = 0644});
    set_file_owner(plan, options, false);
    plan.first(StepKind::attach_tree, {.subject = plan.text("/job/lower"), .size = 0});
    plan.first(StepKind::mount_overlay,
               {.subject = plan.text("/job/root"),
                .object = plan.text(fmt::format("lowerdir=/job/lower,upperdir=/job/upper,workdir=/job/work{}",
                                                options.rootless ? ",userxattr" : "")),
                .value = MS_NOSUID | MS_NODEV});
    const auto bind = [&](const char* where, const char* from, std::uint64_t attributes) {
        plan.first(StepKind::bind_tree, {.subject = plan.text(where), .object = plan.text(from), .value = attributes});
    };
    bind("/job/root/dev", "/dev", 0);
    add_proc(plan, "/job/root/proc");
    bind("/job/root/job", "/job/job", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    attach_datasets(plan, dataset_paths(spec, "/job/root/tmp"));
    plan.first(StepKind::enter_directory, {.subject = plan.text("/job/root")});
    plan.first(StepKind::change_root);
}

void add_box_root(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    if (spec.image)
        add_image_root(plan, spec, options);
    else
        add_prepared_root(plan, spec, options);
    plan.first(StepKind::open_work_directory, {.subject = plan.text("/job")});
}

// ---------------------------------------------------------------- the process that becomes the job

void add_working_directory(Plan& plan, const BoxSpec& spec) {
    std::set<std::string> made;
    const auto directory = [&](const std::string& path) {
        if (made.insert(path).second) {
            plan.second(StepKind::make_directory, {.subject = plan.text(path), .value = 0700});
        }
    };
    plan.second(StepKind::enter_directory, {.subject = plan.text("/job")});
    if (spec.image || spec.datasets.empty())
        directory(".tmp");
    else
        made.insert(".tmp");  // by PID 1, for the data sets
    directory(".shm");
    if (spec.make_out_directory) directory("out");
    for (const auto& [name, content] : spec.files) {
        for (const std::string& parent : parents_of(name)) directory(parent);
        plan.second(StepKind::make_file, {.subject = plan.text(name),
                                          .object = plan.text(content),
                                          .size = static_cast<std::uint32_t>(content.size()),
                                          .value = 0600});
    }
}

void add_landlock(Plan& plan, const BoxSpec& spec, const BoxOptions& options) {
    if (options.landlock_abi == 0) return;
    LandlockRights rights = landlock_rights(options.landlock_abi);
    // It knows ports, not addresses: the egress rule decides, and in the network of a service there is nothing else.
    if (spec.network != Network::none) rights.network = 0;
    plan.second(
        StepKind::landlock_begin,
        {.size = rights.attribute_size, .value = rights.governed, .extra = rights.network | rights.scopes << 32U});
    const auto allow = [&](const std::string& path, std::uint64_t granted) {
        plan.second(StepKind::landlock_allow, {.subject = plan.text(path), .value = granted & rights.governed});
    };
    // An image is the job's own copy, so to speak: what is not mounted read-only it may write.
    allow("/", spec.image ? rights.own_directory : rights.read_and_execute);
    if (!spec.image) allow("/job", rights.own_directory);
    for (const char* device : {"/dev/null", "/dev/zero", "/dev/full"}) allow(device, rights.use_device);
    plan.second(StepKind::landlock_enforce);
}

// The strings of a program stand in the plan once, however many paths are tried for it.
Step program_of(Plan& plan, const std::vector<std::string>& argv,
                const std::map<std::string, std::string>& environment) {
    std::string strings;
    for (const std::string& argument : argv) strings += argument + '\0';
    for (const auto& [name, value] : environment) strings += fmt::format("{}={}", name, value) + '\0';
    const std::uint32_t program = plan.text(argv[0]);
    const std::uint32_t block = plan.text(strings);
    return {.subject = program,
            .object = block,
            .size = static_cast<std::uint32_t>(argv.size()),
            .value = plan.pointers(argv.size() + environment.size() + 2),
            .extra = environment.size()};
}

void add_tries(Plan& plan, Step step, const std::string& name, std::string_view path) {
    while (!path.empty()) {
        const std::size_t end = std::min(path.find(':'), path.size());
        const std::string_view directory = path.substr(0, end);
        if (directory.starts_with('/')) {
            step.subject = plan.text(fmt::format("{}/{}", directory, name));
            plan.second(StepKind::try_to_execute, step);
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
}

void add_program(Plan& plan, const BoxSpec& spec) {
    std::map<std::string, std::string> environment = {
        {"PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"},
        {"HOME", spec.image ? spec.image->home : "/job"},
        {"TMPDIR", spec.image ? "/tmp" : "/job/.tmp"},
        {"LANG", "C.UTF-8"}};
    if (spec.image)
        for (const auto& [name, value] : spec.image->env) environment[name] = value;
    for (const auto& [name, value] : spec.env) environment[name] = value;
    if (spec.start_directory != "/job")
        plan.second(StepKind::enter_directory, {.subject = plan.text(spec.start_directory)});
    if (!spec.first_choice.empty()) {
        auto as_of_a_shell = environment;
        as_of_a_shell["PWD"] = "/job";
        plan.second(StepKind::execute_if_possible, program_of(plan, spec.first_choice, as_of_a_shell));
    }
    const Step step = program_of(plan, spec.argv, environment);
    if (spec.image && spec.argv[0].find('/') == std::string::npos)
        add_tries(plan, step, spec.argv[0], environment["PATH"]);
    plan.second(StepKind::execute, step);
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

Status check_file_name(const BoxSpec& spec, const std::string& name) {
    const auto wrong = [&](std::string_view why) {
        return make_error(ErrorKind::invalid, fmt::format("the file name '{}' cannot be used: {}", name, why));
    };
    if (name.empty() || has_nul(name)) return wrong("it is empty or holds a NUL byte");
    if (name.size() > 1024) return wrong("it is longer than 1024 bytes");
    std::size_t start = 0;
    for (;;) {
        const std::size_t end = std::min(name.find('/', start), name.size());
        const std::string_view part = std::string_view(name).substr(start, end - start);
        if (part.empty() || part == "." || part == "..")
            return wrong("it must be relative and stay inside the working directory");
        if (part.size() > 255) return wrong("a part of it is longer than 255 bytes");
        if (start == 0 && (part == ".tmp" || part == ".shm")) return wrong("the box uses that name itself");
        if (end == name.size()) break;
        start = end + 1;
    }
    for (const std::string& parent : parents_of(name)) {
        if (spec.files.contains(parent)) return wrong("another file has the name of its directory");
    }
    if (spec.make_out_directory && name == "out") return wrong("out/ is the directory of the results");
    return {};
}

bool is_absolute_path(const std::string& path) {
    return path.starts_with('/') && !has_nul(path) && path.size() < 4096;
}

Status check_site_things(const BoxSpec& spec) {
    const auto wrong = [](std::string why) { return make_error(ErrorKind::invalid, std::move(why)); };
    if (!is_absolute_path(spec.start_directory)) return wrong("the directory to start in must be an absolute path");
    if (spec.image && !is_absolute_path(spec.image->root_directory)) return wrong("the root of an image is no path");
    if (spec.datasets.size() > max_datasets) return wrong(fmt::format("there can be {} data sets", max_datasets));
    std::set<std::string> names;
    for (const BoxDataset& dataset : spec.datasets) {
        if (const auto fault = fault_of_site_name(dataset.name); !fault.empty())
            return wrong(fmt::format("the name of a data set {}", fault));
        if (!names.insert(dataset.name).second) return wrong("a data set is there twice: " + dataset.name);
        if (!is_absolute_path(dataset.directory)) return wrong("the directory of a data set is no path");
    }
    return {};
}

Status check(const BoxSpec& spec) {
    const auto wrong = [](std::string why) { return make_error(ErrorKind::invalid, std::move(why)); };
    if (spec.argv.empty() || spec.argv[0].empty()) return wrong("there is no program to run");
    if (!spec.first_choice.empty() && spec.first_choice[0].empty()) return wrong("the first choice names no program");
    for (const auto* words : {&spec.argv, &spec.first_choice}) {
        for (const std::string& argument : *words) {
            if (has_nul(argument)) return wrong("an argument holds a NUL byte");
        }
    }
    for (const auto& [name, value] : spec.env) {
        if (name.empty() || has_nul(name) || has_nul(value) || name.find('=') != std::string::npos) {
            return wrong(fmt::format("the environment variable '{}' cannot be set: bad name or a NUL byte", name));
        }
    }
    std::uint64_t content = 0;
    for (const auto& [name, bytes] : spec.files) {
        WINDLASS_TRY_STATUS(check_file_name(spec, name));
        content += bytes.size();
    }
    if (content > 1024U * mebibyte) return wrong("the files of the job are larger than 1 GiB together");
    WINDLASS_TRY_STATUS(check_site_things(spec));
    if (spec.limits.processes < 1) return wrong("limits.processes must be at least 1");
    if (spec.limits.memory_bytes < mebibyte || spec.limits.disk_bytes < 64 * kibibyte) {
        return wrong("limits.memory_bytes must be at least 1 MiB and limits.disk_bytes at least 64 KiB");
    }
    if (spec.limits.cpu_time.count() < 0 || spec.limits.file_bytes < 0 || spec.limits.inodes < 0) {
        return wrong("limits.cpu_s, limits.file_bytes and limits.inodes must not be negative");
    }
    return {};
}

}  // namespace

Plan make_setup_plan(const HostFacts& host, const SetupOptions& options) {
    Plan plan;
    if (options.rootless) {
        add_user_namespace(plan, options);
    } else if (options.other_roots) {
        plan.first(StepKind::make_id_maps,
                   {.value = static_cast<std::uint64_t>(options.slots), .extra = options.first_uid});
    }
    // Not ipc and uts: every box is born into its own, so that of the spawner would protect nobody.
    plan.first(StepKind::unshare_namespaces, {.value = CLONE_NEWNS | CLONE_NEWPID});
    plan.first(StepKind::become_init);
    if (options.other_roots) {
        plan.first(StepKind::make_mounts_follow);
        plan.first(StepKind::keep_host_mounts);
        plan.first(StepKind::unshare_namespaces, {.value = CLONE_NEWNS});
    }
    plan.first(StepKind::make_mounts_private);
    plan.first(StepKind::mount_tmpfs, {.subject = plan.text(options.mount_point),
                                       .object = plan.text("size=32m,nr_inodes=16k,mode=755"),
                                       .value = MS_NOSUID | MS_NODEV});
    plan.first(StepKind::enter_directory, {.subject = plan.text(options.mount_point)});
    add_root_tree(plan, host);
    // In a user namespace a new /proc may only be mounted where a whole one is visible: keep one. A box covers it.
    if (options.rootless) {
        plan.first(StepKind::mount_proc, {.subject = plan.text("proc"),
                                          .object = plan.text("hidepid=2"),
                                          .value = MS_NOSUID | MS_NODEV | MS_NOEXEC});
    }
    if (options.networks) plan.first(StepKind::make_networks, {.value = static_cast<std::uint64_t>(options.slots)});
    plan.first(StepKind::open_proc);
    plan.first(StepKind::protect_mount, {.subject = plan.text("."), .value = read_only_tree});
    plan.first(StepKind::change_root);
    plan.first(StepKind::open_null);
    plan.first(StepKind::drop_bounding_set);
    plan.first(StepKind::no_new_privileges);
    for (const std::string& filter : options.filters) {
        plan.first(StepKind::load_filter,
                   {.subject = plan.aligned(filter), .size = static_cast<std::uint32_t>(filter.size())});
    }
    return plan;
}

Result<Plan> make_plan(const BoxSpec& spec, const BoxOptions& options) {
    WINDLASS_TRY_STATUS(check(spec));
    Plan plan;
    plan.born_into(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
    for (int i = 0; i < options.cgroup_files; i++) {
        plan.first(StepKind::enter_cgroup, {.value = static_cast<std::uint64_t>(i)});
    }
    if (spec.network != Network::none) {
        plan.first(StepKind::join_own_network);
    } else if (options.network) {
        plan.first(StepKind::join_network);
    }
    plan.first(StepKind::unshare_namespaces, {.value = CLONE_NEWCGROUP});
    plan.first(StepKind::set_hostname, {.subject = plan.text("job")});
    plan.first(StepKind::set_title, {.subject = plan.text("box " + spec.name)});
    plan.first(StepKind::set_oom_score, {.object = plan.text("1000")});
    plan.first(StepKind::hide_from_job);
    add_box_root(plan, spec, options);

    plan.second(StepKind::new_session);
    plan.second(StepKind::connect_streams);
    add_identity(plan, options);
    plan.second(StepKind::set_file_mask, {.value = 0077});
    plan.second(StepKind::default_signals);
    plan.second(StepKind::close_descriptors);
    add_working_directory(plan, spec);
    add_limits(plan, spec, options);    // after the files: one that does not fit is an error here, not a signal
    add_landlock(plan, spec, options);  // after the last mount and the last file: it forbids both
    if (!options.filter.empty()) {
        const auto size = static_cast<std::uint32_t>(options.filter.size());
        plan.second(StepKind::load_filter, {.subject = plan.aligned(options.filter), .size = size});
    }
    add_program(plan, spec);
    return plan;
}

// ---------------------------------------------------------------- the value itself

std::uint32_t Plan::text(std::string_view bytes) {
    const auto offset = static_cast<std::uint32_t>(arena_.size());
    arena_.append(bytes).push_back('\0');
    return offset;
}

std::uint32_t Plan::aligned(std::string_view bytes) {
    const std::uint32_t offset = pointers(0);
    text(bytes);
    return offset;
}

std::uint32_t Plan::pointers(std::size_t count) {
    arena_.resize((arena_.size() + 7) / 8 * 8);
    const auto offset = static_cast<std::uint32_t>(arena_.size());
    arena_.resize(arena_.size() + count * 8);
    return offset;
}

const Step& Plan::step(std::size_t index) const {
    return index < first_.size() ? first_[index] : second_[index - first_.size()];
}

std::string Plan::bytes() const {
    const BlobHeader header{static_cast<std::uint32_t>(first_.size()), static_cast<std::uint32_t>(second_.size()),
                            static_cast<std::uint32_t>(arena_.size()), static_cast<std::uint32_t>(namespaces_)};
    std::string blob(sizeof header + size() * sizeof(Step) + arena_.size(), '\0');
    char* to = blob.data();
    const auto put = [&to](const void* from, std::size_t bytes) {
        if (bytes > 0) std::memcpy(to, from, bytes);
        to += bytes;
    };
    put(&header, sizeof header);
    put(first_.data(), first_.size() * sizeof(Step));
    put(second_.data(), second_.size() * sizeof(Step));
    put(arena_.data(), arena_.size());
    return blob;
}

}  // namespace windlass::worker
