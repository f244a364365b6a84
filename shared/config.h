// One configuration for all programs: a TOML file, the same names as flags and as environment variables.
//
//   file:   [worker]            flag:  --worker-slots 4        variable:  WINDLASS_WORKER_SLOTS=4
//           slots = 4
//
// A flag wins over a variable, a variable over the file, the file over the default. A name that nobody knows is an
// error, in the file as well as on the command line. Names, defaults and meanings are listed once, in describe() below;
// docs/configuration.md is made from it (`windlass-scheduler --print-settings`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/limits.h"
#include "shared/result.h"

namespace windlass {

struct Config {
    struct Database {
        std::string url = "sqlite:/var/lib/windlass/windlass.db";
    } database;

    struct Scheduler {
        std::string listen = "unix:/run/windlass/scheduler.sock";
        std::vector<std::string> dial;
        bool standby = false;
        std::string secret_file;
        std::int64_t first_job_id = 100'000'001;
        std::int64_t lease_ttl_ms = 15'000;
        std::int64_t lease_grace_ms = 4'000;
        std::int64_t crash_limit = 5;
        std::vector<std::string> user_weights;
        std::int64_t keep_finished_days = 0;
        std::string metrics_listen;
        std::string tls_listen;
        std::vector<std::string> tls_names;
        std::string trust_directory = "/var/lib/windlass/trust";
        std::int64_t certificate_s = 24 * 3600;
    } scheduler;

    struct Worker {
        std::string name;
        std::string backend = "sandbox";
        std::int64_t slots = 0;
        std::int64_t memory_bytes = 0;
        std::int64_t prefetch = 64;
        std::string state_directory = "/var/lib/windlass-worker";
        std::string spawner;
        std::string cgroup;
        std::int64_t first_uid = 200'000;
        std::vector<std::string> allow_weaker;
        std::string network = "none";
        std::vector<std::string> network_deny;
        std::vector<std::string> network_allow;
        std::string service_listen;
        std::int64_t kill_grace_ms = 5'000;
        std::int64_t drain_ms = 30'000;
        bool adopt = true;
        std::int64_t result_file_bytes = 16 * mebibyte;
        std::int64_t cache_bytes = gibibyte;
        std::int64_t disk_low_bytes = 256 * mebibyte;
        std::int64_t disk_low_percent = 0;
        std::vector<std::string> labels;
        std::vector<std::string> resources;
        std::int64_t sample_interval_s = 30;
        std::string gpu_tool = "nvidia-smi";
        std::string metrics_listen;
        std::string site_directory;
        std::vector<std::string> image_pull;
        std::int64_t image_bytes = 20 * gibibyte;
        std::int64_t image_files = 1'000'000;
        std::int64_t image_seconds = 1800;
        std::string slurm_directory;
        std::string slurm_user;
        std::string slurm_conf;
        std::vector<std::string> slurm_options;
        std::int64_t slurm_poll_ms = 2'000;
        std::string kubernetes_url;
        std::string kubernetes_namespace_prefix = "windlass-user-";
        std::string kubernetes_token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
        std::string kubernetes_ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
        std::string kubernetes_worker_cidr;
        std::vector<std::string> kubernetes_images;
        std::vector<std::string> kubernetes_datasets;
    } worker;

    struct Api {
        std::string listen = "127.0.0.1:8080";
        std::string unix_socket_mode = "0660";
        std::string tls_certificate_file;
        std::string tls_key_file;
        std::int64_t hsts_s = 0;
        std::vector<std::string> trusted_proxies;
        std::string trusted_proxy_headers = "x-forwarded";
        std::int64_t threads = 2;
        std::string registration = "loopback";
        std::string credentials_directory;
        std::string signing_key_file;
        std::int64_t session_s = 24 * 3600;
        std::int64_t access_token_s = 3600;
        bool strict_login_errors = false;
        bool endless_tokens = false;
        std::int64_t password_link_s = 24 * 3600;
        std::int64_t body_bytes = 64 * mebibyte;
        std::int64_t image_bytes = 10 * mebibyte;
        std::int64_t image_pixels = 50'000'000;
        std::string thumbnail_command = "/usr/bin/vipsthumbnail";
        std::int64_t thumbnail_timeout_s = 30;
        std::string spool_directory = "/var/tmp";
        std::int64_t spool_bytes = 1 * gibibyte;
        std::int64_t connections = 20'000;
        std::int64_t connections_per_address = 10'000;
        std::int64_t requests_per_s = 5'000;
        std::int64_t address_requests_per_s = 500;
        std::int64_t followers_per_account = 1'000;
        std::string oidc_issuer;
        std::string oidc_client_id;
        std::string oidc_client_secret_file;
        std::string oidc_redirect_url;
        std::string oidc_scope = "openid profile email";
        std::string oidc_username_claim = "preferred_username";
        std::string oidc_roles_claim;
        std::vector<std::string> oidc_roles;
        std::vector<std::string> oidc_default_roles = {"user"};
        std::string smtp_url;
        std::string smtp_from;
        std::vector<std::string> smtp_to;
        std::string smtp_user;
        std::string smtp_password_file;
        std::int64_t monitoring_sweep_s = 30;
        std::int64_t requests_per_connection = 100'000;
        std::int64_t body_bytes_per_s = 16 * 1024;
        std::int64_t head_deadline_s = 10;
        std::int64_t body_deadline_s = 20;
        std::int64_t idle_deadline_s = 75;
        std::int64_t write_deadline_s = 30;
        std::int64_t batch_jobs = 20'000;
        std::int64_t max_cpu_millis = 64'000;
        std::int64_t max_memory_bytes = 64 * gibibyte;
        std::int64_t max_disk_bytes = 16 * gibibyte;
        std::int64_t max_processes = 4096;
        std::int64_t max_output_bytes = 64 * mebibyte;
        std::int64_t max_open_files = 4096;
        std::int64_t max_timeout_s = 30 * 24 * 3600;
        std::vector<std::string> network_full;
        std::int64_t course_life_s = 12 * 3600;
        std::int64_t course_idle_s = 3600;
        std::int64_t course_deployments = 1;
        std::int64_t course_attempts = 3;
        std::int64_t course_cpu_millis = 1000;
        std::int64_t course_memory_bytes = gibibyte;
        std::vector<std::string> allowed_origins;
        std::int64_t websocket_message_bytes = 64 * 1024;
        std::int64_t websocket_unsent_bytes = 4 * mebibyte;
        std::int64_t websocket_ping_s = 20;
    } api;

    struct Metrics {
        std::int64_t keep_points_days = 30;
        std::int64_t coarse_s = 300;
        std::int64_t keep_days = 730;
    } metrics;

    struct Log {
        std::string level = "info";
        std::string format = "auto";
    } log;
};

// Calls visit(name, member, meaning) for every setting. Members are std::string, std::int64_t, bool or
// std::vector<std::string>.
template <class V>
void describe_settings(V&& visit, Config& c) {
    visit("database.url", c.database.url, "sqlite:/path/to/file.db or postgresql://…; what scheduler and api share");
    visit("scheduler.listen", c.scheduler.listen,
          "unix:/path or HOST:PORT; where the scheduler waits for workers and api, and where they dial");
    visit("scheduler.dial", c.scheduler.dial,
          "where workers and api look for the scheduler that leads, one address after the other; workers of other "
          "machines: tls://HOST:PORT; empty: at listen");
    visit("scheduler.standby", c.scheduler.standby,
          "true: more than one scheduler shares this PostgreSQL; one leads, the next takes over (docs/standby.md)");
    visit(
        "scheduler.secret_file", c.scheduler.secret_file,
        "file (mode 0600) with the site's shared secret; needed for HOST:PORT and for peers that run as another user");
    visit("scheduler.first_job_id", c.scheduler.first_job_id, "our job ids start here, above those of a Slurm cluster");
    visit("scheduler.lease_ttl_ms", c.scheduler.lease_ttl_ms, "a lease lives this long after its last renewal");
    visit("scheduler.lease_grace_ms", c.scheduler.lease_grace_ms, "and is handed out again only so much later");
    visit("scheduler.crash_limit", c.scheduler.crash_limit,
          "a job whose worker died so many times is given up as lost");
    visit("scheduler.user_weights", c.scheduler.user_weights,
          "shares of users that differ from 1, as ACCOUNT=WEIGHT, e.g. 7=2.5; a user of weight 2 gets twice as much");
    visit("scheduler.keep_finished_days", c.scheduler.keep_finished_days,
          "a job that ended so many days ago is deleted with all it left; 0: kept for ever");
    visit("scheduler.metrics_listen", c.scheduler.metrics_listen,
          "unix:/path or a loopback HOST:PORT where the scheduler serves /metrics for Prometheus; empty: nowhere");
    visit("scheduler.tls_listen", c.scheduler.tls_listen,
          "HOST:PORT, e.g. 0.0.0.0:7433, for workers of other machines: TLS 1.3 with certificates of the site "
          "(docs/workers-elsewhere.md); empty: none");
    visit("scheduler.tls_names", c.scheduler.tls_names,
          "names and addresses by which they dial it, beside the name of the host: they stand in its certificate");
    visit("scheduler.trust_directory", c.scheduler.trust_directory,
          "key and certificate of the site's own small authority, made at the first start; the same on every standby");
    visit("scheduler.certificate_s", c.scheduler.certificate_s,
          "certificates live so long, 10 or more; workers renew theirs at half of it");
    visit("worker.name", c.worker.name, "unique in the site; the default is the host's name");
    visit("worker.backend", c.worker.backend,
          "who runs the jobs: sandbox (on this machine), slurm (docs/slurm-engine.md) or kubernetes "
          "(docs/kubernetes-engine.md)");
    visit("worker.slots", c.worker.slots, "cores to offer; 0: as many as the machine has");
    visit("worker.memory_bytes", c.worker.memory_bytes, "memory to offer to jobs; 0: nine tenths of the machine's");
    visit("worker.prefetch", c.worker.prefetch, "short jobs to hold ready beyond the slots");
    visit("worker.state_directory", c.worker.state_directory,
          "results not yet acknowledged, sockets; private to one worker");
    visit("worker.spawner", c.worker.spawner,
          "path of windlass-spawner; the default is beside the worker's own program");
    visit("worker.cgroup", c.worker.cgroup, "cgroup below which jobs run; the default is made from the worker's name");
    visit("worker.first_uid", c.worker.first_uid, "as root: slot i runs its jobs as this user id + i");
    visit("worker.allow_weaker", c.worker.allow_weaker,
          "protections the operator agrees to do without, e.g. memory-limit (see docs/sandbox.md)");
    visit("worker.network", c.worker.network,
          "none, or full: jobs that may ask for network: full run here too (needs slirp4netns and nftables)");
    visit("worker.network_deny", c.worker.network_deny,
          "IPv4 blocks closed to such jobs beside private, special and the host's own addresses, e.g. 198.51.100.0/24");
    visit("worker.network_allow", c.worker.network_allow, "exceptions from that, e.g. 10.0.5.20 for a mirror");
    visit("worker.service_listen", c.worker.service_listen,
          "unix:/path or HOST:PORT at which the api reaches the services of jobs here; empty: no such jobs");
    visit("worker.kill_grace_ms", c.worker.kill_grace_ms, "between TERM and KILL when a job is stopped");
    visit("worker.drain_ms", c.worker.drain_ms,
          "on SIGTERM running jobs get this long to end before they are handed back");
    visit("worker.adopt", c.worker.adopt,
          "jobs outlive a crash or an upgrade of the worker, and the next one takes them over; false: they end with it");
    visit("worker.result_file_bytes", c.worker.result_file_bytes,
          "of the files that a job leaves so many bytes are kept");
    visit("worker.cache_bytes", c.worker.cache_bytes,
          "input files of jobs are kept in state_directory/blobs, so many bytes of them; 0: none");
    visit(
        "worker.disk_low_bytes", c.worker.disk_low_bytes,
        "with less free on the disk of state_directory no new jobs are taken, until it is half as much more; 0: taken "
        "as long as it goes");
    visit("worker.disk_low_percent", c.worker.disk_low_percent,
          "the same in hundredths of that disk; the larger of the two counts");
    visit("worker.labels", c.worker.labels, "what jobs may require of a worker, as NAME=VALUE, e.g. zone=b");
    visit("worker.resources", c.worker.resources, "named devices that jobs may take, as NAME=COUNT, e.g. gpu=2");
    visit("worker.sample_interval_s", c.worker.sample_interval_s,
          "what each running job uses is measured so often, in seconds from 1 to 3600 (docs/monitoring.md)");
    visit("worker.gpu_tool", c.worker.gpu_tool,
          "program that says what jobs use of GPUs, looked for in PATH: nvidia-smi or one like it; empty: none");
    visit("worker.metrics_listen", c.worker.metrics_listen,
          "unix:/path or a loopback HOST:PORT where the worker serves /metrics for Prometheus; empty: nowhere");
    visit("worker.site_directory", c.worker.site_directory,
          "where images and the names of data sets are kept; empty: site in state_directory (docs/site-images.md)");
    visit("worker.image_pull", c.worker.image_pull,
          "registries that `windlass image import` may pull from: HOST[:PORT][/PATH], http: before it for no TLS");
    visit("worker.image_bytes", c.worker.image_bytes, "largest image that is imported, unpacked");
    visit("worker.image_files", c.worker.image_files, "files of the largest image that is imported");
    visit("worker.image_seconds", c.worker.image_seconds, "longest time that an import may take");
    visit(
        "worker.slurm_directory", c.worker.slurm_directory,
        "backend slurm: a directory at the same path on this machine and on all nodes; one per attempt is made in it");
    visit("worker.slurm_user", c.worker.slurm_user,
          "backend slurm: the unprivileged user whom all jobs run as, known on all nodes; never root");
    visit("worker.slurm_conf", c.worker.slurm_conf,
          "backend slurm: path of slurm.conf; empty: where Slurm looks itself");
    visit("worker.slurm_options", c.worker.slurm_options,
          "backend slurm: more words for every sbatch, e.g. --partition=batch, --account=windlass");
    visit("worker.slurm_poll_ms", c.worker.slurm_poll_ms,
          "backend slurm: Slurm is asked so often for all jobs together, by one squeue");
    visit("worker.kubernetes_url", c.worker.kubernetes_url,
          "backend kubernetes: of the API server, e.g. https://10.96.0.1:443");
    visit("worker.kubernetes_namespace_prefix", c.worker.kubernetes_namespace_prefix,
          "backend kubernetes: the namespace of a user is this and the id of his account; it must exist");
    visit("worker.kubernetes_token_file", c.worker.kubernetes_token_file,
          "backend kubernetes: the token of a service account, read again for every connection");
    visit("worker.kubernetes_ca_file", c.worker.kubernetes_ca_file,
          "backend kubernetes: PEM of the authority of the API server's certificate; nobody else is believed");
    visit("worker.kubernetes_worker_cidr", c.worker.kubernetes_worker_cidr,
          "backend kubernetes: the addresses from which this worker reaches pods, e.g. 10.0.3.7/32; all others are "
          "shut out of them");
    visit("worker.kubernetes_images", c.worker.kubernetes_images,
          "backend kubernetes: images of the site, as NAME=REFERENCE, e.g. jupyter=registry.example/jupyter@sha256:…");
    visit("worker.kubernetes_datasets", c.worker.kubernetes_datasets,
          "backend kubernetes: data sets, as NAME=CLAIM, a volume claim in the namespace of every user");
    visit("api.listen", c.api.listen,
          "HOST:PORT, [V6]:PORT or unix:/path; port 0 picks a free one; sockets of a .socket unit come first");
    visit("api.unix_socket_mode", c.api.unix_socket_mode, "who may connect when listen is unix:/path, as for chmod");
    visit("api.tls_certificate_file", c.api.tls_certificate_file,
          "PEM, own certificate first, then the intermediate ones: HTTPS instead of HTTP; SIGHUP reads it again");
    visit("api.tls_key_file", c.api.tls_key_file, "its private key in PEM (mode 0600, or 0640 for a group)");
    visit("api.hsts_s", c.api.hsts_s,
          "browsers that came by TLS keep to it for so many seconds (Strict-Transport-Security); 0: not said");
    visit("api.trusted_proxies", c.api.trusted_proxies,
          "whose word on the client's address, scheme and host is taken: addresses, blocks like 10.0.0.0/8, or unix");
    visit(
        "api.trusted_proxy_headers", c.api.trusted_proxy_headers,
        "what they write: x-forwarded (X-Forwarded-For, -Proto, -Host) or forwarded (RFC 7239); the other is ignored");
    visit("api.threads", c.api.threads, "threads for handlers; they never wait, so about as many as cores");
    visit("api.registration", c.api.registration,
          "who may create accounts: open, admin, or loopback (open on a loopback address only)");
    visit("api.credentials_directory", c.api.credentials_directory,
          "where the first admin's password and token are written (mode 0600); empty: the password is printed once");
    visit("api.signing_key_file", c.api.signing_key_file,
          "file (mode 0600) with the keys that sign sessions, made if missing, read again on SIGHUP; empty: "
          "signing.key in credentials_directory, or beside the SQLite file");
    visit("api.session_s", c.api.session_s, "a session ends so many seconds after its login");
    visit("api.access_token_s", c.api.access_token_s,
          "an access token of a session is good for so many seconds; browsers renew it by themselves");
    visit("api.strict_login_errors", c.api.strict_login_errors,
          "true: POST /api/users/authenticate/ answers 401 for unknown names too, instead of the documented 404");
    visit("api.endless_tokens", c.api.endless_tokens,
          "true: everybody may make API tokens that never expire; false: admins alone");
    visit("api.password_link_s", c.api.password_link_s,
          "a link to set a password, made by an admin, is good for so many seconds");
    visit("api.body_bytes", c.api.body_bytes, "largest request body");
    visit("api.image_bytes", c.api.image_bytes, "largest image that is taken");
    visit("api.image_pixels", c.api.image_pixels, "most pixels of an image, and of a thumbnail");
    visit("api.thumbnail_command", c.api.thumbnail_command,
          "what makes a thumbnail, in the sandbox: a shell command that takes the arguments of vipsthumbnail");
    visit("api.thumbnail_timeout_s", c.api.thumbnail_timeout_s, "a decoder that takes longer is ended");
    visit("api.spool_directory", c.api.spool_directory, "where uploads lie while they come: on a disk, not in memory");
    visit("api.spool_bytes", c.api.spool_bytes, "all uploads that are coming together; beyond: 503");
    visit("api.connections", c.api.connections, "connections in total");
    visit("api.connections_per_address", c.api.connections_per_address, "connections from one address");
    visit("api.requests_per_s", c.api.requests_per_s,
          "requests of one account in a second, twice as many at once; beyond: 429; 0: no limit");
    visit("api.address_requests_per_s", c.api.address_requests_per_s,
          "the same for one address without a good credential, loopback excepted");
    visit("api.followers_per_account", c.api.followers_per_account,
          "event streams and WebSockets that one account may have open at one api; beyond: 429; 0: any number");
    visit("api.oidc_issuer", c.api.oidc_issuer,
          "provider of OpenID Connect for /auth/oauth/login, e.g. https://login.example.org/realms/site; empty: none");
    visit("api.oidc_client_id", c.api.oidc_client_id, "what this server is called there");
    visit("api.oidc_client_secret_file", c.api.oidc_client_secret_file,
          "file (mode 0600) with its secret there; empty: a public client, by PKCE alone");
    visit("api.oidc_redirect_url", c.api.oidc_redirect_url,
          "as registered there; empty: /auth/oauth/callback at the address that the browser uses");
    visit("api.oidc_scope", c.api.oidc_scope, "what is asked for; openid must be among it");
    visit("api.oidc_username_claim", c.api.oidc_username_claim, "claim with the username that is wanted here");
    visit("api.oidc_roles_claim", c.api.oidc_roles_claim,
          "claim with a text or a list of texts for api.oidc_roles; dots lead into objects, e.g. realm_access.roles");
    visit("api.oidc_roles", c.api.oidc_roles,
          "roles by values of that claim, as VALUE=ROLE, e.g. staff=user; given anew at every login; none: admins give "
          "roles");
    visit("api.oidc_default_roles", c.api.oidc_default_roles,
          "roles of who logs in for the first time, or by no value");
    visit("api.smtp_url", c.api.smtp_url,
          "mail server for POST /api/notify/admin, e.g. smtp://mail.example.org:587 or smtps://…; empty: no mail");
    visit("api.smtp_from", c.api.smtp_from, "address that mails come from");
    visit("api.smtp_to", c.api.smtp_to, "addresses of the admins");
    visit("api.smtp_user", c.api.smtp_user, "login there, over TLS alone; empty: without");
    visit("api.smtp_password_file", c.api.smtp_password_file, "file (mode 0600) with its password");
    visit("api.monitoring_sweep_s", c.api.monitoring_sweep_s,
          "how often jobs of clusters are closed that are past their time, and removed past their TTL; 0: never");
    visit("api.requests_per_connection", c.api.requests_per_connection,
          "after so many a connection is closed, and the client makes a new one; 0: any number");
    visit("api.body_bytes_per_s", c.api.body_bytes_per_s,
          "a request body that comes more slowly, over body_deadline_s, is given up (408)");
    visit("api.head_deadline_s", c.api.head_deadline_s,
          "from the first byte of a request to the end of its headers, and for a TLS handshake; later: 408");
    visit("api.body_deadline_s", c.api.body_deadline_s, "over so many seconds body_bytes_per_s is measured");
    visit("api.idle_deadline_s", c.api.idle_deadline_s, "a connection without a request is closed after so long");
    visit("api.write_deadline_s", c.api.write_deadline_s,
          "a client that takes nothing of its answer for so long is dropped");
    visit("api.batch_jobs", c.api.batch_jobs, "jobs in one batch");
    visit("api.max_cpu_millis", c.api.max_cpu_millis, "largest limits.cpus of a job, in thousandths");
    visit("api.max_memory_bytes", c.api.max_memory_bytes, "largest limits.memory_bytes of a job");
    visit("api.max_disk_bytes", c.api.max_disk_bytes, "largest limits.disk_bytes of a job");
    visit("api.max_processes", c.api.max_processes, "largest limits.processes of a job");
    visit("api.max_output_bytes", c.api.max_output_bytes, "largest limits.output_bytes of a job");
    visit("api.max_open_files", c.api.max_open_files, "largest limits.open_files of a job");
    visit("api.max_timeout_s", c.api.max_timeout_s, "largest timeout_s of a job");
    visit("api.network_full", c.api.network_full,
          "who may ask for network: full: tier:NAME, queue:NAME, role:NAME or everybody; the default is nobody");
    visit("api.course_life_s", c.api.course_life_s, "the deployment of a course is ended so long after its launch");
    visit("api.course_idle_s", c.api.course_idle_s,
          "a deployment of a course that nobody used for so long is ended; 0: never");
    visit("api.course_deployments", c.api.course_deployments,
          "deployments of one course that one user may have at the same time");
    visit("api.course_attempts", c.api.course_attempts,
          "a deployment that fails is started again, up to so many times in all");
    visit("api.course_cpu_millis", c.api.course_cpu_millis, "cores of one deployment of a course, in thousandths");
    visit("api.course_memory_bytes", c.api.course_memory_bytes, "memory of one deployment of a course");
    visit("api.allowed_origins", c.api.allowed_origins,
          "pages of other sites that may use the api with a browser's credentials, e.g. https://lab.example");
    visit("api.websocket_message_bytes", c.api.websocket_message_bytes, "largest message from a client of a WebSocket");
    visit("api.websocket_unsent_bytes", c.api.websocket_unsent_bytes,
          "a client of a WebSocket that takes less than it is sent is dropped beyond this");
    visit("api.websocket_ping_s", c.api.websocket_ping_s,
          "how often an open WebSocket is pinged; one that has not answered by the next ping is dropped");
    visit("metrics.keep_points_days", c.metrics.keep_points_days,
          "metric points are kept as measured for so many days; 0: for ever (docs/monitoring.md)");
    visit("metrics.coarse_s", c.metrics.coarse_s,
          "older ones are kept as mean, min and max of so many seconds, e.g. 300; 0: they are deleted");
    visit("metrics.keep_days", c.metrics.keep_days, "no metrics are older than so many days; 0: kept for ever");
    visit("log.level", c.log.level, "debug, info, warning or error");
    visit("log.format", c.log.format,
          "text, json (an object per line), journal (fields of journald), or auto: journal below systemd, else text");
}

struct LoadedConfig {
    Config config;
    bool done = false;  // --help, --version or --print-settings was answered: end with 0
};

// Reads flags (--config FILE and one per setting), variables and the file. `program` and `purpose` are for --help.
Result<LoadedConfig> load_config(int argc, char** argv, const std::string& program, const std::string& purpose);

// Lays the settings of a configuration file over `config`. `path` stands in front of every error. Pure.
//   invalid  not TOML, a setting that does not exist or of the wrong type; `config` may be changed in part by then
Status read_settings(Config& config, std::string_view text, const std::string& path);

// The secret in config.scheduler.secret_file, without the line end; empty when no file is set. Refuses a file that
// others may read.
Result<std::string> read_secret(const Config& config);

}  // namespace windlass
