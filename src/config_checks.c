/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single option can tell: whether they go together. Must not know how they are read.
 */
#include <errno.h>
#include <string.h>

#include "options.h"
#include "samples.h"
#include "stamp.h"

#define PROBES_IN_FLIGHT_MAX (1024 * 1024) /* entries of kc_flights: 16 MiB */

/* Memory is reserved for every probe that may be in flight. */
static int check_probes_in_flight(const struct config *config, struct text *text)
{
	uint64_t window = samples_window(config->probe_timeout_ns, config->probe_interval_ns,
					 config->probe_flows);

	if (window * config->probe_flows * config->probe_max <= PROBES_IN_FLIGHT_MAX)
		return 0;
	text_append(text, "--probe.max, --probe.flows and --probe.timeout: got ");
	text_append_uint(text, config->probe_max);
	text_append(text, " peers with ");
	text_append_uint(text, config->probe_flows);
	text_append(text, " flows of up to ");
	text_append_uint(text, window);
	text_append(text, " probes in flight each (--probe.timeout over --probe.interval), "
			  "expected at most ");
	text_append_uint(text, PROBES_IN_FLIGHT_MAX);
	text_append(text, " in all");
	return -EINVAL;
}

/* A STAMP probe is padded by a TLV, whose header is the least that it can be. */
static int check_probe_size(const struct config *config, struct text *text)
{
	if (config->probe_protocol != CONFIG_PROTOCOL_STAMP || config->probe_size == STAMP_BYTES ||
	    config->probe_size >= STAMP_BYTES + sizeof(struct stamp_tlv))
		return 0;
	text_append(text, "--probe.size: got \"");
	text_append_uint(text, config->probe_size);
	text_append(text, "\", expected 44, or 48 and more, with --probe.protocol=stamp: padding "
			  "is a TLV of at least 4 octets");
	return -EINVAL;
}

static int check_purpose(const struct config *config, struct text *text)
{
	if (config->mesh_degree != CONFIG_DEGREE_NONE ||
	    config->reflector != CONFIG_REFLECTOR_FALSE)
		return 0;
	text_append(text, "--mesh.degree=0 and --reflector=false: got both, expected one at most: "
			  "nothing would be left to do");
	return -EINVAL;
}

int config_check(const struct config *config, char ret_error[static CONFIG_ERROR_CAPACITY])
{
	static int (*const checks[])(const struct config *config, struct text *text) = {
		check_probe_size,
		check_purpose,
		check_probes_in_flight,
	};
	struct text text = text_over(ret_error, CONFIG_ERROR_CAPACITY - 1);
	int err = 0;

	memset(ret_error, 0, CONFIG_ERROR_CAPACITY);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !err; i++)
		err = checks[i](config, &text);
	return err;
}
