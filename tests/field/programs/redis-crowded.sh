# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# More spinning threads than processors: how long a turn lasts decides.
# shellcheck source=redis.sh
. "$here/programs/redis.sh"
title="redis-server, io-threads 4"
threads="the same, more than processors; of 4,000 requests"
io_threads=4 requests=4000
