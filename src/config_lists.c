/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that may be given again, and stand separated by commas in the environment: peers, DNS
 * names, zones, addresses to listen on. Keeps their texts, as what they say is needed once only;
 * duplicates are sought by parsing all again, which costs no memory. Must not know other options.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "config_state.h"
#include "values.h"

static int read_peer(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;
	struct peer_candidate peer;
	struct peer_candidate other;
	const char *expected = NULL;

	if (peer_parse_static(value, &peer, &expected) < 0)
		return config_refuse(reading, value, expected);
	if (config->peers_static_count == CONFIG_STATIC_PEERS)
		return config_refuse(reading, value, "at most 128 peers; more belong into a file");
	for (uint32_t i = 0; i < config->peers_static_count; i++) {
		if (peer_parse_static(config->peers_static[i], &other, &expected) < 0)
			continue;
		if (address_equal(&peer.address, &other.address))
			return config_refuse(reading, value, "an address that no other peer has");
		/* One of each family is one peer. */
		if (peer.name[0] && strcmp(peer.name, other.name) == 0 &&
		    address_is_ipv4(&peer.address) == address_is_ipv4(&other.address))
			return config_refuse(reading, value,
					     "a name that no other address of its family has");
	}
	config->peers_static[config->peers_static_count++] = value;
	return 0;
}

static int read_dns_name(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;

	if (!value_is_dns_name(value))
		return config_refuse(reading, value, NULL);
	if (config->peers_dns_count == CONFIG_DNS_NAMES)
		return config_refuse(reading, value, "at most 8 names");
	for (uint32_t i = 0; i < config->peers_dns_count; i++) {
		if (strcasecmp(config->peers_dns[i], value) == 0)
			return config_refuse(reading, value, "each name once");
	}
	config->peers_dns[config->peers_dns_count++] = value;
	return 0;
}

static int read_zone(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;
	struct zone_network network;
	struct zone_network other;
	const char *expected = NULL;

	if (zone_network_parse(value, &network, &expected) < 0)
		return config_refuse(reading, value, expected);
	if (config->peers_zone_count == CONFIG_ZONES)
		return config_refuse(reading, value, "at most 64 ranges");
	for (uint32_t i = 0; i < config->peers_zone_count; i++) {
		if (zone_network_parse(config->peers_zones[i], &other, &expected) == 0 &&
		    address_equal(&network.prefix, &other.prefix) && network.length == other.length)
			return config_refuse(reading, value, "a range that no other zone has");
	}
	config->peers_zones[config->peers_zone_count++] = value;
	return 0;
}

/* The same port again would be refused by the kernel; port 0 is another each time. */
static int read_listen_address(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;
	struct config_listen listen = { .port = 0 };

	if (!value_parse_listen_address(value, &listen))
		return config_refuse(reading, value, NULL);
	if (config->web_listen_count == CONFIG_LISTEN_ADDRESSES)
		return config_refuse(reading, value, "at most 4 addresses");
	for (uint32_t i = 0; i < config->web_listen_count; i++) {
		if (listen.port > 0 && listen.port == config->web_listen[i].port &&
		    strcmp(listen.host, config->web_listen[i].host) == 0)
			return config_refuse(reading, value, "each address once");
	}
	config->web_listen[config->web_listen_count++] = listen;
	return 0;
}

typedef int list_read_fn(struct reading *reading, const char *value);

static const struct {
	enum option_kind kind;
	list_read_fn *read;
} lists[CONFIG_LISTS] = {
	{ OPTION_PEERS, read_peer },
	{ OPTION_DNS_NAMES, read_dns_name },
	{ OPTION_ZONES, read_zone },
	{ OPTION_LISTEN_ADDRESS, read_listen_address },
};

/* CONFIG_LISTS: it is none. */
static size_t list_of(const struct option *option)
{
	size_t which = 0;

	while (which < CONFIG_LISTS && lists[which].kind != option->kind)
		which++;
	return which;
}

bool config_list_is(const struct option *option)
{
	return list_of(option) < CONFIG_LISTS;
}

int config_list_read_value(struct reading *reading, const char *value)
{
	return lists[list_of(reading->option)].read(reading, value);
}

void config_lists_default(struct reading *reading)
{
	for (size_t row = 0; row < options_count; row++) {
		const struct option *option = &options[row];

		if (!config_list_is(option) || !option->default_text ||
		    (reading->given & option_bit(option)))
			continue;
		reading->option = option;
		(void)config_list_read_value(reading, option->default_text);
	}
}

int config_list_read_variable(struct reading *reading, char *list)
{
	size_t which = list_of(reading->option);
	int err = 0;

	if (reading->lists[which].text)
		return config_refuse(reading, list, "it only once: it is given twice");
	reading->given |= option_bit(reading->option);
	reading->lists[which].text = list;
	reading->lists[which].length = strlen(list);
	for (char *value = list; value && !err;) {
		char *next = strchr(value, ',');

		if (next)
			*next++ = '\0';
		err = config_list_read_value(reading, value);
		value = next;
	}
	return err;
}

void config_lists_restore(const struct reading *reading)
{
	for (size_t which = 0; which < CONFIG_LISTS; which++) {
		for (size_t i = 0; i < reading->lists[which].length; i++) {
			if (reading->lists[which].text[i] == '\0')
				reading->lists[which].text[i] = ',';
		}
	}
}
