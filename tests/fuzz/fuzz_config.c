/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags and environment as somebody may write them: config_read(). Whatever is accepted is within
 * the table's bounds, and written as flags it is read as the same; whatever is refused is told in
 * one line and leaves all as it was.
 */
#include <errno.h>

#include "config.h"
#include "fuzz.h"
#include "options.h"
#include "values.h"

#define TEXTS	  64
#define CANONICAL 400 /* flags that say the same */

struct texts {
	char *at[CANONICAL + 1];
	int count;
};

static void texts_free(struct texts *texts)
{
	for (int i = 0; i < texts->count; i++)
		free(texts->at[i]);
}

static void texts_add(struct texts *texts, const char *name, const char *value)
{
	char *flag = malloc(strlen(name) + strlen(value) + 4);

	require(texts->count < CANONICAL);
	sprintf(flag, "--%s=%s", name, value);
	texts->at[texts->count++] = flag;
	texts->at[texts->count] = NULL;
}

static void check_bounds(const struct config *config, const struct option *option)
{
	const char *field = (const char *)config + option->offset;
	unsigned int choices = 0;
	int64_t value = 0;

	if (option->kind == OPTION_NUMBER) {
		value = *(const uint32_t *)(const void *)field;
	} else if (option->kind == OPTION_DURATION) {
		value = *(const int64_t *)(const void *)field;
	} else if (option->kind == OPTION_CHOICE) {
		while (option->choices[choices])
			choices++;
		require(*(const unsigned int *)(const void *)field < choices);
		return;
	} else {
		return;
	}
	require(value >= option->minimum && value <= option->maximum);
}

/* Wanted at most, so by default it may be more than --probe.max: said, it would be refused. */
static bool is_beyond_probe_max(const struct option *option, uint32_t value,
				const struct config *config)
{
	if ((strcmp(option->name, "mesh.full-below") != 0 &&
	     strcmp(option->name, "mesh.degree") != 0) ||
	    value <= config->probe_max)
		return false;
	require(value == strtoul(option->default_text, NULL, 10));
	return true;
}

static void add_scalar(struct texts *flags, const struct config *config,
		       const struct option *option)
{
	const char *field = (const char *)config + option->offset;
	char text[64];

	if (option->kind == OPTION_NUMBER &&
	    is_beyond_probe_max(option, *(const uint32_t *)(const void *)field, config))
		return;
	if (option->kind == OPTION_NUMBER)
		snprintf(text, sizeof(text), "%u", *(const uint32_t *)(const void *)field);
	else if (option->kind == OPTION_DURATION)
		snprintf(text, sizeof(text), "%lldns",
			 (long long)*(const int64_t *)(const void *)field);
	else if (option->kind == OPTION_CHOICE)
		snprintf(text, sizeof(text), "%s",
			 option->choices[*(const unsigned int *)(const void *)field]);
	else if (option->kind == OPTION_PER_PEER && config->metrics_per_peer == UINT32_MAX)
		snprintf(text, sizeof(text), "all");
	else if (option->kind == OPTION_PER_PEER)
		snprintf(text, sizeof(text), config->metrics_per_peer ? "worst:%u" : "none",
			 config->metrics_per_peer);
	else if ((option->kind == OPTION_NAME || option->kind == OPTION_PATH) && *field)
		return texts_add(flags, option->name, field);
	else
		return;
	texts_add(flags, option->name, text);
}

static void add_lists(struct texts *flags, const struct config *config)
{
	char interfaces[CONFIG_INTERFACES * 17] = "";

	for (uint32_t i = 0; i < config->peers_static_count; i++)
		texts_add(flags, "peers.static", config->peers_static[i]);
	for (uint32_t i = 0; i < config->peers_dns_count; i++)
		texts_add(flags, "peers.dns", config->peers_dns[i]);
	for (uint32_t i = 0; i < config->peers_zone_count; i++)
		texts_add(flags, "peers.zone", config->peers_zones[i]);
	for (uint32_t i = 0; i < config->web_listen_count; i++)
		texts_add(flags, "web.listen-address", config->web_listen[i].text);
	for (uint32_t i = 0; i < config->bpf_interfaces_count; i++) {
		strcat(interfaces, i ? "," : "");
		strcat(interfaces, config->bpf_interfaces[i]);
	}
	if (interfaces[0])
		texts_add(flags, "bpf.interfaces", interfaces);
}

static void check_lists_equal(const struct config *a, const struct config *b)
{
	require(a->peers_static_count == b->peers_static_count);
	for (uint32_t i = 0; i < a->peers_static_count; i++)
		require(strcmp(a->peers_static[i], b->peers_static[i]) == 0);
	require(a->peers_dns_count == b->peers_dns_count);
	for (uint32_t i = 0; i < a->peers_dns_count; i++)
		require(strcmp(a->peers_dns[i], b->peers_dns[i]) == 0);
	require(a->peers_zone_count == b->peers_zone_count);
	for (uint32_t i = 0; i < a->peers_zone_count; i++)
		require(strcmp(a->peers_zones[i], b->peers_zones[i]) == 0);
}

/* Written as flags and read again. The texts of lists are compared by themselves. */
static void check_round_trip(const struct config *config)
{
	static const size_t pointers[][2] = {
		{ offsetof(struct config, peers_static), sizeof(config->peers_static) },
		{ offsetof(struct config, peers_dns), sizeof(config->peers_dns) },
		{ offsetof(struct config, peers_zones), sizeof(config->peers_zones) },
	};
	static struct config a, b;
	char error[CONFIG_ERROR_CAPACITY];
	struct texts flags = { .count = 0 };

	for (size_t row = 0; row < options_count; row++) {
		check_bounds(config, &options[row]);
		add_scalar(&flags, config, &options[row]);
	}
	add_lists(&flags, config);
	memset(&b, 0, sizeof(b));
	require(config_read(flags.count, flags.at, NULL, &b, error) == 0);
	check_lists_equal(config, &b);
	a = *config;
	a.check_config = false;
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
		memset((char *)&a + pointers[i][0], 0, pointers[i][1]);
		memset((char *)&b + pointers[i][0], 0, pointers[i][1]);
	}
	/* Behind the end of a text stands what was there before. */
	for (uint32_t i = 0; i < a.web_listen_count; i++)
		require(a.web_listen[i].port == b.web_listen[i].port &&
			strcmp(a.web_listen[i].host, b.web_listen[i].host) == 0);
	memset(a.web_listen, 0, sizeof(a.web_listen));
	memset(b.web_listen, 0, sizeof(b.web_listen));
	require(memcmp(&a, &b, sizeof(a)) == 0);
	texts_free(&flags);
}

static void take_texts(struct input *input, struct texts *texts)
{
	while (texts->count < TEXTS && input->length > 0) {
		char *text = input_text(input, '\n');

		texts->at[texts->count++] = text;
		if (!*text)
			break;
	}
	/* An empty text ends the flags, and is none. */
	if (texts->count > 0 && !*texts->at[texts->count - 1])
		free(texts->at[--texts->count]);
	texts->at[texts->count] = NULL;
}

static void fuzz_all(struct input input)
{
	static struct config config, before;
	struct texts flags = { .count = 0 }, environment = { .count = 0 };
	char error[CONFIG_ERROR_CAPACITY] = "", *copies[TEXTS];
	int result;

	take_texts(&input, &flags);
	take_texts(&input, &environment);
	for (int i = 0; i < environment.count; i++)
		copies[i] = strdup(environment.at[i]);
	memset(&config, 0x5a, sizeof(config));
	before = config;
	result = config_read(flags.count, flags.at, environment.at, &config, error);
	require(result == 0 || result == -EINVAL);
	if (result < 0) {
		require(memcmp(&config, &before, sizeof(config)) == 0);
		require(is_one_line(error, sizeof(error)));
		for (int i = 0; i < environment.count; i++)
			require(strcmp(environment.at[i], copies[i]) == 0);
	} else if (!config.help && !config.version) {
		check_round_trip(&config);
	}
	for (int i = 0; i < environment.count; i++)
		free(copies[i]);
	texts_free(&flags);
	texts_free(&environment);
}

/* The bounds themselves are within, what is beside them is not. */
static void check_edges(const struct option *option)
{
	const int64_t edges[] = { option->minimum, option->maximum, option->minimum - 1,
				  option->maximum + 1 };
	static struct config config;
	char text[32];

	if (option->kind != OPTION_NUMBER && option->kind != OPTION_DURATION)
		return;
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%lld%s", (long long)edges[i],
			 option->kind == OPTION_DURATION ? "ns" : "");
		require(value_read(option, text, &config) == (i < 2));
	}
}

/* One value of each kind of option by itself. */
static void fuzz_value(struct input input)
{
	static struct config config, before;
	const struct option *option = &options[input_octet(&input) % options_count];
	char *value = input_text(&input, '\n');
	struct config_listen listen;
	int64_t duration_ns = -1;

	check_edges(option);
	memset(&config, 0, sizeof(config));
	before = config;
	if (option->kind != OPTION_SWITCH && option->kind != OPTION_PEERS &&
	    option->kind != OPTION_DNS_NAMES && option->kind != OPTION_ZONES &&
	    option->kind != OPTION_LISTEN_ADDRESS) {
		if (value_read(option, value, &config))
			check_bounds(&config, option);
		else
			require(memcmp(&config, &before, sizeof(config)) == 0);
	}
	require(config_parse_duration(value, &duration_ns) == -EINVAL ? duration_ns == -1
								      : duration_ns >= 0);
	if (value_parse_listen_address(value, &listen))
		require(strlen(listen.host) < sizeof(listen.host) && !strcmp(listen.text, value));
	if (value_is_dns_name(value))
		require(*value && *value != '.' && !strstr(value, "..") && strlen(value) <= 254);
	free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };

	fuzz_value(input);
	fuzz_all(input);
	return 0;
}
