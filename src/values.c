/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the text of one value into its field, by the kind that the table says. Must not know which
 * options there are, where a text comes from or how a refusal is worded.
 */
#include "values.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "instant.h"

int config_parse_duration(const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		/* "ms" before "m", and each at most once, from the largest down. */
		{ "h", 3600 * NS_PER_SECOND }, { "ms", NS_PER_MS }, { "m", 60 * NS_PER_SECOND },
		{ "s", NS_PER_SECOND },	       { "us", NS_PER_US }, { "ns", 1 },
	};
	const size_t count = sizeof(units) / sizeof(units[0]);
	int64_t last_ns = INT64_MAX;
	int64_t total_ns = 0;

	do {
		int64_t value = 0;
		int64_t part_ns;
		size_t unit = 0;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++) {
			if (__builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, *text - '0', &value))
				return -EINVAL;
		}
		while (unit < count &&
		       strncmp(text, units[unit].name, strlen(units[unit].name)) != 0)
			unit++;
		if (unit == count || units[unit].ns >= last_ns ||
		    __builtin_mul_overflow(value, units[unit].ns, &part_ns) ||
		    __builtin_add_overflow(total_ns, part_ns, &total_ns))
			return -EINVAL;
		last_ns = units[unit].ns;
		text += strlen(units[unit].name);
	} while (*text);
	*ret_ns = total_ns;
	return 0;
}

/* Decimal digits and nothing else, at most `maximum`. */
static bool parse_number(const char *text, int64_t maximum, int64_t *ret)
{
	int64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (*text - '0');
		if (value > maximum)
			return false;
	}
	*ret = value;
	return true;
}

static bool read_duration(struct config *config, const struct option *option, const char *value)
{
	int64_t *field = (void *)((char *)config + option->offset);
	int64_t duration_ns;

	if (config_parse_duration(value, &duration_ns) || duration_ns < option->minimum ||
	    duration_ns > option->maximum)
		return false;
	*field = duration_ns;
	return true;
}

static bool read_number(struct config *config, const struct option *option, const char *value)
{
	uint32_t *field = (void *)((char *)config + option->offset);
	int64_t number;

	if (!parse_number(value, option->maximum, &number) || number < option->minimum)
		return false;
	*field = (uint32_t)number;
	return true;
}

static bool read_choice(struct config *config, const struct option *option, const char *value)
{
	unsigned int *field = (void *)((char *)config + option->offset);

	for (unsigned int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], value) == 0) {
			*field = i;
			return true;
		}
	}
	return false;
}

static bool read_name(struct config *config, const struct option *option, const char *value)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t length = strlen(value);

	if ((int64_t)length < option->minimum || (int64_t)length > option->maximum ||
	    strspn(value, allowed) != length)
		return false;
	memcpy((char *)config + option->offset, value, length + 1);
	return true;
}

static bool read_path(struct config *config, const struct option *option, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 || length >= CONFIG_TEXT_CAPACITY)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return false;
	}
	memcpy((char *)config + option->offset, value, length + 1);
	return true;
}

bool value_parse_listen_address(const char *value, struct config_listen *ret)
{
	const char *colon = strrchr(value, ':');
	const char *host = value;
	char copy[sizeof(ret->host)] = "";
	struct address address;
	size_t host_length;
	int64_t port;

	if (!colon || strlen(value) >= sizeof(ret->text) ||
	    !parse_number(colon + 1, UINT16_MAX, &port))
		return false;
	host_length = (size_t)(colon - value);
	if (host_length > 0) {
		bool bracketed = host_length > 2 && value[0] == '[' && colon[-1] == ']';

		host += bracketed;
		host_length -= bracketed ? 2 : 0;
		if (host_length >= sizeof(copy))
			return false;
		memcpy(copy, host, host_length);
		/* An IPv6 address needs its brackets, an IPv4 address must not have any. */
		if (address_parse(copy, &address) || bracketed != (strchr(copy, ':') != NULL))
			return false;
	}
	memcpy(ret->text, value, strlen(value) + 1);
	memcpy(ret->host, copy, sizeof(copy));
	ret->port = (uint16_t)port;
	return true;
}

static bool read_per_peer(struct config *config, const struct option *option, const char *value)
{
	static const char worst[] = "worst:";
	int64_t number;

	if (strcmp(value, "all") == 0) {
		config->metrics_per_peer = UINT32_MAX;
		return true;
	}
	if (strcmp(value, "none") == 0) {
		config->metrics_per_peer = 0;
		return true;
	}
	if (strncmp(value, worst, strlen(worst)) != 0 ||
	    !parse_number(value + strlen(worst), option->maximum, &number) ||
	    number < option->minimum)
		return false;
	config->metrics_per_peer = (uint32_t)number;
	return true;
}

/* As dev_valid_name() of the kernel has it, and nothing that would spoil a line of text. */
static bool interface_name_valid(const char *name, size_t length)
{
	if (length == 0 || length >= sizeof(((struct config *)NULL)->bpf_interfaces[0]))
		return false;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
			return false;
	}
	return length != 4 || memcmp(name, "auto", 4) != 0;
}

static bool read_interfaces(struct config *config, const struct option *option, const char *value)
{
	char names[CONFIG_INTERFACES][sizeof(config->bpf_interfaces[0])] = { 0 };
	uint32_t count = 0;

	(void)option;
	if (strcmp(value, "auto") == 0)
		return true;
	for (const char *name = value;; name++) {
		size_t length = strcspn(name, ",");

		if (count == CONFIG_INTERFACES || !interface_name_valid(name, length))
			return false;
		memcpy(names[count], name, length);
		for (uint32_t i = 0; i < count; i++) {
			if (strcmp(names[i], names[count]) == 0)
				return false;
		}
		count++;
		name += length;
		if (*name == '\0')
			break;
	}
	memcpy(config->bpf_interfaces, names, sizeof(names));
	config->bpf_interfaces_count = count;
	return true;
}

bool value_read(const struct option *option, const char *value, struct config *config)
{
	static bool (*const readers[])(struct config * config, const struct option *option,
				       const char *value) = {
		[OPTION_DURATION] = read_duration, [OPTION_NUMBER] = read_number,
		[OPTION_CHOICE] = read_choice,	   [OPTION_NAME] = read_name,
		[OPTION_PATH] = read_path,	   [OPTION_INTERFACES] = read_interfaces,
		[OPTION_PER_PEER] = read_per_peer,
	};

	return readers[option->kind](config, option, value);
}

bool value_is_dns_name(const char *value)
{
	size_t length = strlen(value);
	size_t label;

	if (length > 0 && length < PEER_NAME_CAPACITY && value[length - 1] == '.')
		length--;
	if (!peer_name_is_valid(value, length))
		return false;
	for (size_t at = 0; at <= length; at += label + 1) {
		label = strcspn(value + at, ".");
		if (label == 0 || label > 63)
			return false;
	}
	return true;
}
