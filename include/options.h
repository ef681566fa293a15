/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the configuration: the one table of options, where an option more is a row more (and
 * a field in config.h), and how options are called and described. values.c reads their texts,
 * config.c and its parts (config_state.h) flags and environment.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "text.h"

#define OPTIONS_VARIABLE_PREFIX "KUBE_CANARY_"

/* What the field of struct config is, and thereby how its text is read. */
enum option_kind {
	OPTION_SWITCH,	       /* bool; takes no value, has no variable */
	OPTION_DURATION,       /* int64_t, nanoseconds */
	OPTION_NUMBER,	       /* uint32_t */
	OPTION_CHOICE,	       /* an enum, its values named by `choices` in order */
	OPTION_NAME,	       /* char [PEER_NAME_CAPACITY] or more */
	OPTION_PATH,	       /* char [CONFIG_TEXT_CAPACITY] */
	OPTION_PEERS,	       /* peers_static: repeatable, comma separated in the environment */
	OPTION_DNS_NAMES,      /* peers_dns: as OPTION_PEERS */
	OPTION_ZONES,	       /* peers_zones: as OPTION_PEERS */
	OPTION_INTERFACES,     /* bpf_interfaces */
	OPTION_LISTEN_ADDRESS, /* web_listen: as OPTION_PEERS */
	OPTION_PER_PEER,       /* metrics_per_peer */
};

struct option {
	const char *name;
	enum option_kind kind;
	size_t offset;		  /* of the field in struct config */
	const char *default_text; /* NULL: none; the field stays zero */
	int64_t minimum;	  /* of a duration or number, or octets of a name */
	int64_t maximum;
	const char *const *choices; /* ended by NULL */
	const char *help;
};

extern const struct option options[];
extern const size_t options_count;

/* By name without dashes, or by variable without its prefix; NULL: none. */
const struct option *option_find(const char *name, size_t length, bool variable);

/* Of a variable, for a character of a name: PROBE_INTERVAL for probe.interval. */
char option_variable_character(char character);

/* "--probe.interval" or "KUBE_CANARY_PROBE_INTERVAL". */
void option_append_name(struct text *text, const struct option *option, bool variable);

/* What its value should be, such as "a duration from 10ms to 1h, like 250ms or 1m30s". */
void option_append_expectation(struct text *text, const struct option *option);

#endif
