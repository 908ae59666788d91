# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# More spinning threads than processors: how long a turn lasts decides.
# shellcheck source=redis.sh
. "$here/programs/redis.sh"
title="redis-server, io-threads 4"
threads="the same; of 4,000 requests (40,000 take 4 s bare and over 60 s shimmed: the client gives up)"
io_threads=4 requests=4000
