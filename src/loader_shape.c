/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the maps are for a configuration. Must not know who fills them.
 */
#include <stdint.h>

#include "addresses.h"
#include "config.h"
#include "loader.h"
#include "samples.h"

/* 1170 records, more than a second of replies at the default --probe.max. */
#define RING_BYTES (64u * 1024)
/* Sessions that are reflected at once: each who watches us has one for each flow. They are about as
 * many as we watch, which the mesh sees to; at half the load few take each other's places, whose
 * losses then have no direction. Beyond that the longest unused gives way. */
#define SESSIONS_MIN 1024u  /* 16 KiB: who watches us may be more, where we watch but a few */
#define SESSIONS_MAX 65536u /* 1 MiB */

static uint32_t loader_sessions(const struct config *config)
{
	uint32_t sessions = 2 * config->probe_max * config->probe_flows;

	if (config->reflector != CONFIG_REFLECTOR_TRUE)
		return 1;
	if (sessions < SESSIONS_MIN)
		return SESSIONS_MIN;
	return sessions > SESSIONS_MAX ? SESSIONS_MAX : sessions;
}

struct kernel_shape loader_shape(const struct config *config, uint32_t hash_seed)
{
	uint32_t flows = config->probe_flows;
	uint32_t window = samples_window(config->probe_timeout_ns, config->probe_interval_ns,
					 flows);

	return (struct kernel_shape){
		.slots = config->probe_max,
		.flows = flows,
		.window = window,
		.echo_window = samples_echo_window(window, flows),
		.address_capacity = addresses_capacity(config->peers_max + config->probe_max +
						       ADDRESSES_OWN_MAX),
		.session_capacity = loader_sessions(config),
		.hash_seed = hash_seed,
		.ring_bytes = RING_BYTES,
	};
}
