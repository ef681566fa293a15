/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads flags and environment by the table of options into a struct config, or says in one line
 * what is wrong. Must not know what an option is for, beyond what no single option can tell.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "options.h"
#include "values.h"

#define QUOTED_LENGTH 64 /* of an offending text, longer ones are cut */

/* The configuration in the making, and who is speaking. */
struct reading {
	struct config config;
	uint64_t given; /* bit = row of the table */
	const struct option *option;
	bool variable;
	/* Of peers and of names in the environment, cut at their commas. */
	struct {
		char *text;
		size_t length;
	} lists[2];
	char *ret_error;
};

/* By name without dashes, or by variable without its prefix; NULL: none. */
static const struct option *find_option(const char *name, size_t length, bool variable)
{
	for (size_t row = 0; row < options_count; row++) {
		const char *own = options[row].name;
		size_t same = 0;

		if (strlen(own) != length || (variable && options[row].kind == OPTION_SWITCH))
			continue;
		while (same < length &&
		       name[same] == (variable ? option_variable_character(own[same]) : own[same]))
			same++;
		if (same == length)
			return &options[row];
	}
	return NULL;
}

#define COMPARED_LENGTH 32 /* longer than any name by more than may be wrong */

/* Insertions, deletions and replacements (Levenshtein) that make one the other, in any spelling. */
static size_t edit_distance(const char *a, size_t a_length, const char *b)
{
	size_t b_length = strlen(b);
	size_t row[COMPARED_LENGTH + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 0; i < a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b_length; j++) {
			size_t replaced = diagonal + (option_variable_character(a[i]) !=
						      option_variable_character(b[j]));
			size_t other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replaced < other ? replaced : other;
		}
	}
	return row[b_length];
}

/* The one that was probably meant; NULL: nothing is near. */
static const struct option *find_nearest_option(const char *name, size_t length)
{
	const struct option *nearest = NULL;
	size_t limit = length / 3 + 2; /* from here on it is another word */

	if (length > COMPARED_LENGTH)
		return NULL;
	for (size_t row = 0; row < options_count; row++) {
		const char *group_end = strchr(options[row].name, '.');
		size_t distance = edit_distance(name, length, options[row].name);
		size_t distance_of_end = group_end ? 1 + edit_distance(name, length, group_end + 1)
						   : SIZE_MAX;

		if (distance_of_end < distance) /* the group was forgotten */
			distance = distance_of_end;
		if (distance < limit) {
			limit = distance;
			nearest = &options[row];
		}
	}
	return nearest;
}

static void append_quoted(struct text *text, const char *value, size_t length)
{
	static const char hexadecimal[] = "0123456789abcdef";

	text_append(text, "\"");
	for (size_t i = 0; i < length && i < QUOTED_LENGTH; i++) {
		unsigned char octet = (unsigned char)value[i];
		char escape[] = { '\\', 'x', hexadecimal[octet >> 4], hexadecimal[octet & 15] };

		if (octet < 0x20 || octet > 0x7e) {
			text_append_bytes(text, escape, sizeof(escape));
			continue;
		}
		if (octet == '"' || octet == '\\')
			text_append(text, "\\");
		text_append_bytes(text, &value[i], 1);
	}
	text_append(text, length > QUOTED_LENGTH ? "...\"" : "\"");
}

/* The line so far: CONFIG_ERROR_CAPACITY holds any, and its terminating zero was written before. */
static struct text error_line(const struct reading *reading)
{
	memset(reading->ret_error, 0, CONFIG_ERROR_CAPACITY);
	return text_over(reading->ret_error, CONFIG_ERROR_CAPACITY - 1);
}

/* value NULL: there is none. expected NULL: as the table says. */
static int refuse(const struct reading *reading, const char *value, const char *expected)
{
	struct text text = error_line(reading);

	option_append_name(&text, reading->option, reading->variable);
	text_append(&text, ": got ");
	if (value)
		append_quoted(&text, value, strlen(value));
	else
		text_append(&text, "no value");
	text_append(&text, ", expected ");
	if (expected)
		text_append(&text, expected);
	else
		option_append_expectation(&text, reading->option);
	return -EINVAL;
}

static int refuse_unknown(const struct reading *reading, const char *what, const char *whole,
			  const char *name, size_t length)
{
	struct text text = error_line(reading);
	const struct option *nearest = find_nearest_option(name, length);

	text_append(&text, what);
	text_append(&text, " ");
	append_quoted(&text, whole, (size_t)(name - whole) + length);
	if (nearest && !(reading->variable && nearest->kind == OPTION_SWITCH)) {
		text_append(&text, ", did you mean ");
		option_append_name(&text, nearest, reading->variable);
	} else {
		text_append(&text, ", expected one of those that --help lists");
	}
	return -EINVAL;
}

/* Duplicates are sought by parsing all again: this is done once, and needs no memory. */
static int read_peer(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;
	struct peer_candidate peer;
	struct peer_candidate other;
	const char *expected = NULL;

	if (peer_parse_static(value, &peer, &expected) < 0)
		return refuse(reading, value, expected);
	if (config->peers_static_count == CONFIG_STATIC_PEERS)
		return refuse(reading, value, "at most 128 peers; more belong into a file");
	for (uint32_t i = 0; i < config->peers_static_count; i++) {
		if (peer_parse_static(config->peers_static[i], &other, &expected) < 0)
			continue;
		if (address_equal(&peer.address, &other.address))
			return refuse(reading, value, "an address that no other peer has");
		if (peer.name[0] && strcmp(peer.name, other.name) == 0)
			return refuse(reading, value, "a name that no other peer has");
	}
	config->peers_static[config->peers_static_count++] = value;
	return 0;
}

static int read_dns_name(struct reading *reading, const char *value)
{
	struct config *config = &reading->config;

	if (!value_is_dns_name(value))
		return refuse(reading, value, NULL);
	if (config->peers_dns_count == CONFIG_DNS_NAMES)
		return refuse(reading, value, "at most 8 names");
	for (uint32_t i = 0; i < config->peers_dns_count; i++) {
		if (strcasecmp(config->peers_dns[i], value) == 0)
			return refuse(reading, value, "each name once");
	}
	config->peers_dns[config->peers_dns_count++] = value;
	return 0;
}

static bool is_list(const struct option *option)
{
	return option->kind == OPTION_PEERS || option->kind == OPTION_DNS_NAMES;
}

static int read_element(struct reading *reading, const struct option *option, const char *value)
{
	return option->kind == OPTION_PEERS ? read_peer(reading, value)
					    : read_dns_name(reading, value);
}

static int read_list(struct reading *reading, const struct option *option, char *list)
{
	size_t which = option->kind == OPTION_PEERS ? 0 : 1;
	int err = 0;

	if (reading->lists[which].text)
		return refuse(reading, list, "it only once: it is given twice");
	reading->lists[which].text = list;
	reading->lists[which].length = strlen(list);
	for (char *value = list; value && !err;) {
		char *next = strchr(value, ',');

		if (next)
			*next++ = '\0';
		err = read_element(reading, option, value);
		value = next;
	}
	return err;
}

static void restore_lists(const struct reading *reading)
{
	for (size_t which = 0; which < 2; which++) {
		for (size_t i = 0; i < reading->lists[which].length; i++) {
			if (reading->lists[which].text[i] == '\0')
				reading->lists[which].text[i] = ',';
		}
	}
}

/* Only lists may be given again. */
static int read_option(struct reading *reading, const struct option *option, const char *value)
{
	uint64_t bit = UINT64_C(1) << (option - options);
	bool again = reading->given & bit;

	reading->given |= bit;
	if (is_list(option))
		return read_element(reading, option, value);
	if (again)
		return refuse(reading, value, "it only once: it is given twice");
	if (!value_read(option, value, &reading->config))
		return refuse(reading, value, NULL);
	return 0;
}

static int read_flag(struct reading *reading, const char *flag, const char *next,
		     bool *ret_took_next)
{
	const char *name = flag + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? &name[length + 1] : NULL;

	reading->option = find_option(name, length, false);
	if (!reading->option)
		return refuse_unknown(reading, "unknown option", flag, name, length);
	if (reading->option->kind == OPTION_SWITCH) {
		bool *field = (void *)((char *)&reading->config + reading->option->offset);

		*field = true;
		return value ? refuse(reading, value, NULL) : 0;
	}
	*ret_took_next = !value && next && strncmp(next, "--", 2) != 0;
	if (*ret_took_next)
		value = next;
	return value ? read_option(reading, reading->option, value) : refuse(reading, NULL, NULL);
}

static int read_flags(struct reading *reading, int argc, char *const argv[])
{
	int err = 0;

	for (int i = 0; i < argc && !err; i++) {
		const char *flag = strcmp(argv[i], "-h") == 0 ? "--help" : argv[i];
		bool took_next = false;

		if (flag[0] != '-')
			return refuse_unknown(reading, "unexpected argument", flag, flag,
					      strlen(flag));
		if (strncmp(flag, "--", 2) != 0)
			return refuse_unknown(reading, "unknown option", flag, flag, strlen(flag));
		err = read_flag(reading, flag, i + 1 < argc ? argv[i + 1] : NULL, &took_next);
		i += took_next;
	}
	return err;
}

/* Kubernetes sets these for every Service named kube-canary or kube-canary-…: FOO_SERVICE_HOST,
 * FOO_SERVICE_PORT[_NAME], FOO_PORT and FOO_PORT_80_TCP[_ADDR|_PORT|_PROTO]. They are no misspelt
 * options, and that of a Service kube-canary-stamp is not --stamp.port. */
static bool is_service_link(const char *variable)
{
	const char *name = variable + strlen(OPTIONS_VARIABLE_PREFIX) - 1;
	const char *value = strchr(name, '=');
	const char *at;

	if (memmem(name, (size_t)(value - name), "_SERVICE_PORT", 13))
		return true;
	if (value - name >= 13 && memcmp(value - 13, "_SERVICE_HOST", 13) == 0)
		return true;
	for (at = name; (at = memmem(at, (size_t)(value - at), "_PORT", 5)); at++) {
		if (at[5] == '=' ? strstr(value, "://") != NULL
				 : at[5] == '_' && at[6] >= '0' && at[6] <= '9')
			return true;
	}
	return false;
}

static int read_variable(struct reading *reading, uint64_t given_by_flags, char *variable)
{
	char *name = variable + strlen(OPTIONS_VARIABLE_PREFIX);
	size_t length = strcspn(name, "=");
	char *value = &name[length + 1];
	const struct option *option = find_option(name, length, true);

	reading->option = option;
	if (is_service_link(variable))
		return 0;
	if (!option)
		return refuse_unknown(reading, "unknown variable", variable, name, length);
	if (given_by_flags & (UINT64_C(1) << (option - options)))
		return 0;
	return is_list(option) ? read_list(reading, option, value)
			       : read_option(reading, option, value);
}

static int read_environment(struct reading *reading, char *const environment[])
{
	const uint64_t given_by_flags = reading->given;
	int err = 0;

	reading->variable = true;
	for (; environment && *environment && !err; environment++) {
		if (strncmp(*environment, OPTIONS_VARIABLE_PREFIX,
			    strlen(OPTIONS_VARIABLE_PREFIX)) == 0 &&
		    strchr(*environment, '='))
			err = read_variable(reading, given_by_flags, *environment);
	}
	return err;
}

int config_read(int argc, char *const argv[], char *const environment[], struct config *ret,
		char ret_error[static CONFIG_ERROR_CAPACITY])
{
	struct reading reading = { .ret_error = ret_error };
	int err = 0;

	for (size_t row = 0; row < options_count; row++) {
		if (options[row].default_text)
			(void)value_read(&options[row], options[row].default_text, &reading.config);
	}
	err = read_flags(&reading, argc, argv);
	/* Whoever asks for help should get it whatever the environment says. */
	if (!err && !reading.config.help && !reading.config.version) {
		err = read_environment(&reading, environment);
		err = err ? err : config_check(&reading.config, ret_error);
	}
	if (err) {
		restore_lists(&reading);
		return err;
	}
	*ret = reading.config;
	return 0;
}
