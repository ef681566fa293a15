/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single option can tell: whether they go together. Must not know how they are read.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "address.h"
#include "config_state.h"
#include "samples.h"
#include "stamp.h"

#define PROBES_IN_FLIGHT_MAX (1024 * 1024) /* entries of kc_flights: 16 MiB */

/* What is refused is refused in the words of who gave it: a flag or a variable. */
static void speak_for(struct reading *reading, const char *name)
{
	const struct option *option = option_find(name, strlen(name), false);

	assert(option);
	reading->option = option;
	reading->variable = !(reading->given_by_flags & option_bit(option));
}

static int refuse_number(const struct reading *reading, uint32_t number, const char *expected)
{
	char got[16] = "";
	struct text text = text_over(got, sizeof(got) - 1);

	text_append_uint(&text, number);
	return config_refuse(reading, got, expected);
}

/* Memory is reserved for every probe that may be in flight. */
static int check_probes_in_flight(struct reading *reading)
{
	const struct config *config = &reading->config;
	struct text text;
	uint64_t window = samples_window(config->probe_timeout_ns, config->probe_interval_ns,
					 config->probe_flows);

	if (window * config->probe_flows * config->probe_max <= PROBES_IN_FLIGHT_MAX)
		return 0;
	text = config_error_line(reading);
	text_append(&text, "--probe.max, --probe.flows and --probe.timeout: got ");
	text_append_uint(&text, config->probe_max);
	text_append(&text, " peers with ");
	text_append_uint(&text, config->probe_flows);
	text_append(&text, " flows of up to ");
	text_append_uint(&text, window);
	text_append(&text, " probes in flight each (--probe.timeout over --probe.interval), "
			   "expected at most ");
	text_append_uint(&text, PROBES_IN_FLIGHT_MAX);
	text_append(&text, " in all");
	return -EINVAL;
}

/* A STAMP probe is padded by a TLV, whose header is the least that it can be. */
static int check_probe_size(struct reading *reading)
{
	const struct config *config = &reading->config;

	if (config->probe_protocol != CONFIG_PROTOCOL_STAMP || config->probe_size == STAMP_BYTES ||
	    config->probe_size >= STAMP_BYTES + sizeof(struct stamp_tlv))
		return 0;
	speak_for(reading, "probe.size");
	return refuse_number(reading, config->probe_size,
			     "44, or 48 and more, with --probe.protocol=stamp: padding is a TLV of "
			     "at least 4 octets");
}

/* Whoever names a peer wants it probed. */
static int check_families(struct reading *reading)
{
	const struct config *config = &reading->config;
	bool ipv4 = config->peers_family == CONFIG_FAMILY_IPV4;
	struct peer_candidate peer;
	const char *expected = NULL;

	if (!ipv4 && config->peers_family != CONFIG_FAMILY_IPV6)
		return 0;
	speak_for(reading, "peers.static");
	for (uint32_t i = 0; i < config->peers_static_count; i++) {
		if (peer_parse_static(config->peers_static[i], &peer, &expected) < 0 ||
		    address_is_ipv4(&peer.address) == ipv4)
			continue;
		return config_refuse(reading, config->peers_static[i],
				     ipv4 ? "an IPv4 address, with --peers.family=ipv4"
					  : "an IPv6 address, with --peers.family=ipv6");
	}
	return 0;
}

/* Whoever asks for so many peers wants them probed; defaults are only what is at most wanted. */
static int check_beside_probe_max(struct reading *reading, const char *name, uint32_t value)
{
	char expected[64] = "";
	struct text text = text_over(expected, sizeof(expected) - 1);

	speak_for(reading, name);
	if (!(reading->given & option_bit(reading->option)) || value <= reading->config.probe_max)
		return 0;
	text_append(&text, "at most ");
	text_append_uint(&text, reading->config.probe_max);
	text_append(&text, ", which is --probe.max");
	return refuse_number(reading, value, expected);
}

static int check_mesh(struct reading *reading)
{
	const struct config *config = &reading->config;
	int err = check_beside_probe_max(reading, "mesh.full-below", config->mesh_full_below);

	return err ? err : check_beside_probe_max(reading, "mesh.degree", config->mesh_degree);
}

static int check_purpose(struct reading *reading)
{
	struct text text;

	if (reading->config.mesh_degree > 0 || reading->config.reflector == CONFIG_REFLECTOR_TRUE)
		return 0;
	text = config_error_line(reading);
	text_append(&text, "--mesh.degree=0 and --reflector=false: got both, expected one at most: "
			   "nothing would be left to do");
	return -EINVAL;
}

bool config_bpf_options(const struct config *config, char names[static CONFIG_BPF_OPTIONS_CAPACITY])
{
	const struct {
		const char *name;
		bool given;
	} all[] = {
		{ "--bpf.hook", config->bpf_hook != CONFIG_HOOK_AUTO },
		{ "--bpf.interfaces", config->bpf_interfaces_count > 0 },
		{ "--bpf.pin-path", config->bpf_pin_path[0] != '\0' },
	};
	struct text text = text_over(names, CONFIG_BPF_OPTIONS_CAPACITY - 1);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].given)
			continue;
		text_append(&text, text.length > 0 ? ", " : "");
		text_append(&text, all[i].name);
	}
	names[text.length] = '\0';
	return text.length > 0;
}

/* Of sockets only those of UDP stamp without a capability. */
static int check_timestamps(struct reading *reading)
{
	char names[CONFIG_BPF_OPTIONS_CAPACITY];
	struct text text;

	if (reading->config.timestamps != CONFIG_TIMESTAMPS_SOCKET)
		return 0;
	if (config_bpf_options(&reading->config, names)) {
		text = config_error_line(reading);
		text_append(&text, "--timestamps=socket: got ");
		text_append(&text, names);
		text_append(&text, " beside it, expected none of --bpf.hook, --bpf.interfaces and "
				   "--bpf.pin-path: no program is loaded that they could be for");
		return -EINVAL;
	}
	if (reading->config.probe_protocol != CONFIG_PROTOCOL_ICMP)
		return 0;
	speak_for(reading, "probe.protocol");
	return config_refuse(reading, "icmp",
			     "stamp, with --timestamps=socket: without BPF only STAMP is measured");
}

/* Empty and [::] are those of both families. */
static bool listens_collide(const struct config_listen *one, const struct config_listen *other)
{
	static const struct address everywhere;
	static const struct address everywhere_ipv4 = { .octets = { [10] = 0xff, [11] = 0xff } };
	struct address a = everywhere, b = everywhere;

	if (one->port != other->port || one->port == 0)
		return false;
	if ((one->host[0] != '\0' && address_parse(one->host, &a)) ||
	    (other->host[0] != '\0' && address_parse(other->host, &b)))
		return false;
	if (address_equal(&a, &b) || address_equal(&a, &everywhere) ||
	    address_equal(&b, &everywhere))
		return true;
	return address_is_ipv4(&a) && address_is_ipv4(&b) &&
	       (address_equal(&a, &everywhere_ipv4) || address_equal(&b, &everywhere_ipv4));
}

/* The kernel gives a port of an address to one socket. */
static int check_listens(struct reading *reading)
{
	const struct config *config = &reading->config;
	struct text text;

	for (uint32_t i = 0; i < config->web_listen_count; i++) {
		for (uint32_t earlier = 0; earlier < i; earlier++) {
			if (!listens_collide(&config->web_listen[earlier], &config->web_listen[i]))
				continue;
			text = config_error_line(reading);
			text_append(&text, "--web.listen-address: got ");
			text_append(&text, config->web_listen[earlier].text);
			text_append(&text, " and ");
			text_append(&text, config->web_listen[i].text);
			text_append(&text, ", expected addresses none of which has another one's "
					   "among its own, or other ports");
			return -EINVAL;
		}
	}
	return 0;
}

int config_check(struct reading *reading)
{
	static int (*const checks[])(struct reading * reading) = {
		check_probe_size,	check_families,	  check_mesh,	 check_purpose,
		check_probes_in_flight, check_timestamps, check_listens,
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !err; i++)
		err = checks[i](reading);
	return err;
}
