/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the values of `kube-canary ping`. What is no number, or out of bounds, is refused whole.
 * Must not know what becomes of them.
 */
#include "ping_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "echo.h"
#include "instant.h"
#include "kernel_abi.h"
#include "stamp.h"

#define COUNT_MAX    1000000000u
#define INTERVAL_MIN (10 * NS_PER_MS) /* the daemon's: more is no measurement but a flood */
#define INTERVAL_MAX (3600 * NS_PER_SECOND)
#define TIMEOUT_MIN  (10 * NS_PER_MS)
#define TIMEOUT_MAX  (4 * NS_PER_SECOND)
#define DEADLINE_MIN (10 * NS_PER_MS)
#define DEADLINE_MAX (365 * 24 * 3600 * NS_PER_SECOND)

const struct command_option ping_option_rows[PING_OPTIONS] = {
	{ 'c', "count", "N", "end after so many probes of each target" },
	{ 'i', "interval", "SECONDS", "between two probes of a target, 0.01 or more (1)" },
	{ 'W', "timeout", "SECONDS", "a probe not answered by then is lost, 0.01 to 4 (1)" },
	{ 'w', "deadline", "SECONDS", "end after that time, come what may" },
	{ 's', "size", "BYTES", "of ICMP or UDP payload; STAMP: 44, or 48 and more (44)" },
	{ 'Q', "tos", "TOS", "0 to 255, its lower two bits 0, or a DSCP's name such as ef" },
	{ 'M', "pmtudisc", "do|want|dont|probe",
	  "what is too large: dont, want: leaves in fragments, which are not stamped; do, "
	  "probe: is not sent, by the path's MTU or the link's (probe)" },
	{ 'T', "protocol", "icmp|stamp", "what is sent; STAMP: to nodes with a canary (icmp)" },
	{ 0, "port", "PORT", "of the STAMP reflectors (862)" },
	{ 0, "flows", "N", "STAMP source ports, used in turn, 1 to 8 (1)" },
	{ '4', "ipv4", NULL, "names stand for IPv4 addresses only" },
	{ '6', "ipv6", NULL, "names stand for IPv6 addresses only" },
	{ 'U', "user-time", NULL, "beside the kernel's time, what the socket's user sees" },
	{ 'D', "timestamps", NULL, "begin lines with the time of day (Unix)" },
	{ 'n', "numeric", NULL, "addresses only" },
	{ 'q', "quiet", NULL, "the summary only" },
	{ 'v', "verbose", NULL, "log what is done" },
	{ 0, "hook", "auto|tcx|clsact", "where the stamping programs attach (auto)" },
};

__attribute__((format(printf, 3, 4))) static int refuse(char error[COMMAND_ERROR_CAPACITY],
							const char *value, const char *format, ...)
{
	va_list arguments;
	int length = snprintf(error, COMMAND_ERROR_CAPACITY, "got \"%.64s\", expected ", value);

	va_start(arguments, format);
	vsnprintf(error + length, COMMAND_ERROR_CAPACITY - (size_t)length, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Digits only; hexadecimal with 0x where that is allowed. */
static bool read_number(const char *text, bool hex_allowed, uint64_t *ret)
{
	bool hex = hex_allowed && strncmp(text, "0x", 2) == 0;
	uint64_t number = 0;

	if (hex)
		text += 2;
	if (*text == '\0' || strlen(text) > 12)
		return false;
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			number = number * (hex ? 16 : 10) + (uint64_t)(*text - '0');
		else if (hex && (*text | 0x20) >= 'a' && (*text | 0x20) <= 'f')
			number = number * 16 + (uint64_t)((*text | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = number;
	return true;
}

/* 1, 0.2, .2, 5. are seconds, as ping(8) has it; 200ms and the like as the daemon does. */
static bool read_time(const char *text, int64_t *ret)
{
	int64_t unit_ns = NS_PER_SECOND, value_ns = 0;
	bool point = false, digits = false;

	if (config_parse_duration(text, ret) == 0)
		return true;
	for (; *text; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || value_ns > DEADLINE_MAX)
			return false;
		digits = true;
		if (point && unit_ns > 1) {
			unit_ns /= 10;
			value_ns += (*text - '0') * unit_ns;
		} else if (!point) {
			value_ns = value_ns * 10 + (*text - '0') * NS_PER_SECOND;
		}
	}
	*ret = value_ns;
	return digits;
}

static int take_time(const char *value, int64_t least, int64_t most, int64_t *ret,
		     char error[COMMAND_ERROR_CAPACITY])
{
	int64_t value_ns;

	if (!read_time(value, &value_ns) || value_ns < least || value_ns > most)
		return refuse(error, value, "seconds from %g to %g, or a duration such as 200ms",
			      (double)least / NS_PER_SECOND, (double)most / NS_PER_SECOND);
	*ret = value_ns;
	return 0;
}

static int take_number(const char *value, uint32_t least, uint32_t most, uint32_t *ret,
		       char error[COMMAND_ERROR_CAPACITY])
{
	uint64_t number;

	if (!read_number(value, false, &number) || number < least || number > most)
		return refuse(error, value, "a whole number from %u to %u", least, most);
	*ret = (uint32_t)number;
	return 0;
}

/* RFC 2474, 2597, 3246, 5865, 8622. */
static int take_tos(const char *value, uint32_t *ret_dscp, char error[COMMAND_ERROR_CAPACITY])
{
	static const struct {
		const char *name;
		uint32_t dscp;
	} names[] = {
		{ "cs0", 0 },	{ "cs1", 8 },	{ "cs2", 16 },	{ "cs3", 24 },	{ "cs4", 32 },
		{ "cs5", 40 },	{ "cs6", 48 },	{ "cs7", 56 },	{ "af11", 10 }, { "af12", 12 },
		{ "af13", 14 }, { "af21", 18 }, { "af22", 20 }, { "af23", 22 }, { "af31", 26 },
		{ "af32", 28 }, { "af33", 30 }, { "af41", 34 }, { "af42", 36 }, { "af43", 38 },
		{ "ef", 46 },	{ "va", 44 },	{ "le", 1 },
	};
	uint64_t number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, value) == 0) {
			*ret_dscp = names[i].dscp;
			return 0;
		}
	}
	if (!read_number(value, true, &number) || number > 255 || (number & 3) != 0)
		return refuse(error, value,
			      "0 to 255 (or 0x...) with the lower two bits 0, which are ECN's, or "
			      "the name of a DSCP: ef, af11 to af43, cs0 to cs7, va, le");
	*ret_dscp = (uint32_t)number >> 2;
	return 0;
}

/* Which of the alternatives that the option's row names. */
static int take_choice(const struct command_option *option, const char *value, int *ret,
		       char error[COMMAND_ERROR_CAPACITY])
{
	const char *at = option->argument;

	for (int index = 0; *at; index++) {
		size_t length = strcspn(at, "|");

		if (strlen(value) == length && strncmp(at, value, length) == 0) {
			*ret = index;
			return 0;
		}
		at += length + (at[length] == '|');
	}
	return refuse(error, value, "one of %s", option->argument);
}

static int take_fragments(struct ping_options *options, const struct command_option *option,
			  const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	static const int discoveries[] = { IP_PMTUDISC_DO, IP_PMTUDISC_WANT, IP_PMTUDISC_DONT,
					   IP_PMTUDISC_PROBE };
	int choice;

	if (take_choice(option, value, &choice, error))
		return -EINVAL;
	options->path_mtu_discovery = discoveries[choice];
	return 0;
}

static int take_hook(struct ping_options *options, const struct command_option *option,
		     const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	int choice;

	if (take_choice(option, value, &choice, error))
		return -EINVAL;
	options->hook = value;
	return 0;
}

static int take_protocol(struct ping_options *options, const struct command_option *option,
			 const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	int choice;

	if (take_choice(option, value, &choice, error))
		return -EINVAL;
	options->stamp = choice == 1;
	return 0;
}

static int take_target(struct ping_options *options, const char *value,
		       char error[COMMAND_ERROR_CAPACITY])
{
	if (*value == '\0' || strlen(value) > 253)
		return refuse(error, value, "an address, or a host's name of 1 to 253 octets");
	if (options->target_count == PING_TARGETS_MAX)
		return refuse(error, value, "at most %d targets", PING_TARGETS_MAX);
	options->targets[options->target_count++] = value;
	return 0;
}

static int take_family(struct ping_options *options, enum ping_family family,
		       char error[COMMAND_ERROR_CAPACITY])
{
	if (options->family != PING_FAMILY_ANY && options->family != family)
		return refuse(error, "-4 and -6", "one of them");
	options->family = family;
	return 0;
}

static int take_switch(struct ping_options *options, const struct command_option *option,
		       char error[COMMAND_ERROR_CAPACITY])
{
	switch (option->letter) {
	case '4':
		return take_family(options, PING_FAMILY_IPV4, error);
	case '6':
		return take_family(options, PING_FAMILY_IPV6, error);
	case 'U':
		options->user_time = true;
		break;
	case 'D':
		options->dates = true;
		break;
	case 'n':
		options->numeric = true;
		break;
	case 'q':
		options->quiet = true;
		break;
	default:
		options->verbose = true;
		break;
	}
	return 0;
}

/* Those without a letter. */
static int take_long(struct ping_options *options, const struct command_option *option,
		     const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	if (strcmp(option->name, "port") == 0) {
		options->port_given = true;
		return take_number(value, 1, UINT16_MAX, &options->port, error);
	}
	if (strcmp(option->name, "flows") == 0) {
		options->flows_given = true;
		return take_number(value, 1, KC_FLOWS_MAX, &options->flows, error);
	}
	return take_hook(options, option, value, error);
}

int ping_options_take(void *ctx, const struct command_option *option, const char *value,
		      char error[COMMAND_ERROR_CAPACITY])
{
	struct ping_options *options = ctx;
	uint32_t count = 0;
	int err;

	if (!option)
		return take_target(options, value, error);
	if (!value)
		return take_switch(options, option, error);
	switch (option->letter) {
	case 'c':
		err = take_number(value, 1, COUNT_MAX, &count, error);
		options->count = err ? options->count : count;
		return err;
	case 'i':
		return take_time(value, INTERVAL_MIN, INTERVAL_MAX, &options->interval_ns, error);
	case 'W':
		return take_time(value, TIMEOUT_MIN, TIMEOUT_MAX, &options->timeout_ns, error);
	case 'w':
		return take_time(value, DEADLINE_MIN, DEADLINE_MAX, &options->deadline_ns, error);
	case 's':
		return take_number(value, ECHO_PAYLOAD_MIN, ECHO_PAYLOAD_MAX, &options->size,
				   error);
	case 'Q':
		return take_tos(value, &options->dscp, error);
	case 'M':
		return take_fragments(options, option, value, error);
	case 'T':
		return take_protocol(options, option, value, error);
	default:
		return take_long(options, option, value, error);
	}
}

bool ping_options_fragment(const struct ping_options *options)
{
	return options->path_mtu_discovery == IP_PMTUDISC_DONT ||
	       options->path_mtu_discovery == IP_PMTUDISC_WANT;
}

int ping_options_check(const struct ping_options *options, char error[COMMAND_ERROR_CAPACITY])
{
	const char *why = NULL;

	if (options->target_count == 0)
		why = "a target is missing: an address or a host's name";
	else if (!options->stamp && options->flows_given)
		why = "--flows: flows are told apart by UDP ports, with --protocol=stamp only";
	else if (!options->stamp && options->port_given)
		why = "--port: ICMP has no ports, with --protocol=stamp only";
	else if (options->stamp && options->size > STAMP_BYTES &&
		 options->size < STAMP_BYTES + sizeof(struct stamp_tlv))
		why = "--size: STAMP is padded by a TLV of 4 octets at least: 44, or 48 and more";
	if (!why)
		return 0;
	snprintf(error, COMMAND_ERROR_CAPACITY, "%s", why);
	return -EINVAL;
}
