/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of options and its printing: names, variables, --help, expectations in errors, and
 * which option a misspelt one was meant to be. Must not know how values are read.
 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "echo.h"
#include "instant.h"

static const char *const hooks[] = { "auto", "tcx", "clsact", "xdp", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const formats[] = { "logfmt", "json", NULL };

#define FIELD(name) offsetof(struct config, name)

const struct option options[] = {
	{ "node.name", OPTION_NAME, FIELD(node_name), NULL, 1, PEER_NAME_CAPACITY - 1, NULL,
	  "name of this node (default: the host's name)" },
	{ "node.zone", OPTION_NAME, FIELD(node_zone), NULL, 0, PEER_NAME_CAPACITY - 1, NULL,
	  "zone of this node" },
	{ "peers.static", OPTION_PEERS, 0, NULL, 0, 0, NULL, "a peer; repeatable" },
	{ "peers.file", OPTION_PATH, FIELD(peers_file), NULL, 0, 0, NULL,
	  "file of peers, read again when it changes" },
	{ "probe.interval", OPTION_DURATION, FIELD(probe_interval_ns), "1s", 10 * NS_PER_MS,
	  3600 * NS_PER_SECOND, NULL, "time between two probes of a peer" },
	{ "probe.timeout", OPTION_DURATION, FIELD(probe_timeout_ns), "1s", 10 * NS_PER_MS,
	  60 * NS_PER_SECOND, NULL, "a probe not answered by then is lost" },
	{ "probe.dscp", OPTION_NUMBER, FIELD(probe_dscp), "0", 0, 63, NULL,
	  "differentiated services code point of probes" },
	{ "probe.size", OPTION_NUMBER, FIELD(probe_size), "44", ECHO_PAYLOAD_MIN, ECHO_PAYLOAD_MAX,
	  NULL, "octets of ICMP payload" },
	{ "probe.max", OPTION_NUMBER, FIELD(probe_max), "128", 1, 5120, NULL,
	  "peers probed at most; sizes the memory" },
	{ "bpf.hook", OPTION_CHOICE, FIELD(bpf_hook), "auto", 0, 0, hooks,
	  "where the stamping programs attach" },
	{ "bpf.interfaces", OPTION_INTERFACES, 0, "auto", 0, 0, NULL,
	  "interfaces to attach to; auto: those that peers are routed over" },
	{ "bpf.pin-path", OPTION_PATH, FIELD(bpf_pin_path), NULL, 0, 0, NULL,
	  "folder to pin the maps in (default: not pinned)" },
	{ "web.listen-address", OPTION_LISTEN_ADDRESS, 0, ":10862", 0, 0, NULL,
	  "where metrics are served; port 0: any" },
	{ "log.level", OPTION_CHOICE, FIELD(log_level), "info", 0, 0, levels,
	  "least severity that is logged" },
	{ "log.format", OPTION_CHOICE, FIELD(log_format), "logfmt", 0, 0, formats,
	  "how lines are logged" },
	{ "check-config", OPTION_SWITCH, FIELD(check_config), NULL, 0, 0, NULL,
	  "check the configuration and exit" },
	{ "help", OPTION_SWITCH, FIELD(help), NULL, 0, 0, NULL, "this list; also -h" },
	{ "version", OPTION_SWITCH, FIELD(version), NULL, 0, 0, NULL,
	  "print the version and exit" },
};

const size_t options_count = sizeof(options) / sizeof(options[0]);

char option_variable_character(char character)
{
	if (character == '.' || character == '-')
		return '_';
	return character >= 'a' && character <= 'z' ? (char)(character - 'a' + 'A') : character;
}

void option_append_name(struct text *text, const struct option *option, bool variable)
{
	text_append(text, variable ? OPTIONS_VARIABLE_PREFIX : "--");
	for (const char *from = option->name; *from; from++) {
		char character = variable ? option_variable_character(*from) : *from;

		text_append_bytes(text, &character, 1);
	}
}

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

static bool read_listen_address(struct config *config, const struct option *option,
				const char *value)
{
	const char *colon = strrchr(value, ':');
	const char *host = value;
	char copy[sizeof(config->web_listen_host)] = "";
	struct address address;
	size_t host_length;
	int64_t port;

	(void)option;
	if (!colon || strlen(value) >= CONFIG_TEXT_CAPACITY ||
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
	memcpy(config->web_listen_address, value, strlen(value) + 1);
	memcpy(config->web_listen_host, copy, sizeof(copy));
	config->web_listen_port = (uint16_t)port;
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

/* How each kind is read and described. */
static const struct {
	bool (*read)(struct config *config, const struct option *option, const char *value);
	const char *form;
	const char *expectation;
} kinds[] = {
	[OPTION_SWITCH] = { NULL, "", "no value" },
	[OPTION_DURATION] = { read_duration, "=DURATION", "a duration from " },
	[OPTION_NUMBER] = { read_number, "=N", "a whole number from " },
	[OPTION_CHOICE] = { read_choice, "=", "one of " },
	[OPTION_NAME] = { read_name, "=NAME", "letters, digits, dots, dashes and underscores, " },
	[OPTION_PATH] = { read_path, "=PATH",
			  "a path of 1 to 255 octets, without control characters" },
	[OPTION_PEERS] = { NULL, "=[NAME=]ADDRESS", "NAME=ADDRESS or ADDRESS" },
	[OPTION_INTERFACES] = { read_interfaces, "=auto|NAME,...",
				"auto, or at most 16 different interface names of 1 to 15 "
				"characters, "
				"separated by commas" },
	[OPTION_LISTEN_ADDRESS] = { read_listen_address, "=[ADDRESS]:PORT",
				    "ADDRESS:PORT, [IPV6]:PORT or :PORT, with a literal address "
				    "and a "
				    "port from 0 to 65535" },
};

bool option_read(const struct option *option, const char *value, struct config *config)
{
	return kinds[option->kind].read(config, option, value);
}

/* Bounds are round: one unit is enough. */
static void append_duration(struct text *text, int64_t duration_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "h", 3600 * NS_PER_SECOND }, { "m", 60 * NS_PER_SECOND }, { "s", NS_PER_SECOND },
		{ "ms", NS_PER_MS },	       { "us", NS_PER_US },	    { "ns", 1 },
	};
	size_t unit = 0;

	while (duration_ns % units[unit].ns != 0)
		unit++;
	text_append_uint(text, (uint64_t)(duration_ns / units[unit].ns));
	text_append(text, units[unit].name);
}

static void append_bounds(struct text *text, const struct option *option)
{
	if (option->kind == OPTION_DURATION) {
		append_duration(text, option->minimum);
		text_append(text, " to ");
		append_duration(text, option->maximum);
	} else {
		text_append_uint(text, (uint64_t)option->minimum);
		text_append(text, " to ");
		text_append_uint(text, (uint64_t)option->maximum);
	}
}

static void append_choices(struct text *text, const struct option *option, const char *separator)
{
	for (const char *const *choice = option->choices; *choice; choice++) {
		text_append(text, choice == option->choices ? "" : separator);
		text_append(text, *choice);
	}
}

void option_append_expectation(struct text *text, const struct option *option)
{
	text_append(text, kinds[option->kind].expectation);
	if (option->choices)
		append_choices(text, option, ", ");
	else if (option->maximum > 0)
		append_bounds(text, option);
	if (option->kind == OPTION_DURATION)
		text_append(text, ", like 250ms or 1m30s");
	else if (option->kind == OPTION_NAME)
		text_append(text, " of them");
}

#define HELP_COLUMN 39

bool config_help_line(size_t row, char *buffer, size_t capacity)
{
	const struct option *option = &options[row < options_count ? row : 0];
	struct text text = text_over(buffer, capacity - 1); /* and the terminating zero */

	if (row >= options_count)
		return false;
	text_append(&text, "  ");
	option_append_name(&text, option, false);
	text_append(&text, kinds[option->kind].form);
	if (option->choices)
		append_choices(&text, option, "|");
	do
		text_append(&text, " ");
	while (text.length < HELP_COLUMN && !text.overflowed);
	text_append(&text, option->help);
	if (option->default_text) {
		text_append(&text, " (default ");
		text_append(&text, option->default_text);
		if (option->maximum > 0) {
			text_append(&text, ", ");
			append_bounds(&text, option);
		}
		text_append(&text, ")");
	}
	if (option->kind != OPTION_SWITCH) {
		text_append(&text, " [");
		option_append_name(&text, option, true);
		text_append(&text, "]");
	}
	buffer[text.length] = '\0';
	return true;
}
