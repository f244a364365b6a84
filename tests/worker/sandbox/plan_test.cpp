#include "worker/sandbox/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace windlass::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

BoxSpec small_spec() {
    BoxSpec spec;
    spec.name = "100000042.1";
    spec.argv = {"/bin/sh", "-c", "echo hello"};
    spec.files = {{"code", "abc"}, {"in/data", ""}};
    spec.limits.disk_bytes = 8 * mebibyte;
    return spec;
}

BoxOptions as_root() {
    BoxOptions options;
    options.uid = options.gid = 200'001;
    options.cgroup_files = 3;
    options.landlock_abi = 7;
    return options;
}

BoxOptions as_user() {
    BoxOptions options;
    options.rootless = true;
    options.uid = options.gid = 1000;
    options.landlock_abi = 2;
    options.limit_memory_by_process = true;
    options.limit_processes_by_user = true;
    return options;
}

HostFacts small_host() {
    HostFacts host;
    host.directories = {"/usr"};
    host.files = {{"/bin", "", "usr/bin"},
                  {"/etc/hosts", "127.0.0.1 localhost\n", ""},
                  {"/etc/alternatives/cc", "", "/usr/bin/gcc"}};
    return host;
}

TEST(Plan, of_a_box_as_root) {
    const auto plan = make_plan(small_spec(), as_root());
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(print(*plan), R"(new namespaces: mount,pid,ipc,uts
enter the cgroup: 0
enter the cgroup: 1
enter the cgroup: 2
join the empty network of the slot
unshare the namespaces cgroup
set the host name: job
set the title: box 100000042.1
set the OOM score: 1000
hide PID 1 from the job
mount proc on /proc: ro,nosuid,nodev,noexec hidepid=2
mount tmpfs on /job: nosuid,nodev size=8388608,nr_inodes=2052,mode=700,uid=200001,gid=200001
open the working directory /job
--- the process that becomes the job
start a new session
connect stdin, stdout, stderr
drop supplementary groups
set the group: 200001
set the user: 200001
clear all capabilities
set the file mask: 0077
unblock all signals
close all other descriptors: at exec
enter /job
make the directory .tmp: mode 0700
make the directory .shm: mode 0700
make the directory out: mode 0700
write the file code: 3 bytes, mode 0600
make the directory in: mode 0700
write the file in/data: 0 bytes, mode 0600
limit core: 1
limit open files: 256
limit file size: 8392704
limit locked memory: 65536
limit message queues: 65536
limit pending signals: 1024
limit processes of the user: 129
make the Landlock ruleset: governs 0xffff
allow with Landlock /: 0xd
allow with Landlock /job: 0x77bf
allow with Landlock /dev/null: 0xc006
allow with Landlock /dev/zero: 0xc006
allow with Landlock /dev/full: 0xc006
enforce Landlock
execute /bin/sh
)");
}

TEST(Plan, of_a_box_without_root_and_without_cgroups) {
    const auto plan = make_plan(small_spec(), as_user());
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(print(*plan), R"(new namespaces: mount,pid,ipc,uts
join the empty network of the slot
unshare the namespaces cgroup
set the host name: job
set the title: box 100000042.1
set the OOM score: 1000
hide PID 1 from the job
mount proc on /proc: ro,nosuid,nodev,noexec hidepid=2
mount tmpfs on /job: nosuid,nodev size=8388608,nr_inodes=2052,mode=700,uid=1000,gid=1000
open the working directory /job
--- the process that becomes the job
start a new session
connect stdin, stdout, stderr
clear all capabilities
set the file mask: 0077
unblock all signals
close all other descriptors: at exec
enter /job
make the directory .tmp: mode 0700
make the directory .shm: mode 0700
make the directory out: mode 0700
write the file code: 3 bytes, mode 0600
make the directory in: mode 0700
write the file in/data: 0 bytes, mode 0600
limit core: 1
limit open files: 256
limit file size: 8392704
limit locked memory: 65536
limit message queues: 65536
limit pending signals: 1024
limit processes of the user: 128
limit data of a process: 536870912
make the Landlock ruleset: governs 0x3fff
allow with Landlock /: 0xd
allow with Landlock /job: 0x37bf
allow with Landlock /dev/null: 0x6
allow with Landlock /dev/zero: 0x6
allow with Landlock /dev/full: 0x6
enforce Landlock
execute /bin/sh
)");
}

constexpr const char* root_tree = R"(become PID 1 of the spawner's namespace
make all mounts private
mount tmpfs on /run/windlass/root: nosuid,nodev size=32m,nr_inodes=16k,mode=755
enter /run/windlass/root
make the directory usr: mode 0755
bind /usr on usr: ro,nosuid,nodev
link bin: -> usr/bin
make the directory etc: mode 0755
write the file etc/hosts: 20 bytes, mode 0644
make the directory etc/alternatives: mode 0755
link etc/alternatives/cc: -> /usr/bin/gcc
make the directory dev: mode 0755
write the file dev/null: 0 bytes, mode 0644
bind /dev/null on dev/null: noexec
write the file dev/zero: 0 bytes, mode 0644
bind /dev/zero on dev/zero: noexec
write the file dev/full: 0 bytes, mode 0644
bind /dev/full on dev/full: noexec
write the file dev/random: 0 bytes, mode 0644
bind /dev/random on dev/random: noexec
write the file dev/urandom: 0 bytes, mode 0644
bind /dev/urandom on dev/urandom: noexec
link dev/fd: -> /proc/self/fd
link dev/stdin: -> fd/0
link dev/stdout: -> fd/1
link dev/stderr: -> fd/2
make the directory proc: mode 0755
make the directory job: mode 0755
link tmp: -> /job/.tmp
link dev/shm: -> /job/.shm
make the directory var: mode 0755
link var/tmp: -> /job/.tmp
)";

constexpr const char* root_end = R"(make empty networks: 2
open /proc
protect the mount .: ro,nosuid,nodev
change the root
open /dev/null
drop the capability bounding set
forbid new privileges
load the system call filter
)";

TEST(Plan, of_the_prepared_root_as_root) {
    SetupOptions options;
    options.mount_point = "/run/windlass/root";
    options.slots = 2;
    options.filters = {"12345678"};
    EXPECT_EQ(print(make_setup_plan(small_host(), options)),
              "unshare the namespaces mount,pid\n" + std::string(root_tree) + root_end);
}

TEST(Plan, of_the_prepared_root_without_root) {
    SetupOptions options;
    options.rootless = true;
    options.uid = 1000;
    options.gid = 100;
    options.mount_point = "/run/windlass/root";
    options.slots = 2;
    options.filters = {"12345678"};
    EXPECT_EQ(print(make_setup_plan(small_host(), options)), std::string(R"(unshare the namespaces user
write /proc/self/setgroups: deny
write /proc/self/uid_map: 1000 1000 1
write /proc/self/gid_map: 100 100 1
unshare the namespaces mount,pid
)") + root_tree + "mount proc on proc: nosuid,nodev,noexec hidepid=2\n" +
                                                                 root_end);
}

TEST(Plan, of_the_prepared_root_keeps_the_mounts_of_the_host_for_images) {
    SetupOptions options;
    options.mount_point = "/run/windlass/root";
    options.slots = 2;
    options.other_roots = true;
    options.first_uid = 200'000;
    EXPECT_THAT(print(make_setup_plan(small_host(), options)),
                HasSubstr("make id maps for the files of images: 2 from uid 200000\n"
                          "unshare the namespaces mount,pid\nbecome PID 1 of the spawner's namespace\n"
                          "make all mounts follow those outside\nkeep the mounts of the host\n"
                          "unshare the namespaces mount\nmake all mounts private\n"));
    options.rootless = true;
    EXPECT_THAT(print(make_setup_plan(small_host(), options)), Not(HasSubstr("id maps")));
}

TEST(Plan, of_a_box_with_an_image_and_a_data_set) {
    BoxSpec spec = small_spec();
    spec.image.emplace().root_directory = "/site/images/x/root";
    spec.image->passwd = "job:x:{uid}:{gid}:::\n";
    spec.image->env = {{"PATH", "/opt/bin:relative:/bin"}, {"FROM", "image"}};
    spec.datasets = {{"iris", "/srv/iris"}};
    spec.argv = {"serve"};
    spec.start_directory = "/srv/app";
    const std::string text = print(*make_plan(spec, as_root()));
    EXPECT_THAT(text, HasSubstr("look at the mounts of the host\n"
                                "take the directory /site/images/x/root: ro,nosuid,nodev, root's files are the job's\n"
                                "take the directory /srv/iris: ro,nosuid,nodev\n"
                                "return to the box's own mounts\nmount tmpfs on /job: "));
    EXPECT_THAT(text,
                HasSubstr("attach the directory /job/lower: number 0\nmount overlay on /job/root: nosuid,nodev "
                          "lowerdir=/job/lower,upperdir=/job/upper,workdir=/job/work\nbind /dev on /job/root/dev\n"
                          "mount proc on /job/root/proc: ro,nosuid,nodev,noexec hidepid=2\n"
                          "bind /job/job on /job/root/job: nosuid,nodev\n"
                          "attach the directory /job/root/tmp/iris: number 1\nenter /job/root\nchange the root\n"
                          "open the working directory /job\n"));
    EXPECT_THAT(text, HasSubstr("enter /srv/app\nexecute /opt/bin/serve: if it is there\nexecute /bin/serve: if it is "
                                "there\nexecute serve\n"));
    EXPECT_LT(text.find("change the root"), text.find("set the user"));
}

TEST(Plan, without_a_network_namespace_none_is_joined) {
    BoxOptions options = as_root();
    options.network = false;
    EXPECT_THAT(print(*make_plan(small_spec(), options)), Not(HasSubstr("network")));
}

TEST(Plan, filter_of_the_job_is_loaded_last) {
    BoxOptions options = as_root();
    options.cgroup_files = 0;
    options.filter = "12345678";
    const std::string text = print(*make_plan(small_spec(), options));
    EXPECT_THAT(text, HasSubstr("enforce Landlock\nload the system call filter\nexecute /bin/sh\n"));
    EXPECT_THAT(text, Not(HasSubstr("cgroup: ")));
}

TEST(Plan, step_in_words_fits_before_an_error) {
    const Plan plan = *make_plan(small_spec(), as_root());
    EXPECT_EQ(describe(plan, 9), "mount proc on /proc");
    EXPECT_EQ(describe(plan, plan.size() - 1), "execute /bin/sh");
    EXPECT_EQ(describe(plan, plan.size()), "start the job process");
}

TEST(Plan, bytes_hold_header_steps_and_arena) {
    const Plan plan = *make_plan(small_spec(), as_root());
    const std::string bytes = plan.bytes();
    BlobHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    EXPECT_EQ(header.first_steps, plan.first_count());
    EXPECT_EQ(header.first_steps + header.second_steps, plan.size());
    EXPECT_EQ(sizeof header + plan.size() * sizeof(Step) + header.arena_bytes, bytes.size());
    const Step& execute = plan.step(plan.size() - 1);
    EXPECT_EQ(execute.size, 3U);
    EXPECT_EQ(execute.value % 8, 0U) << "pointers are aligned";
    EXPECT_STREQ(plan.string(execute.object), "/bin/sh");
    EXPECT_STREQ(plan.string(execute.object) + sizeof "/bin/sh", "-c");
}

TEST(Plan, pointer_table_is_followed_by_nothing_it_could_overwrite) {
    const Plan plan = *make_plan(small_spec(), as_root());
    const Step& execute = plan.step(plan.size() - 1);
    BlobHeader header;
    const std::string bytes = plan.bytes();
    std::memcpy(&header, bytes.data(), sizeof header);
    EXPECT_EQ(execute.value + (execute.size + execute.extra + 2) * sizeof(char*), header.arena_bytes);
}

TEST(Plan, first_choice_is_tried_with_PWD_before_the_program) {
    BoxSpec spec = small_spec();
    spec.first_choice = {"/bin/echo", "hello"};
    const Plan plan = *make_plan(spec, as_root());
    EXPECT_THAT(print(plan), HasSubstr("enforce Landlock\nexecute /bin/echo: if possible\nexecute /bin/sh\n"));
    const auto strings = [&](std::size_t index) {
        std::vector<std::string> found;
        const Step& step = plan.step(index);
        for (std::uint32_t i = 0, at = step.object; i < step.size + step.extra; i++, at += found.back().size() + 1)
            found.emplace_back(plan.string(at));
        return found;
    };
    EXPECT_THAT(strings(plan.size() - 2), ::testing::Contains("PWD=/job"));
    EXPECT_THAT(strings(plan.size() - 1), Not(::testing::Contains("PWD=/job"))) << "the shell sets it itself";
}

TEST(Plan, environment_of_the_job_wins_over_what_the_box_sets) {
    BoxSpec spec = small_spec();
    spec.env = {{"PATH", "/job"}, {"X", "1"}};
    const Plan plan = *make_plan(spec, as_root());
    const std::string bytes = plan.bytes();
    EXPECT_THAT(bytes, HasSubstr(std::string("PATH=/job\0", 10)));
    EXPECT_THAT(bytes, Not(HasSubstr("PATH=/usr")));
    EXPECT_THAT(bytes, HasSubstr(std::string("HOME=/job\0", 10)));
}

}  // namespace
}  // namespace windlass::worker
