#!/bin/sh
# A job for every night, made once; and its run of today, now, to see that it works.
#
#     docs/examples/nightly.sh
set -eu

# half past four in Berlin, also when the clocks change; a night that nobody was there for is run once, later
schedule=$(windlass --quiet schedule create --schedule-name nightly --cron '30 4 * * *' --time-zone Europe/Berlin --missed once -- \
    'date > out/when; echo "tidied"')
job=$(windlass --quiet schedule run "$schedule")
windlass job wait "$job"
windlass result "$job"
windlass schedule list
