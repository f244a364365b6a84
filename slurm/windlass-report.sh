# shellcheck shell=sh
# Tells Windlass that a job of Slurm starts or has stopped. Read by windlass-prolog and windlass-epilog, which slurmctld
# runs with the job in its environment (slurm.conf(5), "PROLOG AND EPILOG SCRIPTS").
#
# Never in the way of a job: bounded time (ten seconds at worst), and an exit code of 0 whatever happens. What did not
# work is in the system log under "windlass-slurm". The token is read from a file that nobody else may read, and reaches
# curl through a pipe: it is in no command line and in no environment.
set -u
# Slurm runs this with next to no environment.
PATH=/usr/local/bin:/usr/bin:/bin
export PATH

say() {
    logger -t windlass-slurm -- "job ${SLURM_JOB_ID:-?}: $*" 2>/dev/null || :
}

# windlass.conf beside the scripts, else /etc/slurm/windlass.conf.
# shellcheck disable=SC2154 # directory: where the scripts lie; they set it
config_file() {
    if [ -r "$directory/windlass.conf" ]; then
        echo "$directory/windlass.conf"
    else
        echo /etc/slurm/windlass.conf
    fi
}

# setting NAME: the value of the line "NAME = value".
setting() {
    sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$config" | sed -n '1s/[[:space:]]*$//p'
}

# False, with a line in the log: there is nothing to go by.
read_settings() {
    config=$(config_file)
    if [ ! -r "$config" ]; then
        say "$config cannot be read: nothing is reported"
        return 1
    fi
    if [ -n "$(find "$config" \( -perm -g=r -o -perm -o=r \) -print 2>/dev/null)" ]; then
        say "$config can be read by others, and holds a token: chmod 600 it; nothing is reported"
        return 1
    fi
    url=$(setting url)
    token=$(setting token)
    ca_file=$(setting ca_file)
    ttl=$(setting ttl)
    details=$(setting details)
    slurm_conf=$(setting slurm_conf)
    if [ -z "$url" ] || [ -z "$token" ]; then
        say "$config lacks url or token: nothing is reported"
        return 1
    fi
    case $ttl in '' | *[!0-9]*) ttl=0 ;; esac
    # Both go into a file of curl's own format.
    case $url$token$ca_file in
    *[\"\\]*)
        say "$config: url, token and ca_file must not hold quotes and backslashes; nothing is reported"
        return 1
        ;;
    esac
}

# Text as the inside of a JSON string: valid UTF-8, without control characters.
json_text() {
    printf '%s' "$1" | iconv -c -f UTF-8 -t UTF-8 2>/dev/null | LC_ALL=C tr '\001-\037\177' ' ' |
        LC_ALL=C sed 's/[\\"]/\\&/g'
}

# A number, or 0.
number() {
    case ${1:-} in
    '' | *[!0-9]*) echo 0 ;;
    *) echo "$1" ;;
    esac
}

# request METHOD PATH, body on standard input: the status of the answer; 000 when none came.
request() {
    # --retry: what is safe to send twice, both calls are; within --retry-max-time.
    curl --config /dev/fd/3 --silent --request "$1" --data-binary @- --header 'Content-Type: application/json' \
        --output /dev/null --write-out '%{http_code}' --connect-timeout 2 --max-time 3 \
        --retry 1 --retry-delay 1 --retry-connrefused "${url%/}$2" 3<<CURL 2>/dev/null
header = "Authorization: Bearer $token"
${ca_file:+cacert = "$ca_file"}
CURL
}

# What slurmctld knows beyond what it tells its scripts, as "JobId=7 … NumTasks=4 …"; nothing if that is not wanted.
job_details() {
    [ "$details" != no ] || return 0
    (
        [ -z "$slurm_conf" ] || export SLURM_CONF="$slurm_conf"
        # Of an array that would be all its tasks.
        timeout 2 scontrol -o show job "$SLURM_JOB_ID" 2>/dev/null | sed -n "/^JobId=$SLURM_JOB_ID /p"
    ) || :
}

# detail NAME PATTERN: the part of the value of NAME that the pattern's group catches.
detail() {
    printf '%s\n' "$known" | sed -n "s/.* $1=$2 .*/\\1/p"
}

# Slurm writes "(null)" for what is not set.
text() {
    [ "$1" = '(null)' ] || json_text "$1"
}

# start_json SECONDS
start_json() {
    known=$(job_details)
    cat <<JSON
{"Id": $(number "${SLURM_JOB_ID:-}"),
 "UserId": $(number "${SLURM_JOB_UID:-}"), "UserName": "$(json_text "${SLURM_JOB_USER:-}")",
 "GroupId": $(number "${SLURM_JOB_GID:-}"), "GroupName": "$(text "${SLURM_JOB_GROUP:-}")",
 "ClusterId": "$(json_text "${SLURM_CLUSTER_NAME:-}")",
 "NumNodes": $(number "${SLURM_JOB_NUM_NODES:-}"), "NumTasks": $(number "$(detail NumTasks '\([0-9]*\)')"),
 "TasksPerNode": $(number "$(detail NtasksPerN:B:S:C '\([0-9]*\):[^ ]*')"),
 "GPUsPerNode": $(number "$(detail TresPerNode '[^ ]*gpu[^ ]*:\([0-9]*\)')"),
 "NodeList": "$(text "${SLURM_JOB_NODELIST:-}")", "StartTime": $1,
 "JobName": "$(text "${SLURM_JOB_NAME:-}")", "Account": "$(text "${SLURM_JOB_ACCOUNT:-}")",
 "Partition": "$(text "${SLURM_JOB_PARTITION:-}")", "TTL": $ttl}
JSON
}

# As a shell tells how a program ended: its exit code, or 128 and the signal. $1: as Slurm writes it, CODE:SIGNAL.
exit_code() {
    code=$(number "${1%%:*}")
    signal=$(number "${1##*:}")
    if [ "$signal" -ne 0 ]; then
        echo $((128 + signal))
    else
        echo "$code"
    fi
}

# Of a job that was cancelled slurmctld knows how it ended only when its processes are gone, which is after its epilog was
# called; until then nothing tells it from one that succeeded. Nor is it over while its epilog runs.
how_it_ended_is_known() {
    [ "${SLURM_JOB_EXIT_CODE2:-0:0}" != 0:0 ] || [ "$details" = no ]
}

# Waits until slurmctld knows, ten minutes at most, and says it as CODE:SIGNAL. Looks more and more seldom. False: it runs
# anew under the same number, and its prolog has told what was to be told.
ended_later() {
    waited=0
    pause=1
    while [ "$waited" -lt 600 ]; do
        sleep "$pause"
        [ "$waited" -eq 0 ] || [ "$pause" -ge 16 ] || pause=$((pause * 2))
        waited=$((waited + pause))
        known=$(job_details)
        ended=$(detail ExitCode '\([0-9]*:[0-9]*\)')
        case $(detail JobState '\([A-Z_]*\)') in
        COMPLETING | '') ;; # or slurmctld is away
        RUNNING | SUSPENDED | CONFIGURING) return 1 ;;
        # A signal that Slurm did not keep, or before the job had a process.
        CANCELLED)
            [ "${ended:-0:0}" != 0:0 ] || ended=0:15
            echo "$ended"
            return
            ;;
        # Requeued: it waits for two minutes at least (slurm.conf(5), cred_expire).
        PENDING | REQUEUE*) break ;;
        *)
            echo "${ended:-0:0}"
            return
            ;;
        esac
    done
    echo 0:0
}

stop_json() {
    printf '{"ExitCode": %s, "StopTime": %s, "ClusterId": "%s"}' "$1" "$2" "$(json_text "${SLURM_CLUSTER_NAME:-}")"
}

# start_job SECONDS
start_job() {
    status=$(start_json "$1" | request PUT /api/job_start)
    if [ "$status" = 409 ]; then
        # It was requeued, and its epilog never came through.
        stop_json 1 "$1" | request PATCH "/api/job_stop/$SLURM_JOB_ID" >/dev/null
        status=$(start_json "$1" | request PUT /api/job_start)
    fi
    [ "$status" = 200 ] || say "its start was not taken: HTTP status $status"
}

# stop_job SECONDS CODE:SIGNAL
stop_job() {
    code=$(exit_code "$2")
    status=$(stop_json "$code" "$1" | request PATCH "/api/job_stop/$SLURM_JOB_ID")
    if [ "$status" = 404 ]; then
        # Its prolog never came through. When it began only the details tell.
        began=$(known=$(job_details) && detail StartTime '\([0-9T:-]*\)')
        start_job "$(date -d "${began:-@$1}" +%s 2>/dev/null || echo "$1")"
        status=$(stop_json "$code" "$1" | request PATCH "/api/job_stop/$SLURM_JOB_ID")
    fi
    [ "$status" = 200 ] || say "its end was not taken: HTTP status $status"
}
