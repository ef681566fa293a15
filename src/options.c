/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of options and its printing: names, variables, --help, expectations in errors. Must
 * not know how values are read.
 */
#include "options.h"

#include <string.h>

#include "directory.h"
#include "echo.h"
#include "instant.h"
#include "kernel_abi.h"
#include "stamp.h"

static const char *const hooks[] = { "auto", "tcx", "clsact", "xdp", NULL };
static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const formats[] = { "logfmt", "json", NULL };
static const char *const protocols[] = { "stamp", "icmp", NULL };
static const char *const truths[] = { "true", "false", NULL };
static const char *const stampers[] = { "auto", "bpf", "socket", NULL };
static const char *const families[] = { "auto", "ipv4", "ipv6", "both", NULL };

/* One size for both. */
_Static_assert(ECHO_PAYLOAD_MIN == STAMP_BYTES, "smallest probe");
_Static_assert(ECHO_PAYLOAD_MAX == STAMP_BYTES_MAX, "largest probe");

#define FIELD(name) offsetof(struct config, name)

const struct option options[] = {
	{ "node.name", OPTION_NAME, FIELD(node_name), NULL, 1, PEER_NAME_CAPACITY - 1, NULL,
	  "name of this node (default: the host's name)" },
	{ "node.zone", OPTION_NAME, FIELD(node_zone), NULL, 0, STAMP_ZONE_MAX, NULL,
	  "zone of this node" },
	{ "peers.static", OPTION_PEERS, 0, NULL, 0, 0, NULL, "a peer; repeatable" },
	{ "peers.file", OPTION_PATH, FIELD(peers_file), NULL, 0, 0, NULL,
	  "file of peers, read again when it changes" },
	{ "peers.dns", OPTION_DNS_NAMES, 0, NULL, 0, 0, NULL,
	  "DNS name whose A and AAAA records are peers; repeatable" },
	{ "peers.family", OPTION_CHOICE, FIELD(peers_family), "auto", 0, 0, families,
	  "which address of a peer is probed; auto: of the family that has more" },
	{ "peers.zone", OPTION_ZONES, 0, NULL, 0, 0, NULL,
	  "zone of the peers in a range of addresses; repeatable" },
	{ "peers.linger", OPTION_DURATION, FIELD(peers_linger_ns), "5m", 0,
	  24 * 3600 * NS_PER_SECOND, NULL,
	  "time for which a peer is probed on that no source names any more" },
	{ "peers.max", OPTION_NUMBER, FIELD(peers_max), "2048", 1, DIRECTORY_MAX, NULL,
	  "addresses known at most; sizes the memory" },
	{ "probe.interval", OPTION_DURATION, FIELD(probe_interval_ns), "1s", 10 * NS_PER_MS,
	  3600 * NS_PER_SECOND, NULL, "time between two probes of a peer" },
	{ "probe.timeout", OPTION_DURATION, FIELD(probe_timeout_ns), "1s", 10 * NS_PER_MS,
	  4 * NS_PER_SECOND, NULL, "a probe not answered by then is lost" },
	{ "probe.protocol", OPTION_CHOICE, FIELD(probe_protocol), "stamp", 0, 0, protocols,
	  "how peers are probed; the peers file may say otherwise of each" },
	{ "probe.flows", OPTION_NUMBER, FIELD(probe_flows), "4", 1, KC_FLOWS_MAX, NULL,
	  "STAMP source ports, used in turn, so that parallel paths are all walked" },
	{ "probe.dscp", OPTION_NUMBER, FIELD(probe_dscp), "0", 0, 63, NULL,
	  "differentiated services code point of probes" },
	{ "probe.size", OPTION_NUMBER, FIELD(probe_size), "44", ECHO_PAYLOAD_MIN, ECHO_PAYLOAD_MAX,
	  NULL, "octets of UDP or ICMP payload; STAMP: 44, or 48 and more" },
	{ "probe.max", OPTION_NUMBER, FIELD(probe_max), "128", 1, 5120, NULL,
	  "peers probed at most; sizes the memory" },
	{ "stamp.port", OPTION_NUMBER, FIELD(stamp_port), "862", 1, UINT16_MAX, NULL,
	  "UDP port of the reflectors, ours and the peers'" },
	{ "reflector", OPTION_CHOICE, FIELD(reflector), "true", 0, 0, truths,
	  "answer the STAMP probes of peers" },
	{ "mesh.full-below", OPTION_NUMBER, FIELD(mesh_full_below), "64", 0, 5120, NULL,
	  "up to so many peers, each probes all others" },
	{ "mesh.degree", OPTION_NUMBER, FIELD(mesh_degree), "16", 0, 1024, NULL,
	  "of more peers, each probes so many; 0: reflect only, probe nobody" },
	{ "timestamps", OPTION_CHOICE, FIELD(timestamps), "auto", 0, 0, stampers,
	  "who stamps the packets; auto: the sockets only where BPF is refused" },
	{ "bpf.hook", OPTION_CHOICE, FIELD(bpf_hook), "auto", 0, 0, hooks,
	  "where the stamping programs attach" },
	{ "bpf.interfaces", OPTION_INTERFACES, 0, "auto", 0, 0, NULL,
	  "interfaces to attach to; auto: those that peers are routed over" },
	{ "bpf.pin-path", OPTION_PATH, FIELD(bpf_pin_path), NULL, 0, 0, NULL,
	  "folder to pin the maps in (default: not pinned)" },
	{ "web.listen-address", OPTION_LISTEN_ADDRESS, 0, ":10862", 0, 0, NULL,
	  "where metrics are served; repeatable; port 0: any" },
	{ "metrics.per-peer", OPTION_PER_PEER, FIELD(metrics_per_peer), "all", 1, 5120, NULL,
	  "which peers have series of their own; the zones' are always complete" },
	{ "seccomp", OPTION_CHOICE, FIELD(seccomp), "true", 0, 0, truths,
	  "end a process that makes a system call beyond those that it needs" },
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

const struct option *option_find(const char *name, size_t length, bool variable)
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

void option_append_name(struct text *text, const struct option *option, bool variable)
{
	text_append(text, variable ? OPTIONS_VARIABLE_PREFIX : "--");
	for (const char *from = option->name; *from; from++) {
		char character = variable ? option_variable_character(*from) : *from;

		text_append_bytes(text, &character, 1);
	}
}

/* How each kind is described. */
static const struct {
	const char *form;
	const char *expectation;
} kinds[] = {
	[OPTION_SWITCH] = { "", "no value" },
	[OPTION_DURATION] = { "=DURATION", "a duration from " },
	[OPTION_NUMBER] = { "=N", "a whole number from " },
	[OPTION_CHOICE] = { "=", "one of " },
	[OPTION_NAME] = { "=NAME", "letters, digits, dots, dashes and underscores, " },
	[OPTION_PATH] = { "=PATH", "a path of 1 to 255 octets, without control characters" },
	[OPTION_PEERS] = { "=[NAME=]ADDRESS", "NAME=ADDRESS or ADDRESS" },
	[OPTION_DNS_NAMES] = { "=NAME", "a DNS name of 1 to 253 letters, digits, dots, dashes and "
					"underscores, and no IP address" },
	[OPTION_ZONES] = { "=ZONE=CIDR", "ZONE=CIDR, such as zone-a=10.1.0.0/16" },
	[OPTION_INTERFACES] = { "=auto|NAME,...",
				"auto, or at most 16 different interface names of 1 to 15 "
				"characters, separated by commas" },
	[OPTION_LISTEN_ADDRESS] = { "=[ADDRESS]:PORT",
				    "ADDRESS:PORT, [IPV6]:PORT or :PORT, with a literal address "
				    "and a port from 0 to 65535" },
	[OPTION_PER_PEER] = { "=all|worst:N|none", "all, none, or worst:N with N from " },
};

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

	while (duration_ns % units[unit].ns != 0 ||
	       (duration_ns == 0 && units[unit].ns > NS_PER_SECOND))
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
	while (text.length < CONFIG_HELP_COLUMN && !text.overflowed);
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
