# Sourced by the other scripts: Debian's packages that are needed, and how the missing ones are installed.
# Nothing is downloaded from anywhere else.

build_packages=(
    g++ cmake ninja-build ccache mold pkg-config
    libcpp-httplib-dev libwslay-dev libcjose-dev libcurl4-openssl-dev libssl-dev libuv1-dev rapidjson-dev libsoci-dev libboost-dev libpq-dev libsqlite3-dev
    libfmt-dev libtomlplusplus-dev libcli11-dev libsodium-dev zlib1g-dev libseccomp-dev libcap-dev
    libsystemd-dev prometheus-cpp-dev libhowardhinnant-date-dev tzdata curl
)
# promtool reads the figures of the daemons as Prometheus would (100 MB installed); without it the tests read them alone.
figures_packages=(prometheus)
# For workers that make thumbnails; others do without.
thumbnail_packages=(libvips-tools)
# A Slurm for the tests of what its jobs report; without it they report themselves as skipped.
slurm_packages=(slurmctld slurmd slurm-client munge)
# For the interactive page at /api/docs/, the judge of the OpenAPI document and the provider of OpenID Connect that the
# tests log in with: some 300 small packages, 20 MB to fetch. A node and npm from elsewhere will do: Debian's would
# replace them, or conflict.
page_packages=()
command -v node >/dev/null || page_packages+=(nodejs)
command -v npm >/dev/null || page_packages+=(npm)
# To look at that page in a browser (80 MB to fetch, 290 MB installed).
browser_packages=()
command -v chromium >/dev/null || browser_packages+=(chromium)
# To import images of OCI on a worker's node (docs/site-images.md); workers run without. busybox is the tests' image.
image_packages=(skopeo umoci busybox-static)
# For workers with worker.network = "full"; others do without.
network_packages=(slirp4netns nftables)
# To judge our own packages (dpkg-dev finds out what they need).
deb_packages=(dpkg-dev lintian shellcheck)
test_packages=(libgtest-dev libgmock-dev postgresql-15 perl libfaketime python3 python3-websockets python3-yaml systemd iproute2 "${deb_packages[@]}" "${network_packages[@]}"
    "${thumbnail_packages[@]}" "${image_packages[@]}" "${slurm_packages[@]}" "${page_packages[@]}" "${browser_packages[@]}")
bench_packages=(wrk bubblewrap)
fuzz_packages=(clang libclang-rt-dev llvm)

say() { printf '\n== %s\n' "$*"; }
fail() {
    printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# install_missing PACKAGE...: asks apt only for what is not there; does not touch the network otherwise.
install_missing() {
    command -v dpkg-query >/dev/null || fail "this script knows Debian's packages only (dpkg-query is missing). Install the counterparts of: $*"
    local package missing=()
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing Debian packages: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing and neither root nor sudo is at hand. Have an administrator run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -q || fail "apt-get update failed. Is there a network, and are the sources in /etc/apt right?"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" ||
        fail "apt-get could not install: ${missing[*]}. This needs Debian 12 or something close to it"
}

# As many compilers as there are cores, and memory for: one of them takes up to a gigabyte.
build_jobs() {
    local cores gigabytes
    cores=$(nproc)
    gigabytes=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
    [ "$gigabytes" -ge 1 ] || gigabytes=1
    echo $((cores < gigabytes ? cores : gigabytes))
}
