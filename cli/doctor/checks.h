// What `windlass doctor` looks at. Each looks, changes nothing that stays, and returns within seconds.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "cli/doctor/finding.h"
#include "shared/config.h"
#include "shared/time.h"

namespace windlass::cli::doctor {

// --- this machine
Findings check_machine();
// The worker knows best what a sandbox needs: the lines of `windlass-worker --check`, and what they mean together.
// `config_file` may be empty.
Findings check_worker(const std::string& config_file);

// --- the server that the command talks to: answers, ready, credential, clock
Findings check_server(const std::string& url_flag);

// --- a site's settings
Findings check_site(const Config& config);
Findings check_database(const Config& config);
Findings check_ports(const Config& config);
Findings check_certificate(const Config& config, WallTime now);
Findings check_secrets(const Config& config);
Findings check_free_space(const Config& config);
Findings check_programs(const Config& config);

// --- pure, for their tests
// Of /proc/self/mountinfo: which control groups there are.
Finding judge_cgroups(std::string_view mountinfo);
// Room of one file system.
Finding judge_room(const std::string& directory, double free_bytes, double all_bytes, double free_files,
                   double all_files);
// The certificate and the key of a server, in PEM.
Findings judge_certificate(const std::string& certificate, const std::string& key, WallTime now);
// How far the clock of `whose` is from ours. `tolerance`: what measuring may be wrong by.
Finding judge_skew(const std::string& whose, Microseconds ahead, Microseconds tolerance);

}  // namespace windlass::cli::doctor
